"""The stages of a dub as a test needs them: what they start from, how they are started, what they leave."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.durability.processes import encoders
from tests.live_server import Json, LiveServer
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI, Request

LANGUAGE = "es"
TRACK_SECONDS = 24.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A task and the units it is made of: one request to `endpoint` each.

    `prepare` uploads a video, brings what the stage reads and returns the video's id; units with another
    `topic` are other units. `most_units` is more than half of what half a minute comes to.
    """

    name: str
    endpoint: Endpoint
    start: str
    body: Json
    result: str
    prepare: Callable[[LiveServer, Path, str], str]
    most_units: int

    def begin(self, server: LiveServer, video_id: str, **options: object) -> str:
        """The id of the task."""
        path, body = f"/api/videos/{video_id}/{self.start}", self.body | options
        return str(server.http.post(path, json=body).raise_for_status().json()["task_id"])

    def lines(self, server: LiveServer, video_id: str) -> list[Json]:
        """What came of it."""
        track = server.http.get(f"/api/videos/{video_id}/{self.result}").raise_for_status().json()
        return list(track["segments"])

    def outcome(self, server: LiveServer, video_id: str) -> list[tuple[object, ...]]:
        """The lines without what differs from run to run."""
        return [
            tuple(value for name, value in sorted(line.items()) if "url" not in name and name != "cost")
            for line in self.lines(server, video_id)
        ]

    def requests(self, engines: LoopbackOpenAI) -> list[Request]:
        return engines.requests_to(self.endpoint)


def spoken_video(server: LiveServer, clip: Path, topic: str) -> str:
    return server.upload(clip, title=topic, source_language="en")


def subtitled_video(server: LiveServer, clip: Path, topic: str, lines: int = 120) -> str:
    video_id = spoken_video(server, clip, topic)
    bring(server, video_id, "original?language=en", topic, lines)
    return video_id


def translated_video(server: LiveServer, clip: Path, topic: str, lines: int = 12) -> str:
    video_id = spoken_video(server, clip, topic)
    bring(server, video_id, f"translations/{LANGUAGE}", topic, lines)
    return video_id


def voiced_video(server: LiveServer, clip: Path, topic: str) -> str:
    video_id = translated_video(server, clip, topic, lines=2)
    server.completed(f"/api/videos/{video_id}/generate-tts", {"language": LANGUAGE, "audio_format": "wav"})
    return video_id


def bring(server: LiveServer, video_id: str, track: str, topic: str, lines: int) -> None:
    """A track of short lines, each with a text of its own."""
    step = TRACK_SECONDS / lines
    cues = [
        f"00:00:{number * step:06.3f} --> 00:00:{(number + 1) * step:06.3f}\n{topic} number {number}\n"
        for number in range(lines)
    ]
    server.http.put(
        f"/api/videos/{video_id}/subtitles/{track}",
        content="\n".join(["WEBVTT\n", *cues]).encode(),
        headers={"Content-Type": "text/vtt"},
    ).raise_for_status()


def begin_render(server: LiveServer, video_id: str) -> str:
    """Starts the task and returns its id when FFmpeg is encoding its picture."""
    answer = server.http.post(f"/api/videos/{video_id}/{RENDER}", json=RENDER_BODY).raise_for_status()
    server.wait(lambda: bool(encoders(server.data_dir)))
    return str(answer.json()["task_id"])


TRANSCRIPTION = Stage(
    "transcription",
    Endpoint.TRANSCRIPTIONS,
    "extract-subtitles",
    {"model": "gpt-transcribe", "segments": {"max_length": 3}},
    "subtitles/original",
    spoken_video,
    most_units=7,
)
TRANSLATION = Stage(
    "translation",
    Endpoint.CHAT,
    "translate-subtitles",
    {"target_language": LANGUAGE},
    f"subtitles/translations/{LANGUAGE}",
    subtitled_video,
    most_units=4,
)
SPEECH = Stage(
    "speech",
    Endpoint.SPEECH,
    "generate-tts",
    {"language": LANGUAGE, "audio_format": "wav"},
    f"tts/{LANGUAGE}",
    translated_video,
    most_units=8,
)
STAGES = (TRANSCRIPTION, TRANSLATION, SPEECH)
RENDER = "generate-dubbed-video"
RENDER_BODY = {"language": LANGUAGE, "options": {"include_subtitles": True}}
