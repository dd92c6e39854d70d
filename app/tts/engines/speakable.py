"""What of a text can be said aloud."""

import unicodedata

import numpy as np

from app.media.audio import Audio

SILENCE_SECONDS = 0.2
LATIN_1_END = 0xFF  # signs up to here, such as the degree, are read by their names


def spoken_text(text: str) -> str:
    """The text on one line without emojis and other pictures; empty when nothing is left to say."""
    said = " ".join("".join(character for character in text if not _is_picture(character)).split())
    return said if any(character.isalnum() for character in said) else ""


def silence(sample_rate: int) -> Audio:
    """What saying nothing sounds like."""
    return Audio(np.zeros(round(SILENCE_SECONDS * sample_rate), dtype=np.float32), sample_rate)


def _is_picture(character: str) -> bool:
    return ord(character) > LATIN_1_END and unicodedata.category(character) in {"So", "Sk", "Cs"}
