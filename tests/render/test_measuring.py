"""Finished files measured, whose truth is known because the tests mixed them."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from app.media.loudness import SILENT, loudness
from tests.media.babble import RATE, Laid, babble, mixed, whistle
from tests.render.studio import Studio, encode

ORIGINAL_GAIN = 0.1
EXACT = 0.004


@pytest.mark.parametrize("suffix", ["mp4", "webm"])
async def test_every_line_is_found_where_it_is_heard(studio: Studio, suffix: str) -> None:
    clips = [babble(1.6, 1), babble(0.6, 2), whistle(1.2)]
    placed = [await studio.placed(n, clip, 1.0 + 2 * n) for n, clip in enumerate(clips)]
    late = [0.037, 0.0, -0.02]
    laid = [Laid(clip, line.start + off) for clip, line, off in zip(clips, placed, late, strict=True)]
    mix = mixed(8, [*laid, Laid(babble(8, 9), 0.0, ORIGINAL_GAIN)])
    (track,) = await studio.measure(encode(studio.folder / f"dub.{suffix}", mix), placed)

    assert [line.id for line in track.lines] == [0, 1, 2]
    onsets = [line.onset for line in track.lines]
    assert onsets[:2] == pytest.approx(late[:2], abs=EXACT)
    assert onsets[2] == pytest.approx(late[2] + 0.015, abs=EXACT)  # the silence before the tone
    ends = [line.end for line in track.lines]
    assert ends[:2] == pytest.approx([1.6 + late[0], 0.6], abs=0.02)
    assert not any(line.cut for line in track.lines)
    assert track.end == pytest.approx(8.0, abs=0.03)
    assert studio.progress[-1] == pytest.approx(1.0)


async def test_levels(studio: Studio) -> None:
    clip = babble(2.0, 1)
    mix = mixed(6, [Laid(clip, 2.0, 1.5)])
    line = await studio.placed(0, clip, 2.0)
    (track,) = await studio.measure(encode(studio.folder / "dub.mov", mix), [line])
    stereo = mix.samples[None].repeat(2, axis=0)
    assert track.lufs == pytest.approx(loudness(stereo, RATE), abs=0.3)
    spoken = stereo[:, 2 * RATE : 4 * RATE]
    assert track.lines[0].loudness == pytest.approx(loudness(spoken, RATE), abs=0.3)
    assert track.true_peak > -12


async def test_a_line_cut_short_and_a_line_that_is_not_there(studio: Studio) -> None:
    clips = [babble(1.6, 1), babble(1.2, 2)]
    placed = [await studio.placed(n, clip, 1.0 + 3 * n) for n, clip in enumerate(clips)]
    short = replace(clips[0], samples=clips[0].samples[: round(1.4 * clips[0].sample_rate)])
    mix = mixed(6, [Laid(short, 1.0), Laid(babble(6, 9), 0.0, ORIGINAL_GAIN)])
    (track,) = await studio.measure(encode(studio.folder / "dub.mov", mix), placed)
    assert track.lines[0].cut
    assert (track.lines[1].onset, track.lines[1].loudness, track.lines[1].cut) == (None, None, False)


async def test_a_line_over_the_seam_of_two_stretches(studio: Studio) -> None:
    clips = [babble(1.6, seed) for seed in range(3)]
    placed = [
        await studio.placed(n, clip, start)
        for n, (clip, start) in enumerate(zip(clips, (27.9, 29.6, 31.3), strict=True))
    ]
    mix = mixed(34, [Laid(clip, line.start + 0.01) for clip, line in zip(clips, placed, strict=True)])
    (track,) = await studio.measure(encode(studio.folder / "dub.mov", mix), placed)
    assert [line.onset for line in track.lines] == pytest.approx([0.01] * 3, abs=EXACT)
    assert track.lufs == pytest.approx(loudness(mix.samples[None].repeat(2, axis=0), RATE), abs=0.3)


async def test_only_what_changed_is_measured_again(studio: Studio) -> None:
    clips = [babble(1.5, seed) for seed in range(3)]
    placed = [await studio.placed(n, clip, 10.0 + 30 * n) for n, clip in enumerate(clips)]
    laid = [Laid(clip, line.start) for clip, line in zip(clips, placed, strict=True)]
    dub = encode(studio.folder / "dub.mov", mixed(90, laid))
    (before,) = await studio.measure(dub, placed)
    assert await studio.measured_parts() == 3
    await studio.measure(dub, placed)
    assert await studio.measured_parts() == 3

    placed[1] = replace(placed[1], start=40.2)
    laid[1] = replace(laid[1], start=40.2)
    (after,) = await studio.measure(encode(studio.folder / "edited.mov", mixed(90, laid)), placed)
    assert await studio.measured_parts() == 4
    assert after.lines[1].onset == pytest.approx(0.0, abs=EXACT)
    assert after.lines[2] == before.lines[2]


async def test_several_tracks(studio: Studio) -> None:
    clips = [babble(1.0, 1), babble(1.0, 2)]
    placed = [await studio.placed(n, clip, 1.0) for n, clip in enumerate(clips)]
    dub = encode(
        studio.folder / "dub.mov", *(mixed(3, [Laid(clip, 1.02)]) for clip in (*clips, babble(2, 5)))
    )
    one, other = await studio.measure(dub, [placed[0]], [placed[1]])
    for track in (one, other):
        assert track.lines[0].onset == pytest.approx(0.02, abs=EXACT)


async def test_a_file_without_a_line(studio: Studio) -> None:
    (track,) = await studio.measure(encode(studio.folder / "dub.mov", mixed(2, [])), [])
    assert (track.lufs, track.true_peak, track.lines) == (SILENT, SILENT, ())


async def test_a_file_stays_open_while_it_is_read(studio: Studio) -> None:
    """Closed under the reader's hands it took the whole process along."""
    clip = babble(1.6, 1)
    lines = [await studio.placed(0, clip, 1.0)]
    dub = encode(studio.folder / "dub.mp4", mixed(20, [Laid(clip, 1.0)]))
    for steps in range(40):
        measuring = asyncio.create_task(studio.measure(dub, lines))
        for _ in range(steps):
            await asyncio.sleep(0)
        measuring.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await measuring
    (track,) = await studio.measure(dub, lines)
    assert track.end == pytest.approx(20.0, abs=0.03)
