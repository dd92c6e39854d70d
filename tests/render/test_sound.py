"""The sound of a dub, listened to: levels, ducking, joins, and what an edit makes again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.media.audio import Audio, Samples, gain, read_audio, resample
from app.media.loudness import loudness
from app.media.sound_parts import SAMPLE_RATE, SoundCodec, aac, opus
from app.render.ducking import Span
from app.render.parts import MixOptions, VoiceLine
from tests.media.clips import sound, tone
from tests.render.mixing import DEFAULT, PART_SAMPLES, MixingDesk, decode, film, measure, rms

SharedVideo = Callable[[str], Path]

PART_SECONDS = PART_SAMPLES / SAMPLE_RATE
LONG_SECONDS = 8.1
FLAT = MixOptions(original_volume=0.25, flat=True, loudness=None)
UNTOUCHED = replace(DEFAULT, loudness=None)


@pytest.fixture
def voice(shared_media: Path) -> Audio:
    """Four seconds of real speech, as loud as voices are when they are mixed."""
    speech = resample(read_audio((shared_media / "speech/en_jfk.flac").read_bytes()), 24_000)
    speech = Audio(speech.samples[: 4 * speech.sample_rate], speech.sample_rate)
    return gain(speech, -20 - loudness(speech.samples[None, :], speech.sample_rate))


async def test_speech_over_speech_is_as_loud_as_asked(
    desk: MixingDesk, shared_media: Path, voice: Audio
) -> None:
    source = shared_media / "speech/en_talkinghead_jordi.mp4"
    lines = [await desk.line(voice, 1.0)]
    for wanted in (-16.0, -23.0):
        heard = measure(await desk.mix(source, lines, replace(DEFAULT, loudness=wanted)))
        assert heard.loudness == pytest.approx(wanted, abs=1.0)
        assert heard.true_peak <= -1.0


@pytest.mark.parametrize("level", [-9.0, -30.0])
async def test_music_like_noise_stays_below_the_ceiling(
    desk: MixingDesk, tmp_path: Path, level: float
) -> None:
    noise = "anoisesrc=color=pink:sample_rate=48000:seed=7:amplitude=0.9,aformat=channel_layouts=stereo"
    amplified = f"{noise},volume={level + 18}dB,alimiter=limit=0.95:level=0"
    loud = film(tmp_path / "loud.mov", amplified, 12)
    heard = measure(await desk.mix(loud, [await desk.line(tone(2.0, level=0.14), 4.0)]))
    assert heard.loudness == pytest.approx(-16, abs=1.0)
    assert heard.true_peak <= -1.0


@pytest.mark.parametrize("codec", [aac(96_000), opus(96_000)], ids=["aac", "opus"])
async def test_hissing_drums_have_no_peak_above_the_limit(
    desk: MixingDesk, tmp_path: Path, codec: SoundCodec
) -> None:
    """Limited by their samples alone they are 1 dB above full scale in between."""
    drum = "10*exp(-mod(t,0.25)*32)*random(0)"
    source = film(tmp_path / "drums.mov", f"aevalsrc='{drum}|{drum}':s=48000", 4)
    heard = measure(await desk.mix(source, [], replace(DEFAULT, loudness=-12.0), codec))
    assert heard.true_peak <= -1.0
    assert heard.true_peak > -4.0


async def test_a_mix_that_the_limiter_made_quiet_is_made_up_for(desk: MixingDesk, tmp_path: Path) -> None:
    """Claps are most of the energy until they are limited."""
    claps = "0.05*sin(6000*t)+0.9*exp(-mod(t,0.5)*200)*sin(9000*t)"
    source = film(tmp_path / "claps.mov", f"aevalsrc='{claps}|{claps}':s=48000", 6)
    assert measure(await desk.mix(source, [])).loudness == pytest.approx(-16, abs=1.0)


async def test_silence_is_not_made_loud(desk: MixingDesk, shared_video: SharedVideo) -> None:
    heard = decode(await desk.mix(shared_video("silent_black_10s.mp4"), []))
    assert np.max(np.abs(heard)) < 0.001


async def test_a_video_without_sound_gets_the_voice_alone(
    desk: MixingDesk, shared_video: SharedVideo
) -> None:
    line = await desk.line(tone(0.5, level=0.1), 0.25)
    heard = decode(await desk.mix(shared_video("no_audio.mp4"), [line], UNTOUCHED))
    assert np.flatnonzero(np.abs(heard[0]) > 0.05)[0] / SAMPLE_RATE == pytest.approx(0.25, abs=0.002)
    assert rms(heard, 0.8, 1.0) < 0.001


async def test_a_mono_voice_is_on_both_channels_at_its_own_level(desk: MixingDesk, tmp_path: Path) -> None:
    silent = film(tmp_path / "silent.mov", "anullsrc=channel_layout=stereo:sample_rate=48000", 3)
    voice = tone(1.0, level=0.25)
    heard = decode(await desk.mix(silent, [await desk.line(voice, 1.0)], UNTOUCHED))
    for channel in heard:
        assert rms(channel, 1.2, 1.8) == pytest.approx(0.25 / np.sqrt(2), rel=0.02)


async def test_a_mono_original_keeps_its_level(desk: MixingDesk, tmp_path: Path) -> None:
    source = film(tmp_path / "mono.mov", "sine=frequency=500:sample_rate=48000,volume=4", 3)
    heard = decode(await desk.mix(source, [], UNTOUCHED))
    for channel in heard:
        assert rms(channel, 1.0, 2.0) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


async def test_dialogue_in_the_centre_is_heard(desk: MixingDesk, shared_video: SharedVideo) -> None:
    source = shared_video("surround51_centre.mp4")
    heard = decode(await desk.mix(source, [], UNTOUCHED))
    alone = read_audio(source.read_bytes())
    centre = float(np.sqrt(np.mean(np.square(alone.samples * 6))))
    assert rms(heard[0], 0, 11) == pytest.approx(rms(heard[1], 0, 11), rel=0.01)
    assert rms(heard, 0, 11) == pytest.approx(centre / np.sqrt(2), rel=0.2)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tone of 500 Hz, half of full scale."""
    sound = "sine=frequency=500:sample_rate=48000,volume=4"
    return film(tmp_path_factory.mktemp("tone") / "tone.mov", sound, 12)


class TestDucking:
    """A tone of 500 Hz under silence that passes for a voice."""

    @staticmethod
    def gains(heard: Samples, *times: float) -> list[float]:
        return [rms(heard, time - 0.05, time + 0.05) * np.sqrt(2) / 0.5 for time in times]

    async def test_it_is_down_under_speech_and_back_between_lines(
        self, desk: MixingDesk, source: Path
    ) -> None:
        hush = tone(1.0, level=0.0)
        lines = [
            await desk.line(hush, 2.0, Span(2.0, 4.0)),  # the dub ends before the original does
            await desk.line(hush, 4.3, Span(4.3, 4.8)),  # a short gap, and a dub that goes on after its slot
            await desk.line(hush, 8.0),
        ]
        heard = decode(await desk.mix(source, lines, UNTOUCHED))
        assert self.gains(heard, 1.0, 6.5, 11.0) == pytest.approx([1, 1, 1], abs=0.02)
        assert self.gains(heard, 2.1, 3.8, 4.15, 5.2, 8.5) == pytest.approx([0.1] * 5, abs=0.02)
        assert 0.2 < self.gains(heard, 5.45)[0] < 0.9

    async def test_flat(self, desk: MixingDesk, source: Path) -> None:
        heard = decode(await desk.mix(source, [await desk.line(tone(1.0, level=0.0), 2.0)], FLAT))
        assert self.gains(heard, 1.0, 2.5, 6.0) == pytest.approx([0.25] * 3, abs=0.02)

    @pytest.mark.parametrize("options", [UNTOUCHED, FLAT], ids=["ducked", "flat"])
    async def test_a_failed_line_keeps_the_original(
        self, desk: MixingDesk, source: Path, options: MixOptions
    ) -> None:
        hush = tone(1.0, level=0.0)
        lines = [
            await desk.line(hush, 2.0),
            VoiceLine(Span(3.1, 4.0), None),
            await desk.line(hush, 4.1),
        ]
        heard = decode(await desk.mix(source, lines, options))
        quiet = options.original_volume
        assert self.gains(heard, 2.5, 3.2, 3.55, 3.9, 4.5) == pytest.approx([quiet, 1, 1, 1, quiet], abs=0.04)

    async def test_nothing_else_is_changed_between_lines(
        self, desk: MixingDesk, shared_media: Path, voice: Audio
    ) -> None:
        source = shared_media / "speech/en_talkinghead_jordi.mp4"
        line = await desk.line(voice, 0.5)
        heard, original = decode(await desk.mix(source, [line], UNTOUCHED)), sound(source)
        first, last = 5 * SAMPLE_RATE, 9 * SAMPLE_RATE
        one, other = heard[0, first:last], resample(original, SAMPLE_RATE).samples[first:last]
        assert float(np.corrcoef(one, other)[0, 1]) > 0.99
        assert float(np.std(one)) == pytest.approx(float(np.std(other)), rel=0.02)


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two parts and a bit of a tone of 1000 Hz, in a file that can be entered anywhere."""
    sound = "sine=frequency=1000:sample_rate=44100,volume=2,aformat=channel_layouts=stereo"
    return film(tmp_path_factory.mktemp("long") / "long.mp4", sound, LONG_SECONDS, "-c:a", "aac")


class TestParts:
    @pytest.mark.parametrize("codec", [aac(128_000), opus(96_000)], ids=["aac", "opus"])
    async def test_joins_are_not_heard(self, desk: MixingDesk, long_film: Path, codec: SoundCodec) -> None:
        heard = decode(await desk.mix(long_film, [], UNTOUCHED, codec))
        assert heard.shape[1] == pytest.approx(LONG_SECONDS * SAMPLE_RATE, abs=1024)
        left = residue(heard[0], 1000.0)
        block = SAMPLE_RATE // 50
        loudest = np.abs(left[: len(left) // block * block]).reshape(-1, block).max(axis=1)[50:-50]
        joins = [round(number * PART_SECONDS * 50) - 50 for number in (1, 2)]
        around = np.concatenate([loudest[join - 3 : join + 4] for join in joins])
        assert np.max(around) < 3 * np.percentile(loudest, 95) + 0.001

    async def test_an_edit_makes_the_parts_it_touches_again(self, desk: MixingDesk, long_film: Path) -> None:
        hum = tone(0.6, level=0.14)
        lines = [await desk.line(hum, start) for start in (1.0, 4.4, 7.0)]
        first = await desk.mix(long_film, lines)
        assert await desk.parts_made() == 3
        assert desk.seen[0] == (0, 3)
        assert desk.seen[-1] == (3, 3)

        again = await desk.mix(long_film, lines)
        assert await desk.parts_made() == 3
        assert again.read_bytes() == first.read_bytes()

        edited = [await desk.line(hum, 1.05, lines[0].slot), *lines[1:]]
        changed = decode(await desk.mix(long_film, edited))
        assert await desk.parts_made() == 4
        before, after = decode(first), round((PART_SECONDS + 0.1) * SAMPLE_RATE)
        assert np.allclose(changed[:, after:], before[:, after:], atol=0.002)
        assert rms(changed - before, 1.0, 1.05) > 0.05

    async def test_a_line_across_a_join_touches_both_parts(self, desk: MixingDesk, long_film: Path) -> None:
        hum = tone(1.2, level=0.14)
        line = await desk.line(hum, PART_SECONDS - 0.6)
        await desk.mix(long_film, [line])
        again = await desk.mix(long_film, [await desk.line(hum, PART_SECONDS - 0.6)])
        assert await desk.parts_made() == 5
        heard = decode(again)
        join = PART_SECONDS
        assert rms(heard, join - 0.2, join) == pytest.approx(rms(heard, join, join + 0.2), rel=0.05)

    async def test_other_films_and_options_share_nothing(
        self, desk: MixingDesk, shared_video: SharedVideo
    ) -> None:
        short = shared_video("rot_portrait.mp4")
        await desk.mix(short, [], UNTOUCHED)
        await desk.mix(short, [], UNTOUCHED, identity="another film")
        await desk.mix(short, [], UNTOUCHED, aac(96_000))
        assert await desk.parts_made() == 3


def residue(samples: Samples, frequency: float) -> Samples:
    """What is left of a tone without it; phase and strength are fitted second by second."""
    left = samples.copy()
    for start in range(0, len(samples), SAMPLE_RATE):
        part = samples[start : start + SAMPLE_RATE]
        turns = 2 * np.pi * frequency * (start + np.arange(len(part))) / SAMPLE_RATE
        basis = np.stack([np.sin(turns), np.cos(turns)], axis=1)
        fitted, *_ = np.linalg.lstsq(basis, part, rcond=None)
        left[start : start + SAMPLE_RATE] -= basis @ fitted
    return left
