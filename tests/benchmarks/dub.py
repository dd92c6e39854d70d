"""A whole dub through the API with engines that cost nothing, and one edited line of it dubbed again."""

import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from zlib import crc32

from app.media.audio import Audio
from app.media.ffmpeg import find_ffmpeg
from app.subtitles.engines.base import Transcript, TranscriptionOptions, TranscriptSegment, Word
from app.tts.engines.base import SpeechRequest
from tests.benchmarks.measuring import Comparison, Cost, cost_in_process, cost_of_command
from tests.e2e.dubbing import fetch
from tests.live_server import DIRECTLY, LiveServer
from tests.loopback.engines import ScriptedTranscriber, ToneVoice
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI
from tests.media.babble import babble

LONGEST_TASK = 3600.0
POLLING_SECONDS = 0.5
VIDEO_SECONDS = 60
# What video sites send at 1280 x 720.
BIT_RATE = "2500k"
WARM_UP_SECONDS = 10
MURMUR = "anoisesrc=color=pink:amplitude=0.3:seed=1"
SYLLABLES = "tremolo=f=4:d=0.9"
MIX = "[0:a]volume=0.1[o];[o][1:a]amix=inputs=2:duration=first:normalize=0[mix]"
EXTRACTED = ("-vn", "-ac", "1", "-ar", "16000")
DUBBED = ("-filter_complex", MIX, "-map", "0:v", "-map", "[mix]", "-c:v", "copy", "-c:a", "aac")
STEREO = ("-b:a", "192k", "-ar", "48000", "-ac", "2", "-movflags", "+faststart")
# What FFmpeg does unless it is told otherwise, and what the server has it do.
CODERS = {"ffmpeg as it comes": (), "ffmpeg, fast AAC": ("-aac_coder", "fast")}


class Babbler(ToneVoice):
    """Babbles: pure tones are twice as hard to encode as speech."""

    async def speak(self, request: SpeechRequest) -> Audio:
        return babble(self.seconds(request.text), seed=crc32(request.text.encode()))


class PacedTranscriber(ScriptedTranscriber):
    """Hears a line of its own every few seconds, whatever the recording."""

    def __init__(self, line_every: float) -> None:
        super().__init__()
        self._line_every = line_every
        self._numbers = count()

    async def transcribe(self, audio: Path, options: TranscriptionOptions) -> Transcript:
        heard = await super().transcribe(audio, options)
        end = heard.segments[-1].end if heard.segments else 0.0
        lines = (self._line(index * self._line_every) for index in range(int(end / self._line_every)))
        return replace(heard, segments=tuple(lines))

    def _line(self, start: float) -> TranscriptSegment:
        words = f"Line {next(self._numbers)} is about the weather.".split()
        step = 0.7 * self._line_every / len(words)
        timed = tuple(
            Word(start + index * step, start + (index + 1) * step, word) for index, word in enumerate(words)
        )
        return TranscriptSegment(timed[0].start, timed[-1].end, " ".join(words), words=timed)


def compare(seconds: int, line_every: float, size: str = "1280x720") -> Iterator[Comparison]:
    """Everything but the engines against the bare FFmpeg work it contains, then one line of it again."""
    engines = LoopbackOpenAI(transcriber=PacedTranscriber(line_every), speech=Babbler())
    with tempfile.TemporaryDirectory() as name, engines:
        folder = Path(name)
        clip = _long_clip(folder, seconds, size)
        with LiveServer(folder / "data", OPENAI_BASE_URL=engines.url, launcher=DIRECTLY) as server:
            _warm_up(server, folder, size)
            video_id = server.upload(clip)
            first = cost_in_process(server.pid, lambda: _dub(server, video_id))
            voice = fetch(server, f"/api/videos/{video_id}/audio?language=es", folder / "voice.mp3")
            for baseline, coder in CODERS.items():
                bare = bare_ffmpeg(folder, clip, voice, coder)
                yield Comparison(f"dub, a line every {line_every} s", first, baseline, bare, seconds, "s")
            engines.requests.clear()
            again = cost_in_process(server.pid, lambda: _edit_and_dub_again(server, video_id))
            calls = len(engines.requests_to(Endpoint.SPEECH))
            yield Comparison(f"one line again, {calls} speech call", again, "first", first, 1, "line")


def compare_lengths(minutes: Sequence[int], line_every: float, size: str = "640x360") -> Iterator[Comparison]:
    """The same dub of longer and longer films, each on a server of its own: what memory is needed."""
    first: Cost | None = None
    for each in minutes:
        engines = LoopbackOpenAI(transcriber=PacedTranscriber(line_every), speech=Babbler())
        with tempfile.TemporaryDirectory() as name, engines:
            folder = Path(name)
            clip = _long_clip(folder, 60 * each, size)
            with LiveServer(folder / "data", OPENAI_BASE_URL=engines.url, launcher=DIRECTLY) as server:
                _warm_up(server, folder, size)
                video_id = server.upload(clip)
                cost = cost_in_process(server.pid, partial(_dub, server, video_id))
        first = first or cost
        work = f"dub of {each} min, {round(60 * each / line_every)} lines"
        yield Comparison(work, cost, f"{minutes[0]} min", first, 60 * each, "s")


def compare_burned(seconds: int, line_every: float, size: str = "320x180") -> Iterator[Comparison]:
    """One line again where subtitles are burned in; its work tells how many parts were encoded again."""
    engines = LoopbackOpenAI(transcriber=PacedTranscriber(line_every), speech=Babbler())
    with tempfile.TemporaryDirectory() as name, engines:
        folder = Path(name)
        clip = _long_clip(folder, seconds, size)
        with LiveServer(folder / "data", OPENAI_BASE_URL=engines.url, launcher=DIRECTLY) as server:
            _warm_up(server, folder, size)
            video_id = server.upload(clip)
            first = cost_in_process(server.pid, lambda: _dub(server, video_id, "burned"))
            parts = _parts_encoded(folder)
            again = cost_in_process(server.pid, lambda: _edit_and_dub_again(server, video_id, "burned"))
            more = _parts_encoded(folder) - parts
            work = f"one line again burned in, {more} of {parts} parts encoded"
            yield Comparison(work, again, "first", first, seconds, "s")


def bare_ffmpeg(folder: Path, clip: Path, voice: Path, coder: Sequence[str]) -> Cost:
    """What nobody can dub without: the sound taken out, and put back mixed, encoded and muxed."""
    command = (find_ffmpeg(None), "-v", "error", "-y", "-i", clip)
    taken = cost_of_command([*command, *EXTRACTED, folder / "bare.wav"])
    sound = (*DUBBED, *STEREO, *coder)
    put = cost_of_command([*command, "-i", voice, *sound, folder / "bare.mp4"])
    return Cost(taken.wall + put.wall, taken.cpu + put.cpu, max(taken.peak, put.peak))


def _warm_up(server: LiveServer, folder: Path, size: str) -> None:
    """Every library is loaded when something is first dubbed: that is a server's start, not its work."""
    (folder / "short").mkdir()
    _dub(server, server.upload(_long_clip(folder / "short", WARM_UP_SECONDS, size)))


def _parts_encoded(folder: Path) -> int:
    """So far, once the memo has noted them."""
    time.sleep(1.0)
    with closing(sqlite3.connect(folder / "data" / "app.sqlite")) as database:
        (count,) = database.execute("SELECT count(*) FROM memo WHERE kind = 'picture'").fetchone()
    return int(count)


def _dub(server: LiveServer, video_id: str, subtitles: str = "none") -> None:
    _complete(server, video_id, "extract-subtitles", {"language": "en"})
    _complete(server, video_id, "translate-subtitles", {"target_language": "es"})
    _complete(server, video_id, "generate-tts", {"language": "es"})
    _render(server, video_id, subtitles)


def _edit_and_dub_again(server: LiveServer, video_id: str, subtitles: str = "none") -> None:
    track = f"/api/videos/{video_id}/subtitles/translations/es"
    middle = len(server.http.get(track).json()["segments"]) // 2
    change = {"segments": [{"id": middle, "text": "Otra cosa muy distinta."}]}
    server.http.put(track, json=change).raise_for_status()
    again = {"segment_ids": [middle]}
    server.http.post(f"/api/videos/{video_id}/tts/es", json=again).raise_for_status()
    _render(server, video_id, subtitles)


def _render(server: LiveServer, video_id: str, subtitles: str) -> None:
    options = {"subtitle_mode": subtitles}
    _complete(server, video_id, "generate-dubbed-video", {"language": "es", "options": options})


def _complete(server: LiveServer, video_id: str, stage: str, body: Mapping[str, object]) -> None:
    """Asks for progress as seldom as a person would: asking costs the server time as well."""
    answer = server.http.post(f"/api/videos/{video_id}/{stage}", json=body).raise_for_status().json()
    deadline = time.monotonic() + LONGEST_TASK
    while (task := server.task(answer["task_id"]))["status"] in ("queued", "processing"):
        assert time.monotonic() < deadline, task
        time.sleep(POLLING_SECONDS)
    assert task["status"] == "completed", task


def _long_clip(folder: Path, seconds: int, size: str) -> Path:
    """A minute's picture over and over, since encoding hours takes hours, with a sound of one piece that is
    as hard to encode as speech."""
    minute, clip = folder / "minute.mp4", folder / "clip.mp4"
    picture = f"testsrc2=size={size}:rate=25:duration={min(seconds, VIDEO_SECONDS)}"
    encoded = ("-c:v", "libx264", "-preset", "veryfast", "-b:v", BIT_RATE, "-pix_fmt", "yuv420p")
    command = (find_ffmpeg(None), "-v", "error", "-y")
    subprocess.run([*command, "-f", "lavfi", "-i", picture, *encoded, minute], check=True)
    repeated = ("-stream_loop", str(seconds // VIDEO_SECONDS), "-i", minute)
    murmured = ("-f", "lavfi", "-i", f"{MURMUR}:duration={seconds},{SYLLABLES}")
    sound = ("-c:a", "aac", "-aac_coder", "fast", "-ac", "2")
    subprocess.run(
        [*command, *repeated, *murmured, "-t", str(seconds), "-c:v", "copy", *sound, clip], check=True
    )
    return clip
