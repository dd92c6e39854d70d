"""A video on its way through section 2 of the specification, every answer kept."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx

from tests.live_server import Json, LiveServer

SOURCE = "ko"
TARGET = "en"
VOICE = "nova"
EXTRACTION: Json = {
    "language": "auto",
    "model": "whisper-large-v2",
    "timestamp_granularity": "segment",
    "temperature": 0.0,
    "segments": {"max_length": 30, "min_silence": 0.5},
}
TRANSLATION: Json = {
    "target_language": TARGET,
    "model": "gpt-4",
    "options": {
        "preserve_format": True,
        "terminology": {"train": "Express"},
        "tone": "conversational",
        "context": "기술 교육 비디오",
    },
}
SPEECH: Json = {
    "language": TARGET,
    "voice_id": VOICE,
    "options": {
        "speaking_rate": 1.0,
        "pitch": 0,
        "volume_gain_db": 0,
        "sample_rate": 24000,
        "silence_padding": 0.2,
    },
    "audio_format": "mp3",
}
DUB: Json = {
    "language": TARGET,
    "options": {
        "include_subtitles": True,
        "subtitle_position": "bottom",
        "subtitle_font_size": 16,
        "subtitle_color": "#FFFFFF",
        "subtitle_background": "rgba(0,0,0,0.5)",
        "original_audio_volume": 0.1,
        "output_quality": "high",
    },
    "output_format": "mp4",
}


@dataclass(frozen=True, slots=True)
class Walk:
    """The specification's own requests in its own order, on one video; `answers` by a name of each step."""

    server: LiveServer
    video_id: str
    answers: dict[str, httpx.Response] = field(default_factory=dict)

    @classmethod
    def take(cls, server: LiveServer, clip: Path) -> Self:
        with clip.open("rb") as file:
            upload = server.http.post(
                "/api/videos/upload",
                files={"video": (clip.name, file)},
                data={"title": "비디오 제목", "description": "비디오 설명", "source_language": SOURCE},
            )
        walk = cls(server, upload.raise_for_status().json()["video_id"], {"upload": upload})
        walk.get("new video", "")
        walk.transcribe()
        walk.translate()
        walk.speak()
        walk.dub()
        walk.get("jobs", "/jobs")
        walk.get("video", "")
        return walk

    def transcribe(self) -> None:
        self.run("extraction", "/extract-subtitles", EXTRACTION)
        self.get("subtitles", "/subtitles/original")
        self.get("subtitles srt", "/subtitles/original?format=srt")
        self.get("subtitles vtt", "/subtitles/original?format=vtt")
        self.get("subtitles download", "/subtitles/original/download")
        edit = {"segments": [{"id": 0, "start": 0.0, "end": 2.5, "text": "The train is late."}]}
        self.put("subtitles edit", "/subtitles/original", edit)
        self.get("edited subtitles", "/subtitles/original")

    def translate(self) -> None:
        here = f"/subtitles/translations/{TARGET}"
        self.run("translation", "/translate-subtitles", TRANSLATION)
        self.get("translated", here)
        self.get("translated srt", f"{here}?format=srt")
        self.get("translated vtt", f"{here}?format=vtt")
        self.get("translated download", f"{here}/download")
        self.put("translated edit", here, {"segments": [{"id": 1, "text": "Nobody saw it."}]})
        self.get("edited translation", here)

    def speak(self) -> None:
        self.answers["voices"] = self.server.http.get(f"/api/tts/voices?language={TARGET}&gender=female")
        self.run("speech", "/generate-tts", SPEECH)
        self.answers["spoken"] = self.server.http.post(f"/api/videos/{self.video_id}/tts/{TARGET}")
        self.get("spoken again", f"/tts/{TARGET}")

    def dub(self) -> None:
        self.run("dub", "/generate-dubbed-video", DUB)
        self.get("dubbed", f"/dubbed-videos/{TARGET}")
        self.get("dubbed download", f"/dubbed-videos/{TARGET}/download")

    def get(self, step: str, path: str) -> None:
        self.answers[step] = self.server.http.get(f"/api/videos/{self.video_id}{path}").raise_for_status()

    def put(self, step: str, path: str, body: object) -> None:
        answer = self.server.http.put(
            f"/api/videos/{self.video_id}{path}", json=body, headers={"Accept-Language": "ko"}
        )
        self.answers[step] = answer.raise_for_status()

    def run(self, step: str, path: str, body: object) -> None:
        """Keeps what started the task under `step`, and the finished task under `step` task."""
        started = self.server.http.post(f"/api/videos/{self.video_id}{path}", json=body).raise_for_status()
        self.answers[step] = started
        task_id = started.json()["task_id"]
        self.server.finished(task_id)
        self.answers[f"{step} task"] = self.server.http.get(f"/api/tasks/{task_id}")

    def json(self, step: str) -> Json:
        body: Json = self.answers[step].json()
        return body

    def path(self, rest: str = "") -> str:
        return f"/api/videos/{self.video_id}{rest}"
