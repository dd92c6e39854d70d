"""A part of a dub's sound as a file: its packets, and behind them how loud they are. Blocking."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.media.audio import Samples
from app.media.loudness import Energies
from app.media.sound_parts import Part, SoundCodec, encode_part, encoded_range
from app.media.true_peak import true_peak
from app.render.mixer import CEILING, HIGHEST_PEAK, HOP, PartRecipe, mix, stereo_energies

# Below the highest peak.
ATTEMPTS = 3
ENERGY = np.dtype("<f4")


def encode_to(path: Path, original: Samples, voice: Samples, recipe: PartRecipe, codec: SoundCodec) -> None:
    """The part's packets, and behind them the energies of what is heard of it.

    Where its true peak is too high after all, it is made again under a lower ceiling.
    """
    part, ceiling = recipe.part, CEILING
    for _ in range(ATTEMPTS):
        encoded = encode_part(mix(original, voice, recipe, codec, ceiling), part, codec)
        peak = true_peak(encoded.heard)
        if peak <= HIGHEST_PEAK:
            break
        ceiling *= 0.98 * HIGHEST_PEAK / peak
    first = part.start - encoded_range(part, codec).start
    inner = encoded.heard[:, first : first + part.end - part.start]
    path.write_bytes(encoded.packets + energy_bytes(inner))


def heard_energies(files: Sequence[Path], parts: Sequence[Part]) -> Energies:
    """Of a whole sound from its parts in order; shape (hops,)."""
    return np.concatenate([_last_energies(path, part) for path, part in zip(files, parts, strict=True)])


def _last_energies(path: Path, part: Part) -> Energies:
    size = (part.end - part.start) // HOP * ENERGY.itemsize
    with path.open("rb") as file:
        file.seek(-size, os.SEEK_END)
        return energies_in(file.read())


def energy_bytes(samples: Samples) -> bytes:
    """The `stereo_energies` of a sound, as `energies_in` reads them."""
    return stereo_energies(samples).astype(ENERGY).tobytes()


def energies_in(measured: bytes) -> Energies:
    return np.frombuffer(measured, ENERGY).astype(np.float64)
