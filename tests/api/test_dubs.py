"""Dubbed videos over HTTP: every option is seen in the frames or heard in the sound of the file."""

import subprocess
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from app.media.ffmpeg import find_ffmpeg
from tests.api.conftest import bring_track, stored_files
from tests.api.media import Film, Picture, film_in, sound_in
from tests.api.test_speech import tone_of
from tests.api.walk import Walk
from tests.live_server import Json, LiveServer

ORIGINAL_TONE = 1000.0
VOICE = "nova"
SPOKEN = (0.7, 1.2)
SILENT = (2.05, 2.45)
"""Between the lines, where the original alone is heard."""


@pytest.fixture(scope="module")
def grey_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of grey, 640 × 360, with a tone of 1000 Hz: whatever else is seen or heard was added."""
    path = tmp_path_factory.mktemp("grey") / "grey.mp4"
    picture = "color=0x606060:size=640x360:rate=10:duration=5"
    sound = f"sine=frequency={ORIGINAL_TONE}:duration=5:sample_rate=48000,volume=2"
    command = [
        str(find_ffmpeg(None)),
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        picture,
        "-f",
        "lavfi",
        "-i",
        sound,
    ]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([*command, "-b:a", "160k", str(path)], check=True)
    return path


def speak(api: LiveServer, clip: Path) -> str:
    """A video with two spoken English lines: 0.5 to 2 s and 2.5 to 4 s."""
    video = api.upload(clip)
    bring_track(api, video, "translations/en")
    speech = {"language": "en", "voice_id": VOICE, "options": {"speaking_rate": 0.7}}
    api.completed(f"/api/videos/{video}/generate-tts", speech)
    return video


@pytest.fixture(scope="module")
def spoken(shared_api: LiveServer, grey_clip: Path) -> str:
    """A grey video with two spoken lines. Tests dub it one after the other, and change nothing else."""
    return speak(shared_api, grey_clip)


def dub(api: LiveServer, video: str, output_format: str = "mp4", **options: object) -> bytes:
    """The file of a new dub."""
    body = {"language": "en", "options": options, "output_format": output_format}
    result = api.completed(f"/api/videos/{video}/generate-dubbed-video", body)
    return api.http.get(result["download_url"]).raise_for_status().content


def stills_remembered(api: LiveServer) -> int:
    """How often a still was there already."""
    kinds = api.http.get("/api/memo").raise_for_status().json()["kinds"]
    return sum(int(kind["hits"]) for kind in kinds if kind["kind"] == "thumbnail")


def coloured(picture: Picture, red: int, green: int, blue: int, tolerance: int = 60) -> np.ndarray:
    """Where the picture has about that colour."""
    near: np.ndarray = np.abs(picture.astype(int) - (red, green, blue)).max(axis=2) < tolerance
    return near


def rows_of(mask: np.ndarray) -> tuple[int, int]:
    rows = np.flatnonzero(mask.any(axis=1))
    return int(rows[0]), int(rows[-1])


def changed(film: Film, seconds: float) -> float:
    """How far the picture is from plain grey, where it is furthest: 0 to 255."""
    return float(np.abs(film.at(seconds).astype(int) - 0x60).max())


class TestSubtitles:
    def test_they_are_shown_while_they_last(self, api: LiveServer, spoken: str) -> None:
        film = film_in(dub(api, spoken, include_subtitles=True))
        assert changed(film, 1.0) > 60
        assert changed(film, 3.0) > 60
        assert changed(film, 0.2) < 10
        assert changed(film, 2.25) < 10
        assert changed(film, 4.5) < 10

    def test_without_them_the_picture_is_left_as_it_is(
        self, api: LiveServer, spoken: str, grey_clip: Path
    ) -> None:
        film, source = film_in(dub(api, spoken, include_subtitles=False)), film_in(grey_clip.read_bytes())
        assert len(film.pictures) == len(source.pictures)
        assert all(
            np.array_equal(one, other) for one, other in zip(film.pictures, source.pictures, strict=True)
        )

    def test_position(self, api: LiveServer, spoken: str) -> None:
        for position, (first, last) in {"bottom": (250, 360), "top": (0, 110)}.items():
            content = dub(api, spoken, subtitle_position=position, subtitle_color="#FF0000")
            top, bottom = rows_of(coloured(film_in(content).at(1.0), 255, 0, 0, 90))
            assert first <= top < bottom < last

    def test_font_size(self, api: LiveServer, spoken: str) -> None:
        heights = {}
        for size in (14, 28):
            content = dub(
                api, spoken, subtitle_font_size=size, subtitle_color="#FF0000", subtitle_background="#000"
            )
            top, bottom = rows_of(coloured(film_in(content).at(1.0), 255, 0, 0, 90))
            heights[size] = bottom - top + 1
        assert heights[28] / heights[14] == pytest.approx(2, rel=0.2)

    def test_colours(self, api: LiveServer, spoken: str) -> None:
        content = dub(
            api,
            spoken,
            subtitle_font_size=32,
            subtitle_color="#FF0000",
            subtitle_background="rgba(0, 0, 255, 1)",
        )
        picture = film_in(content).at(1.0)
        text, box = coloured(picture, 255, 0, 0, 90), coloured(picture, 0, 0, 255)
        assert text.sum() > 300
        assert box.sum() > 2 * text.sum()
        assert rows_of(box)[0] <= rows_of(text)[0]
        assert rows_of(box)[1] >= rows_of(text)[1]

    def test_a_background_that_shines_through(self, api: LiveServer, spoken: str) -> None:
        darkest = {}
        for opacity in (0.25, 0.75):
            content = dub(api, spoken, subtitle_background=f"rgba(0,0,0,{opacity})")
            box = film_in(content).at(1.0)[250:, :, 1]
            darkest[opacity] = float(np.percentile(box[box < 0x58], 50))
        assert darkest[0.25] == pytest.approx(0x60 * 0.75, abs=10)
        assert darkest[0.75] == pytest.approx(0x60 * 0.25, abs=10)


class TestSound:
    @pytest.mark.parametrize("volume", [0.0, 0.1, 1.0])
    def test_the_original_s_volume(
        self, api: LiveServer, spoken: str, grey_clip: Path, volume: float
    ) -> None:
        source = sound_in(grey_clip.read_bytes()).between(*SILENT).strength(ORIGINAL_TONE)
        content = dub(api, spoken, include_subtitles=False, original_audio_volume=volume, loudness=None)
        left = sound_in(content).between(*SILENT).strength(ORIGINAL_TONE)
        assert left / source == pytest.approx(volume, abs=0.03)

    def test_the_original_returns_between_lines_unless_it_is_kept_down(
        self, api: LiveServer, spoken: str, grey_clip: Path
    ) -> None:
        source = sound_in(grey_clip.read_bytes())
        for ducking, kept in {"on": 1.0, "off": 0.1}.items():
            content = dub(api, spoken, include_subtitles=False, loudness=None, ducking=ducking)
            for start, end in ((0.05, 0.3), (4.5, 4.9)):
                left = sound_in(content).between(start, end).strength(ORIGINAL_TONE)
                assert left / source.between(start, end).strength(ORIGINAL_TONE) == pytest.approx(
                    kept, abs=0.05
                )

    def test_the_voice_is_where_its_line_is(self, api: LiveServer, spoken: str) -> None:
        sound = sound_in(dub(api, spoken, include_subtitles=False, original_audio_volume=0, ducking="off"))
        speech = api.http.get(f"/api/videos/{spoken}/tts/en").json()
        for line in speech["segments"]:
            start = line["placed_start"]
            heard = sound.between(start + 0.1, start + line["duration"] - 0.1)
            assert heard.level() > 0.1
            assert heard.pitch() == pytest.approx(tone_of(VOICE), rel=0.03)
            assert sound.between(start - 0.3, start - 0.05).level() < 0.01


class TestTracks:
    @pytest.mark.parametrize("output_format", ["mp4", "webm"])
    def test_languages_original_and_soft_subtitles(
        self, api: LiveServer, spoken: str, output_format: str
    ) -> None:
        bring_track(api, spoken, "original")
        bring_track(api, spoken, "translations/de")
        api.completed(f"/api/videos/{spoken}/generate-tts", {"language": "de", "voice_id": VOICE})
        options = {"subtitle_mode": "soft", "keep_original_track": True}
        body = {"languages": ["de", "en"], "options": options, "output_format": output_format}
        result = api.completed(f"/api/videos/{spoken}/generate-dubbed-video", body)
        assert (result["language"], result["languages"]) == ("de", ["de", "en"])
        content = api.http.get(result["url"]).raise_for_status().content
        with av.open(BytesIO(content)) as file:
            sounds = [
                (track.metadata.get("language", "und"), bool(track.disposition & 1))
                for track in file.streams.audio
            ]
            texts = [
                (track.metadata.get("language", "und"), bool(track.disposition & 1))
                for track in file.streams.subtitles
            ]
        assert sounds == [("deu", True), ("eng", False), ("kor", False)]
        assert texts == [("deu", True), ("eng", False)]
        dubbed = api.http.get(f"/api/videos/{spoken}/dubbed-videos/de").json()
        assert (dubbed["languages"], dubbed["subtitle_language"]) == (["de", "en"], "de")
        assert dubbed["options"]["subtitle_mode"] == "soft"

    def test_speech_must_be_there_in_every_language(self, api: LiveServer, spoken: str) -> None:
        body = {"languages": ["en", "ja"]}
        answer = api.http.post(f"/api/videos/{spoken}/generate-dubbed-video", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "speech_not_ready")
        assert [error["field"] for error in answer.json()["errors"]] == ["languages.1"]


class TestFormats:
    @pytest.mark.parametrize(
        ("output_format", "container", "video", "audio", "media_type"),
        [
            ("mp4", "mov,mp4", "h264", "aac", "video/mp4"),
            ("mov", "mov,mp4", "h264", "aac", "video/quicktime"),
            ("webm", "matroska,webm", "vp9", "opus", "video/webm"),
        ],
    )
    def test_containers(
        self,
        api: LiveServer,
        spoken: str,
        output_format: str,
        container: str,
        video: str,
        audio: str,
        media_type: str,
    ) -> None:
        content = dub(api, spoken, output_format)
        film = film_in(content)
        assert film.container.startswith(container)
        assert (film.video, film.audio) == (video, audio)
        assert film.size == (640, 360)
        assert film.times[-1] == pytest.approx(4.9, abs=0.11)
        assert sound_in(content).seconds == pytest.approx(5.0, abs=0.05)
        assert content[8:12] == {"mov": b"qt  ", "mp4": b"isom"}.get(output_format, content[8:12])
        dubbed = api.http.get(f"/api/videos/{spoken}/dubbed-videos/en").json()
        assert dubbed["options"]["output_format"] == output_format
        assert dubbed["file_size"] == len(content)
        for name in ("url", "download_url"):
            answer = api.http.head(dubbed[name])
            assert answer.headers["content-type"] == media_type
        assert f".en.{output_format}" in answer.headers["content-disposition"]

    def test_quality(self, api: LiveServer, short_clip: Path) -> None:
        video = speak(api, short_clip)
        sizes = [len(dub(api, video, output_quality=quality)) for quality in ("low", "medium", "high")]
        assert sizes[0] * 1.1 < sizes[1] < sizes[2] / 1.1


class TestPublishing:
    def test_a_new_dub_takes_the_place_of_the_old(self, api: LiveServer, grey_clip: Path) -> None:
        spoken = speak(api, grey_clip)
        dub(api, spoken, include_subtitles=False)
        old = api.http.get(f"/api/videos/{spoken}/dubbed-videos/en").json()
        etag = api.http.head(old["url"]).headers["etag"]
        dub(api, spoken, "webm")
        new = api.http.get(f"/api/videos/{spoken}/dubbed-videos/en").json()
        assert new["url"] == old["url"]
        assert new["created_at"] > old["created_at"]
        assert api.http.head(new["url"]).headers["etag"] != etag
        versions = api.http.get(f"/api/videos/{spoken}").json()["dubbed_versions"]
        assert [version["language"] for version in versions].count("en") == 1
        kept = [path.name for path in stored_files(api, spoken) if path.name.startswith("dub")]
        assert kept == ["dub.webm"]

    def test_a_picture_that_is_copied_is_looked_through_once_for_a_still(
        self, api: LiveServer, grey_clip: Path
    ) -> None:
        spoken = speak(api, grey_clip)
        dub(api, spoken, include_subtitles=False)
        before = stills_remembered(api)
        first = api.http.get(f"/api/videos/{spoken}/dubbed-videos/en/thumbnail").raise_for_status().content
        dub(api, spoken, include_subtitles=False, original_audio_volume=0.5)
        api.wait(lambda: stills_remembered(api) > before)
        again = api.http.get(f"/api/videos/{spoken}/dubbed-videos/en/thumbnail").raise_for_status().content
        assert again == first

    def test_an_edited_translation_is_what_is_burned_in(self, api: LiveServer, grey_clip: Path) -> None:
        video = speak(api, grey_clip)
        edit = {"segments": [{"id": 0, "deleted": True}]}
        api.http.put(f"/api/videos/{video}/subtitles/translations/en", json=edit).raise_for_status()
        film = film_in(dub(api, video))
        assert changed(film, 1.0) < 10
        assert changed(film, 3.0) > 60

    def test_a_dub_that_is_not_there(self, api: LiveServer, video: str) -> None:
        for path in ("", "/file", "/download", "/thumbnail"):
            answer = api.http.get(f"/api/videos/{video}/dubbed-videos/en{path}")
            assert (answer.status_code, answer.json()["code"]) == (409, "dub_not_ready")
            assert "generate-dubbed-video" in answer.json()["next"]

    def test_without_speech(self, api: LiveServer, video: str) -> None:
        answer = api.http.post(f"/api/videos/{video}/generate-dubbed-video", json={"language": "en"})
        assert (answer.status_code, answer.json()["code"]) == (409, "speech_not_ready")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"options": {"include_subtitles": 1}}, "options.include_subtitles"),
            ({"options": {"subtitle_position": "left"}}, "options.subtitle_position"),
            ({"options": {"subtitle_font_size": 5}}, "options.subtitle_font_size"),
            ({"options": {"subtitle_color": "reddish"}}, "options.subtitle_color"),
            ({"options": {"subtitle_background": "rgba(0,0,300,1)"}}, "options.subtitle_background"),
            ({"options": {"original_audio_volume": 1.1}}, "options.original_audio_volume"),
            ({"options": {"output_quality": "ultra"}}, "options.output_quality"),
            ({"options": {"subtitle_colour": "#FFF"}}, "options.subtitle_colour"),
            ({"output_format": "avi"}, "output_format"),
            ({"language": ""}, "language"),
            ({"language": None}, "language"),
            ({"languages": ["ja", "en"]}, "language"),
            ({"languages": ["en", "en"]}, "languages"),
            ({"languages": []}, "languages"),
            ({"options": {"loudness": -8}}, "options.loudness"),
            ({"options": {"ducking": True}}, "options.ducking"),
            ({"options": {"subtitle_mode": "hard"}}, "options.subtitle_mode"),
        ],
    )
    def test_requests_that_cannot_be(self, walk: Walk, body: Json, field: str) -> None:
        answer = walk.server.http.post(walk.path("/generate-dubbed-video"), json={"language": "en"} | body)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
