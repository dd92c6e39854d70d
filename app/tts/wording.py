"""Which wording of a line fits its time: by an estimate before it is spoken, by measure after."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.core.languages import base_language
from app.subtitles.cues import without_markup

# Characters a second at an even pace, with blanks and punctuation.
_USUAL = 15.0
_USUAL_BY_LANGUAGE = {
    "ko": 7.0,
    "ja": 7.5,
    "zh": 4.8,
    "yue": 4.8,
    "th": 11.0,
    "hi": 12.5,
    "ar": 12.5,
    "he": 12.5,
}
# The usual pace counts as much as so many characters that were measured.
_WEIGHT_OF_USUAL = 40
_KNOWN_AFTER_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Pace:
    """How many characters a voice has said in how many seconds, at a speaking rate of 1."""

    characters: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Pace") -> "Pace":
        return Pace(self.characters + other.characters, self.seconds + other.seconds)


@dataclass(frozen=True, slots=True)
class LengthEstimate:
    """How long voices take in a language, by what was measured of each."""

    language: str
    paces: Mapping[str, Pace] = field(default_factory=dict)

    def seconds(self, text: str, voice_id: str, speaking_rate: float = 1.0) -> float:
        """The less a voice has been heard, the nearer to what is usual in the language."""
        pace = self.paces.get(voice_id, Pace())
        usual = _USUAL_BY_LANGUAGE.get(base_language(self.language), _USUAL)
        characters = pace.characters + _WEIGHT_OF_USUAL
        seconds = pace.seconds + _WEIGHT_OF_USUAL / usual
        return len(said(text)) * seconds / characters / speaking_rate

    def knows(self, voice_id: str) -> bool:
        """Whether enough was heard of the voice to go by."""
        return self.paces.get(voice_id, Pace()).characters >= _KNOWN_AFTER_CHARACTERS

    def having_heard(self, spoken: Iterable[tuple[str, Pace]]) -> "LengthEstimate":
        """With more measured: voices and what each said."""
        paces = dict(self.paces)
        for voice_id, pace in spoken:
            paces[voice_id] = paces.get(voice_id, Pace()) + pace
        return replace(self, paces=paces)


def said(text: str) -> str:
    """The words alone on one line, as they are given to a voice."""
    return " ".join(without_markup(text).split())


def best_wording(wordings: Sequence[str], seconds: Callable[[str], float], room: float) -> str:
    """The first, and so the longest, that takes at most `room` seconds, or else the shortest."""
    fitting = (wording for wording in wordings if seconds(wording) <= room)
    return next(fitting, min(wordings, key=seconds))


def shorter_wording(wordings: Iterable[str], text: str, length: float, room: float) -> str | None:
    """The longest that should fit, by `text` having taken `length` seconds; None if none would."""
    per_character = length / max(1, len(said(text)))
    fitting = [wording for wording in wordings if len(said(wording)) * per_character <= room]
    return max(fitting, key=len, default=None)


def most_characters(text: str, length: float, room: float) -> int:
    """How many characters fit into `room` seconds at the pace at which `text` took `length`."""
    return max(1, int(len(said(text)) * room / length))


def fits_better(length: float, than: float, room: float) -> bool:
    """Whether a wording that takes `length` seconds is better than another: as much as fits is said, and
    of what does not fit the shortest."""
    if length <= room and than <= room:
        return length > than
    return length < than
