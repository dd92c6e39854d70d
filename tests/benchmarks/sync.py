"""How well dubs keep in sync: real recordings with the built-in engines, and voices that are far too slow."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.subtitles.cues import Cue
from tests.benchmarks.subtitles import MEDIA
from tests.benchmarks.video import as_video
from tests.conftest import make_clip
from tests.e2e.dubbing import bring_translation
from tests.live_server import DIRECTLY, Json, LiveServer
from tests.loopback.engines import DrawnVoice
from tests.loopback.openai_server import LoopbackOpenAI

LONGEST_TASK = 1800.0
HEADINGS = (
    "dub",
    "lines",
    "onset p95",
    "worst",
    "subtitle p95",
    "its worst",
    "> 40 ms",
    "> shift",
    "overlaps",
    "cut off",
    "fastest",
    "up to 1.2",
    "reworded",
    "length",
    "LUFS",
    "dBTP",
)
SPOKEN = (
    "en_talkinghead_jordi.mp4",
    "en_interview_googlework.mp4",
    "en_long_printing.mp4",
    "en_jfk.flac",
    "en_bush_columbia.wav",
    "en_two_cities.wav",
    "en_azdoc1.flac",
    "en_asterisk_demo-congrats.flac",
)
HARD_LINES = 200
HARD_STEP = 3.0
HARD_CHARACTERS = 39  # of which the voice says about as many in a slot at its quickest


def measure(names: Sequence[str] = SPOKEN) -> Iterator[tuple[str, ...]]:
    """A row of the table for each recording, dubbed from English into Spanish, and one for the hard case."""
    yield HEADINGS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with LiveServer(folder / "data", launcher=DIRECTLY) as server:
            for recording in names if MEDIA.is_dir() else ():
                video_id = server.upload(as_video(MEDIA / "speech" / recording, folder))
                _complete(server, video_id, "extract-subtitles", {"language": "en"})
                _complete(server, video_id, "translate-subtitles", {"target_language": "es"})
                yield _row(recording, _dubbed(server, video_id, "es"))
        with LoopbackOpenAI(speech=DrawnVoice()) as engines:
            for rewrites in (2, 0):
                data = folder / f"hard-{rewrites}"
                with LiveServer(
                    data, OPENAI_BASE_URL=engines.url, SPEECH_REWRITES=str(rewrites), launcher=DIRECTLY
                ) as server:
                    yield _row(f"too slow, {rewrites} rewrites", _hard(server, folder))


def _hard(server: LiveServer, folder: Path) -> Json:
    """Lines one after another whose speech takes 1.3 times their slots, and for some far more."""
    clip = folder / "hard.mp4"
    make_clip(clip, HARD_LINES * HARD_STEP, size="64x36", rate=5)
    video_id = server.upload(clip)
    lines = [_hard_line(number) for number in range(HARD_LINES)]
    bring_translation(server, video_id, "en", *lines)
    return _dubbed(server, video_id, "en")


def _hard_line(number: int) -> Cue:
    text = f"Every{number} morning the captain opens a window and answers the letters"
    start = number * HARD_STEP
    return Cue(start, start + 0.8 * HARD_STEP, text[: HARD_CHARACTERS + number % 12])


def _dubbed(server: LiveServer, video_id: str, language: str) -> Json:
    """The report of the only track, with the speech's own account of the wordings."""
    _complete(server, video_id, "generate-tts", {"language": language})
    options = {"subtitle_mode": "none"}
    _complete(server, video_id, "generate-dubbed-video", {"language": language, "options": options})
    path = f"/api/videos/{video_id}/dubbed-videos/{language}/report"
    report: Json = server.http.get(path).raise_for_status().json()
    speech = server.http.get(f"/api/videos/{video_id}/tts/{language}").raise_for_status().json()
    track: Json = report["tracks"][0]
    return track | {
        "reworded": sum(line["text"] != line["translated_text"] for line in speech["segments"]),
        "length": report["duration_difference"],
    }


def _row(name: str, track: Json) -> tuple[str, ...]:
    onset, subtitle, speed = track["onset_error"], track["subtitle_error"], track["speed"]
    return (
        name,
        str(len(track["segments"])),
        f"{1000 * onset['p95']:.0f} ms",
        f"{1000 * onset['worst']:.0f} ms",
        f"{1000 * subtitle['p95']:.0f} ms",
        f"{1000 * subtitle['worst']:.0f} ms",
        str(subtitle["beyond_40_ms"]),
        str(subtitle["beyond_max_shift"]),
        str(track["overlaps"]),
        str(track["truncations"]),
        f"{speed['highest']:.2f}",
        f"{speed['gentle_share']:.0%}",
        str(track["reworded"]),
        f"{1000 * track['length']:+.0f} ms",
        f"{track['lufs']:.1f}",
        f"{track['true_peak']:.1f}",
    )


def _complete(server: LiveServer, video_id: str, stage: str, body: Json) -> None:
    answer = server.http.post(f"/api/videos/{video_id}/{stage}", json=body).raise_for_status()
    task = server.finished(answer.json()["task_id"], LONGEST_TASK)
    assert task["status"] == "completed", task
