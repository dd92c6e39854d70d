"""Every odd and damaged file there is: refused with a reason, or a video that can be shown and dubbed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from app.media.filters import shown_size
from app.media.probe import MediaInfo, probe
from app.render.output import OutputFormatter
from app.subtitles.cues import Cue
from tests.conftest import SHARED_MEDIA
from tests.e2e.dubbing import ROBOT, bring_translation, fetch, render, speak
from tests.e2e.watching import frames, peak, picture_clock, picture_packets
from tests.live_server import LiveServer
from tests.media.clips import shape, sound

FOLDER = SHARED_MEDIA / "video"
LONGEST_ENCODED = 20.0
LOUD_ENOUGH = 0.05
REPACKED = {"mpegts"}  # the same picture, in packets that MP4 marks off in another way


@dataclass(frozen=True)
class Facts:
    """What the API has to say of a file: the resolution as shown, and seconds."""

    resolution: str
    duration: float


ACCEPTED = {
    "audio_starts_late_3s.mp4": Facts("1080x720", 12.966),
    "bad_missing_stsd.mp4": Facts("1080x720", 1.067),  # one track cannot be decoded, the picture can
    "bt601.mov": Facts("640x428", 1.063),
    "chapters.mp4": Facts("1080x720", 1.089),
    "corrupt_middle.mp4": Facts("1080x720", 9.967),
    "editlist_shift.mp4": Facts("1920x1080", 10.005),
    "embedded_pgs.mkv": Facts("1080x720", 1.24),
    "embedded_srt.mkv": Facts("1080x720", 1.234),
    "firstpts_10s.mp4": Facts("1137x640", 4.0),  # 800 x 640 pixels that are wider than high
    "fragmented.mp4": Facts("1080x720", 1.068),  # its header says 39 hours
    "h263.3gp": Facts("176x144", 1.0),
    "hdr_hlg10.mp4": Facts("1920x1080", 0.3),
    "long_1080p.mp4": Facts("1920x1080", 362.767),
    "mkv_delayed.mkv": Facts("190x240", 5.492),
    "mpegts.ts": Facts("640x426", 0.1),
    "multi_audio_en_ko_es.mkv": Facts("320x180", 47.008),
    "no_audio.mp4": Facts("1080x720", 1.001),
    "odd_dims.webm": Facts("161x121", 1.001),
    "rot_270_with_audio.mp4": Facts("720x1080", 9.967),
    "rot_portrait.mp4": Facts("720x1080", 1.088),
    "sample.avi": Facts("960x400", 4.087),
    "shorter_audio.mp4": Facts("320x240", 1.2),
    "silent_black_10s.mp4": Facts("320x240", 10.0),
    "surround51_centre.mp4": Facts("320x180", 11.011),
    "truncated_faststart.mp4": Facts("320x180", 25.859),  # its header says 35 seconds
    "vfr.mp4": Facts("640x426", 9.966),
    "vp9_10bit.webm": Facts("426x240", 3.002),
    "한글 파일 (이름) & 'quote'.mp4": Facts("1080x720", 1.001),
}

REFUSED = {
    "ac4.mp4": "not_a_video",
    "audio_only.mp4": "not_a_video",
    "bad_free_box.mp4": "video_unreadable",
    "drm_clearkey.mp4": "not_a_video",
    "eac3.mp4": "not_a_video",
    "eight_channel.m4a": "not_a_video",
    "nostreams.mp4": "not_a_video",
    "text_named.mp4": "not_a_video",
    "truncated_60pct.mp4": "video_unreadable",
    "zero_bytes.wav": "not_a_video",
}
STATUS = {"not_a_video": 415, "video_unreadable": 422}

accepted = pytest.mark.parametrize("name", ACCEPTED)


@pytest.fixture(scope="module")
def upload_once(local_api: LiveServer) -> Callable[[Path], str]:
    """The id of the one video made of a file: what a test does to it, no other looks at."""
    return cache(local_api.upload)


@pytest.fixture
def video_id(upload_once: Callable[[Path], str], odd_file: Path) -> str:
    return upload_once(odd_file)


@pytest.fixture
def odd_file(shared_media: Path, name: str) -> Path:
    return shared_media / "video" / name


def test_every_file_there_is_has_its_expectation(shared_media: Path) -> None:
    assert {path.name for path in (shared_media / "video").iterdir()} == ACCEPTED.keys() | REFUSED.keys()


@accepted
def test_what_can_be_played_is_probed_right(
    local_api: LiveServer, odd_file: Path, video_id: str, name: str
) -> None:
    video = local_api.http.get(f"/api/videos/{video_id}").raise_for_status().json()
    assert Facts(video["resolution"], video["duration"]) == ACCEPTED[name]
    assert video["filename"] == name
    assert video["file_size"] == odd_file.stat().st_size
    assert local_api.http.get(f"/api/videos/{video_id}/file").content == odd_file.read_bytes()


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_played_is_refused_with_the_reason(
    local_api: LiveServer, odd_file: Path, name: str
) -> None:
    with odd_file.open("rb") as file:
        answer = local_api.http.post("/api/videos/upload", files={"video": (name, file)})
    assert answer.json()["code"] == REFUSED[name]
    assert answer.status_code == STATUS[REFUSED[name]]


@accepted
def test_it_can_be_shown(local_api: LiveServer, video_id: str, name: str, tmp_path: Path) -> None:
    here = f"/api/videos/{video_id}"
    wide, high = map(int, ACCEPTED[name].resolution.split("x"))
    (still,) = frames(fetch(local_api, f"{here}/thumbnail", tmp_path / "thumbnail.jpg"))
    height, width = still.picture.shape
    assert width == pytest.approx(min(wide, 640), abs=1)
    assert width / height == pytest.approx(wide / high, rel=0.02)
    if ACCEPTED[name].duration > LONGEST_ENCODED:
        return
    preview = probe(fetch(local_api, f"{here}/preview", tmp_path / "preview.mp4"))
    assert preview.video.width / preview.video.height == pytest.approx(wide / high, rel=0.02)
    assert min(preview.video.width, preview.video.height) <= 360
    assert preview.duration == pytest.approx(ACCEPTED[name].duration, abs=0.25)


@accepted
def test_it_can_be_dubbed(local_api: LiveServer, odd_file: Path, video_id: str, tmp_path: Path) -> None:
    source = probe(odd_file)
    spoken_until = min(source.duration, LONGEST_ENCODED) * 0.6
    bring_translation(local_api, video_id, "en", Cue(0.0, spoken_until, "Hello there"))
    speak(local_api, video_id, "en", ROBOT)
    plain = render(local_api, video_id, "en", tmp_path / "plain.mp4", include_subtitles=False)
    check_dub(plain, odd_file, source)
    if OutputFormatter("mp4").copies(source) and source.container not in REPACKED:
        assert picture_packets(plain) == picture_packets(odd_file)
    if source.duration <= LONGEST_ENCODED:
        subtitled = render(local_api, video_id, "en", tmp_path / "subtitled.mp4", output_quality="low")
        check_dub(subtitled, odd_file, source)
        shown = probe(subtitled).video
        assert (shown.width, shown.height) == shown_size(source.video)
    assert "Traceback" not in local_api.log()


def check_dub(dub: Path, original: Path, source: MediaInfo) -> None:
    """It is as long as its source to the frame, in picture and sound, and the voice is heard."""
    frame = float(1 / source.video.grid_rate)
    shown, meant = picture_clock(dub), picture_clock(original)
    assert probe(dub).duration == pytest.approx(source.duration, abs=frame)
    assert shape(dub).sound_end == pytest.approx(source.duration, abs=frame)
    assert (shown[0], shown[-1]) == pytest.approx((meant[0], meant[-1]), abs=frame)
    assert peak(sound(dub)) > LOUD_ENOUGH
