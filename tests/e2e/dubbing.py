"""The way to a dub over HTTP with subtitles that the test brings, and the files that come of it."""

from pathlib import Path

from app.subtitles.cues import Cue
from app.subtitles.formatter import serialise
from tests.live_server import LiveServer

ROBOT = "espeak-en-us-male"


def bring_translation(api: LiveServer, video_id: str, language: str, *cues: Cue) -> None:
    api.http.put(
        f"/api/videos/{video_id}/subtitles/translations/{language}",
        content=serialise(cues, "vtt", language).encode(),
        headers={"Content-Type": "text/vtt"},
    ).raise_for_status()


def speak(api: LiveServer, video_id: str, language: str, voice_id: str | None = None) -> None:
    body = {"language": language, "voice_id": voice_id, "audio_format": "wav"}
    api.completed(f"/api/videos/{video_id}/generate-tts", body)


def render(api: LiveServer, video_id: str, language: str, target: Path, **options: object) -> Path:
    """The dubbed video as a client downloads it."""
    body = {"language": language, "options": options}
    api.completed(f"/api/videos/{video_id}/generate-dubbed-video", body)
    return fetch(api, f"/api/videos/{video_id}/dubbed-videos/{language}/download", target)


def fetch(api: LiveServer, path: str, target: Path) -> Path:
    target.write_bytes(api.http.get(path).raise_for_status().content)
    return target
