"""The original's sound: the same samples of it in whatever order they are asked for."""

from pathlib import Path

import numpy as np
import pytest

from app.media.ffmpeg import FFmpegWrapper
from app.media.probe import probe
from app.media.soundtrack import BLOCK_SAMPLES, Soundtrack
from tests.render.mixing import film, rms

SECONDS = 2 * BLOCK_SAMPLES / 48_000 + 10
ACROSS = (BLOCK_SAMPLES - 48_000, BLOCK_SAMPLES + 48_000)


@pytest.fixture(scope="module")
def noisy_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three blocks of noise, which a decoder makes up in part, at half the level from the middle on."""
    noise = f"anoisesrc=color=white:amplitude=0.3:seed=1:duration={SECONDS}"
    quieter = f"{noise},volume='if(lt(t,{SECONDS / 2}),1,0.5)':eval=frame,aformat=channel_layouts=stereo"
    return film(tmp_path_factory.mktemp("noise") / "noise.mp4", quieter, SECONDS, "-c:a", "aac", "-ac", "2")


def soundtrack(ffmpeg: FFmpegWrapper, video: Path, folder: Path) -> Soundtrack:
    folder.mkdir()
    return Soundtrack(ffmpeg, video, probe(video), folder)


async def test_the_order_of_asking_makes_no_difference(
    ffmpeg: FFmpegWrapper, noisy_film: Path, tmp_path: Path
) -> None:
    alone = soundtrack(ffmpeg, noisy_film, tmp_path / "alone")
    later = soundtrack(ffmpeg, noisy_film, tmp_path / "later")
    await later.samples(0, 48_000)
    await later.samples(2 * BLOCK_SAMPLES, 2 * BLOCK_SAMPLES + 48_000)
    np.testing.assert_array_equal(await alone.samples(*ACROSS), await later.samples(*ACROSS))
    assert len(list((tmp_path / "alone").iterdir())) == 2
    assert len(list((tmp_path / "later").iterdir())) == 3


async def test_blocks_join_where_they_should(ffmpeg: FFmpegWrapper, noisy_film: Path, tmp_path: Path) -> None:
    track = soundtrack(ffmpeg, noisy_film, tmp_path / "all")
    total = round(SECONDS * 48_000)
    heard = await track.samples(0, total)
    assert heard.shape == (2, total)
    half, join = SECONDS / 2, BLOCK_SAMPLES / 48_000
    assert rms(heard, half + 1, half + 3) == pytest.approx(rms(heard, half - 3, half - 1) / 2, rel=0.05)
    assert rms(heard, join - 0.01, join + 0.01) == pytest.approx(rms(heard, join - 2, join + 2), rel=0.2)
    np.testing.assert_array_equal(await track.samples(*ACROSS), heard[:, slice(*ACROSS)])


async def test_what_is_asked_for_alone_is_the_same_and_all_that_is_decoded(
    ffmpeg: FFmpegWrapper, noisy_film: Path, tmp_path: Path
) -> None:
    whole = soundtrack(ffmpeg, noisy_film, tmp_path / "whole")
    track = soundtrack(ffmpeg, noisy_film, tmp_path / "track")
    alone, later = (
        (BLOCK_SAMPLES + 48_000, BLOCK_SAMPLES + 96_000),
        (BLOCK_SAMPLES + 480_000, 2 * BLOCK_SAMPLES),
    )
    np.testing.assert_array_equal(await track.samples(*alone, alone=True), await whole.samples(*alone))
    assert _decoded_frames(tmp_path / "track") == [96_000]
    np.testing.assert_array_equal(await track.samples(*later, alone=True), await whole.samples(*later))
    assert _decoded_frames(tmp_path / "track") == [96_000, BLOCK_SAMPLES]
    await track.samples(0, 48_000, alone=True)
    assert _decoded_frames(tmp_path / "track") == [96_000, BLOCK_SAMPLES, BLOCK_SAMPLES]


def _decoded_frames(folder: Path) -> list[int]:
    """Of each piece, in stereo of 16 bits."""
    return sorted(path.stat().st_size // 4 for path in folder.iterdir())
