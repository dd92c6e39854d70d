"""Sound encoded in parts, decoded again: whole, in its place and without a seam."""

from pathlib import Path

import numpy as np
import pytest

from app.media.audio import Samples
from app.media.sound_parts import (
    SAMPLE_RATE,
    Part,
    SoundCodec,
    aac,
    encode_part,
    encoded_range,
    join_parts,
)
from app.media.sound_parts import opus as opus_at
from tests.media.babble import babble
from tests.render.mixing import decode

PART = 76_800
CODECS = [aac(96_000), opus_at(96_000)]


def encoded(sound: Samples, part: Part, codec: SoundCodec) -> bytes:
    needed = encoded_range(part, codec)
    return encode_part(sound[:, needed.start : needed.end], part, codec)


def joined(sound: Samples, size: int, codec: SoundCodec, folder: Path) -> Samples:
    total, files = sound.shape[1], []
    for start in range(0, total, size):
        part = Part(start, min(total, start + size), total)
        files.append(folder / f"{size}-{start}")
        files[-1].write_bytes(encoded(sound, part, codec))
    path = folder / f"{size}.{codec.container}"
    join_parts(files, total, codec, path)
    return decode(path)


@pytest.fixture(scope="module")
def speech() -> Samples:
    """Neither whole frames nor whole parts long."""
    voice = babble(5.0, 3, SAMPLE_RATE).samples[: 3 * PART + 1_234]
    return np.stack([voice, 0.6 * voice])


@pytest.mark.parametrize("codec", CODECS, ids=["aac", "opus"])
def test_parts_sound_as_if_encoded_in_one_go(tmp_path: Path, speech: Samples, codec: SoundCodec) -> None:
    whole, parts = [joined(speech, size, codec, tmp_path) for size in (10 * PART, PART)]
    assert parts.shape == whole.shape == pytest.approx((2, speech.shape[1]), abs=1)
    for join in (PART, 2 * PART, 3 * PART):
        around = slice(join - 1_500, min(join + 1_500, parts.shape[1]))
        noise = np.std(parts[:, around] - whole[:, around])
        assert noise < 0.2 * np.std(whole[:, around])
    assert np.corrcoef(parts[0], speech[0, : parts.shape[1]])[0, 1] > 0.98


@pytest.mark.parametrize("codec", CODECS, ids=["aac", "opus"])
@pytest.mark.parametrize("samples", [1, 500, 48_000])
def test_the_shortest_sound(tmp_path: Path, codec: SoundCodec, samples: int) -> None:
    quiet = np.full((2, samples), 0.01, np.float32)
    assert joined(quiet, PART, codec, tmp_path).shape[1] == pytest.approx(samples, abs=codec.frame)
