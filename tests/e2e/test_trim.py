"""Parts cut out of videos over HTTP: exact to the frame, in sync, and videos like any other."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.media.ffmpeg import find_ffmpeg
from app.media.probe import probe
from app.subtitles.cues import Cue
from tests.e2e.dubbing import ROBOT, bring_translation, fetch, render, speak
from tests.e2e.watching import Frame, difference, frames, most_alike, on_screen, onsets, picture_clock
from tests.live_server import LiveServer
from tests.media.clips import shape, sound

WIDTH = 180
BEEPS = "0.5*sin(2*PI*440*t)*gte(mod(t\\,2)\\,1)"


@pytest.fixture(scope="module")
def long_gop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds with one key frame and B-frames; a tone sets in at every odd second."""
    path = tmp_path_factory.mktemp("trim") / "one key frame.mp4"
    inputs = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=10"]
    inputs += ["-f", "lavfi", "-i", f"aevalsrc={BEEPS}:s=48000:d=10"]
    encoding = ["-c:v", "libx264", "-g", "1000", "-sc_threshold", "0", "-bf", "3", "-pix_fmt", "yuv420p"]
    command = [str(find_ffmpeg(None)), "-v", "error", *inputs, *encoding, "-c:a", "aac", str(path)]
    subprocess.run(command, check=True)
    return path


def trimmed(api: LiveServer, path: Path, start: float, end: float, target: Path) -> dict[str, Any]:
    """The answer to a trim; the new video's file is fetched at once, which waits until it is made."""
    answer = api.http.post(f"/api/videos/{api.upload(path)}/trim", json=span(start, end))
    assert answer.status_code == 201, answer.text
    cut: dict[str, Any] = answer.json()
    fetch(api, f"/api/videos/{cut['trimmed_video_id']}/file", target)
    return cut


def span(start: float, end: float) -> dict[str, float]:
    return {"start_time": start, "end_time": end}


@pytest.mark.parametrize(
    ("start", "end"),
    [(0.0, 0.12), (0.0, 2.0), (3.0, 5.0), (7.36, 8.56), (4.45, 6.13), (9.2, 10.0)],
)
def test_the_first_and_the_last_frame_are_the_right_ones(
    local_api: LiveServer, long_gop: Path, tmp_path: Path, start: float, end: float
) -> None:
    target = tmp_path / "cut.mp4"
    cut = trimmed(local_api, long_gop, start, end, target)
    source, shown = list(frames(long_gop)), list(frames(target))
    first = on_screen(source, start)
    assert len(shown) == round((end - start) * 25)
    assert most_alike(shown[0].picture, source) == first
    assert most_alike(shown[-1].picture, source) == first + len(shown) - 1
    assert cut["trimmed_duration"] == pytest.approx(end - start)
    assert probe(target).duration == pytest.approx(end - start, abs=1 / 25)


def test_a_cut_is_a_video_of_its_own(local_api: LiveServer, long_gop: Path, tmp_path: Path) -> None:
    cut = trimmed(local_api, long_gop, 2.0, 6.5, tmp_path / "cut.mp4")
    task = local_api.finished(cut["task_id"])
    video = local_api.http.get(f"/api/videos/{cut['trimmed_video_id']}").json()
    source = local_api.http.get(f"/api/videos/{cut['video_id']}").json()
    assert cut["trimmed_video_id"] != cut["video_id"]
    assert (cut["original_duration"], cut["trimmed_duration"]) == (10.0, 4.5)
    assert task["status"] == "completed"
    assert video["duration"] == pytest.approx(4.5, abs=1 / 25)
    assert video["resolution"] == "320x180"
    assert video["file_size"] == (tmp_path / "cut.mp4").stat().st_size
    assert source["duration"] == 10.0


def test_picture_and_sound_stay_together(local_api: LiveServer, long_gop: Path, tmp_path: Path) -> None:
    target = tmp_path / "cut.mp4"
    trimmed(local_api, long_gop, 4.3, 9.6, target)
    assert onsets(sound(target)) == pytest.approx([5 - 4.3, 7 - 4.3, 9 - 4.3], abs=0.03)


def test_sound_that_starts_late_keeps_its_offset(
    local_api: LiveServer, shared_media: Path, tmp_path: Path
) -> None:
    target = tmp_path / "cut.mp4"
    trimmed(local_api, shared_media / "video" / "audio_starts_late_3s.mp4", 1.5, 5.0, target)
    spoken = onsets(sound(shared_media / "speech" / "en_talkinghead_jordi.mp4"))[0]
    assert onsets(sound(target))[0] == pytest.approx(spoken + 3 - 1.5, abs=0.05)


def test_a_variable_rate_shows_what_was_on_screen(
    local_api: LiveServer, shared_media: Path, tmp_path: Path
) -> None:
    source = shared_media / "video" / "vfr.mp4"
    target = tmp_path / "cut.mp4"
    trimmed(local_api, source, 2.0, 8.0, target)
    assert picture_clock(target) == pytest.approx(list(np.arange(180) / 30), abs=0.001)
    compare_on_screen(list(frames(source, WIDTH)), list(frames(target, WIDTH)), start=2.0)


def test_a_rotated_picture_is_cut_upright(local_api: LiveServer, shared_media: Path, tmp_path: Path) -> None:
    source = shared_media / "video" / "rot_270_with_audio.mp4"
    target = tmp_path / "cut.mp4"
    trimmed(local_api, source, 3.0, 5.0, target)
    stored = list(frames(source, WIDTH))
    upright = [Frame(frame.start, np.rot90(frame.picture, k=-1)) for frame in stored]
    assert probe(target).video.resolution == "720x1080"
    compare_on_screen(upright, list(frames(target, WIDTH * 2 // 3)), start=3.0)


def compare_on_screen(source: list[Frame], cut: list[Frame], start: float) -> None:
    """Every frame of the cut must be what the source shows at that moment, or so alike that nobody can
    tell: a face that keeps still looks the same for several frames."""
    for frame in cut:
        expected = difference(frame.picture, source[on_screen(source, start + frame.start)].picture)
        least = min(difference(frame.picture, other.picture) for other in source)
        assert expected < least + 0.3, frame.start


def test_a_cut_can_be_dubbed(local_api: LiveServer, shared_media: Path, tmp_path: Path) -> None:
    source = shared_media / "video" / "shorter_audio.mp4"
    cut = trimmed(local_api, source, 0.2, 1.1, tmp_path / "cut.mp4")
    video_id = cut["trimmed_video_id"]
    bring_translation(local_api, video_id, "en", Cue(0.1, 0.8, "Now"))
    speak(local_api, video_id, "en", ROBOT)
    dub = render(local_api, video_id, "en", tmp_path / "dub.mp4")
    assert shape(dub).picture_end == pytest.approx(0.9, abs=1 / 60)
    assert shape(dub).sound_end == pytest.approx(0.9, abs=1 / 60)


def test_what_is_started_on_a_cut_waits_for_its_file(
    local_api: LiveServer, long_gop: Path, tmp_path: Path
) -> None:
    answer = local_api.http.post(f"/api/videos/{local_api.upload(long_gop)}/trim", json=span(1, 9))
    video_id = answer.json()["trimmed_video_id"]
    thumbnail = fetch(local_api, f"/api/videos/{video_id}/thumbnail", tmp_path / "thumbnail.jpg")
    (picture,) = frames(thumbnail)
    assert picture.picture.shape == (180, 320)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (span(5, 5), "invalid_range"),
        (span(6, 5), "invalid_range"),
        (span(0, 10.5), "invalid_range"),
        (span(12, 13), "invalid_range"),
        (span(5, 5.05), "invalid_range"),
        (span(-1, 5), "invalid_request"),
        ({"start_time": "soon", "end_time": 5}, "invalid_request"),
        ({"start_time": 1}, "invalid_request"),
    ],
)
def test_a_range_that_is_none_is_refused(
    local_api: LiveServer, long_gop: Path, body: dict[str, object], code: str
) -> None:
    answer = local_api.http.post(f"/api/videos/{local_api.upload(long_gop)}/trim", json=body)
    assert answer.status_code == 422
    assert answer.json()["code"] == code
