"""How good the subtitles of real recordings are, and what remains of what is heard where nobody speaks."""

import asyncio
import csv
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pysrt

from app.media.clip import clip_seconds
from app.media.ffmpeg import find_ffmpeg
from app.media.silence import Clip, read_levels
from app.subtitles.engines.base import Transcript, TranscriptionOptions, TranscriptSegment, Word
from app.subtitles.engines.local import LocalTranscriber, packaged_model
from app.subtitles.hearing import Hearing, understand
from app.subtitles.segmenter import build_segments
from app.subtitles.segments import Segment
from tests.benchmarks.video import as_video
from tests.live_server import DIRECTLY, Json, LiveServer
from tests.loopback.openai_server import LoopbackOpenAI

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment as WhisperSegment

MEDIA = Path(__file__).parents[2].parent / "shared" / "media"
TIMED = "speech/en_long_printing.mp4"
TIMED_REFERENCE = "refs/en_long_printing.srt"
HEADINGS = (
    "file",
    "lines",
    "left out",
    "words wrong",
    "ends at sentence",
    "or clause",
    "words inside",
    "starts off",
)
ESTIMATE_HEADINGS = ("times estimated", "lines", "starts off, median", "p95")
LONGEST_TASK = 1800.0
NOISE_HEADINGS = ("sound without speech", "lines heard", "lines left")
SOUNDS = {
    "white noise": "anoisesrc=d=20:c=white:a=0.2:r=16000:seed=1",
    "quiet pink noise": "anoisesrc=d=20:c=pink:a=0.02:r=16000:seed=1",
    "hum": "sine=f=50:d=20:r=16000",
    "chords": "aevalsrc=0.1*(sin(2*PI*220*t)+sin(2*PI*277*t)+sin(2*PI*330*t))*(1+sin(2*PI*t)):d=20:s=16000",
}
SILENT = "video/silent_black_10s.mp4"
MUSIC = "speech/en_interview_googlework.mp4"
MUSIC_SECONDS = 18.0

_SENTENCE_END = re.compile(r"[.!?。！？…]\W*$")
_CLAUSE_END = re.compile(r"[.!?。！？…,;:、，；：—–-]\W*$")
_WORD = re.compile(r"\w")
_LETTERS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Quality:
    """Shares from 0 to 1; `starts_off` the median and 95th percentile in seconds, where times are known."""

    file: str
    lines: int
    left_out: int
    words_wrong: float
    ends_at_sentence: float
    ends_at_clause: float
    words_inside: float
    starts_off: tuple[float, float] | None

    def row(self) -> tuple[str, ...]:
        shares = (self.words_wrong, self.ends_at_sentence, self.ends_at_clause, self.words_inside)
        starts = "/".join(f"{seconds:.3f} s" for seconds in self.starts_off or ())
        return (self.file, str(self.lines), str(self.left_out), *(f"{share:.1%}" for share in shares), starts)


def measure(languages: Sequence[str] = ("en", "es")) -> Iterator[tuple[str, ...]]:
    """Rows of a table: the recordings whose words are known, by the built-in engine."""
    yield HEADINGS
    with tempfile.TemporaryDirectory() as folder:
        engine = LocalTranscriber(Path(folder))
        for row in _known():
            if row["language"] in languages:
                wav = _wav(["-i", str(MEDIA / row["file"])], Path(folder) / "speech.wav")
                options = TranscriptionOptions("base", language=row["language"], words=True)
                hearing = _understood(wav, asyncio.run(engine.transcribe(wav, options)))
                yield _quality(row["file"], row["transcript"], hearing, clip_seconds(wav)).row()


def measure_estimates(languages: Sequence[str] = ("en", "es", "fr", "de", "ko")) -> Iterator[tuple[str, ...]]:
    """Rows of a table: how far lines begin from where the built-in engine heard their first words, when a
    server tells that engine's words without their times."""
    yield ESTIMATE_HEADINGS
    every: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = LocalTranscriber(folder / "models")
        with (
            LoopbackOpenAI(transcriber=engine) as engines,
            LiveServer(folder / "data", OPENAI_BASE_URL=engines.url, launcher=DIRECTLY) as server,
        ):
            for row in _known():
                if row["language"] in languages:
                    off = _estimates_off(server, as_video(MEDIA / row["file"], folder), row["language"])
                    every += off
                    yield row["file"], str(len(off)), *_middle_and_most(off)
    yield "all", str(len(every)), *_middle_and_most(every)


def _estimates_off(server: LiveServer, video: Path, language: str) -> list[float]:
    video_id = server.upload(video)
    told = _extracted(server, video_id, {"language": language, "timestamp_granularity": "word"})
    lines = _extracted(server, video_id, {"language": language, "model": "gpt-transcribe"})
    heard = [
        (word, spoken["start"])
        for line in told
        for spoken in line["words"]
        for word in _words(spoken["text"])
    ]
    said = [_words(line["text"]) for line in lines]
    places = _places([word for words in said for word in words], [word for word, _ in heard])
    firsts = np.cumsum([0, *map(len, said)])[:-1].tolist()
    return [
        abs(heard[places[first]][1] - line["start"])
        for first, line in zip(firsts, lines, strict=True)
        if first in places
    ]


def _extracted(server: LiveServer, video_id: str, body: Json) -> list[Json]:
    path = f"/api/videos/{video_id}"
    answer = server.http.post(f"{path}/extract-subtitles", json=body).raise_for_status()
    task = server.finished(answer.json()["task_id"], LONGEST_TASK)
    assert task["status"] == "completed", task
    segments: list[Json] = server.http.get(f"{path}/subtitles/original").raise_for_status().json()["segments"]
    return segments


def _middle_and_most(seconds: Sequence[float]) -> tuple[str, str]:
    if not seconds:
        return "", ""
    return f"{np.median(seconds):.2f} s", f"{np.percentile(seconds, 95):.2f} s"


def measure_hallucinations() -> Iterator[tuple[str, ...]]:
    """Rows of a table, by the built-in model without the voice detection that spares it such sounds."""
    from faster_whisper import WhisperModel

    yield NOISE_HEADINGS
    with tempfile.TemporaryDirectory() as folder:
        model = WhisperModel(str(packaged_model(Path(folder))), device="cpu", compute_type="int8")
        for name, source in _speechless():
            wav = _wav(source, Path(folder) / "noise.wav")
            transcript = _everything_heard(model, wav)
            left = _understood(wav, transcript).segments
            yield name, str(len(transcript.segments)), str(len(left))


def _known() -> list[dict[str, str]]:
    with (MEDIA / "INDEX.tsv").open(encoding="utf-8") as index:
        rows = list(csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row for row in rows if row["file"].startswith("speech/") and row["transcript"] not in ("", "-")]


def _speechless() -> Iterator[tuple[str, list[str]]]:
    """FFmpeg's input options."""
    yield "digital silence", ["-i", str(MEDIA / SILENT)]
    yield "music before an interview", ["-t", str(MUSIC_SECONDS), "-i", str(MEDIA / MUSIC)]
    for name, source in SOUNDS.items():
        yield name, ["-f", "lavfi", "-i", source]


def _wav(source: Sequence[str], path: Path) -> Path:
    to_wav = ["-vn", "-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le", str(path)]
    subprocess.run([str(find_ffmpeg(None)), "-v", "error", "-y", *source, *to_wav], check=True)
    return path


def _understood(wav: Path, transcript: Transcript) -> Hearing:
    duration = clip_seconds(wav)
    return understand([Clip(0.0, duration)], [transcript], read_levels(wav), duration)


def _everything_heard(model: "WhisperModel", wav: Path) -> Transcript:
    segments, _ = model.transcribe(
        str(wav), language="en", temperature=0.0, condition_on_previous_text=False, word_timestamps=True
    )
    return Transcript("en", tuple(_segment(segment) for segment in segments))


def _segment(heard: "WhisperSegment") -> TranscriptSegment:
    words = tuple(Word(float(word.start), float(word.end), word.word.strip()) for word in heard.words or ())
    return TranscriptSegment(
        start=heard.start,
        end=heard.end,
        text=heard.text.strip(),
        average_log_probability=heard.avg_logprob,
        no_speech_probability=heard.no_speech_prob,
        compression_ratio=heard.compression_ratio,
        words=words,
    )


def _quality(file: str, said: str, hearing: Hearing, duration: float) -> Quality:
    lines = build_segments(hearing.segments, max_length=30.0, min_silence=0.5, duration=duration)
    places = _places([word for line in lines for word in _words(line.text)], _words(said))
    ends = [places.get(end) for end in np.cumsum([len(_words(line.text)) for line in lines]) - 1]
    reference = _tokens(said)
    return Quality(
        file=file,
        lines=len(lines),
        left_out=len(hearing.left_out),
        words_wrong=_wrong([word for line in lines for word in _words(line.text)], _words(said)),
        ends_at_sentence=_share(end is not None and _SENTENCE_END.search(reference[end]) for end in ends),
        ends_at_clause=_share(end is not None and _CLAUSE_END.search(reference[end]) for end in ends),
        words_inside=_share(
            line.start <= word.start and word.end <= line.end for line in lines for word in line.words
        ),
        starts_off=_starts_off(lines) if file == TIMED else None,
    )


def _starts_off(lines: Sequence[Segment]) -> tuple[float, float]:
    """How far the first words of the reference's cues are from where they were heard."""
    cues = pysrt.open(str(MEDIA / TIMED_REFERENCE))
    heard = [(word, spoken.start) for line in lines for spoken in line.words for word in _words(spoken.text)]
    said = [word for cue in cues for word in _words(cue.text)]
    heard_at = {place: index for index, place in _places([word for word, _ in heard], said).items()}
    firsts = np.cumsum([0, *(len(_words(cue.text)) for cue in cues)])[:-1]
    off = [
        abs(heard[heard_at[first]][1] - cue.start.ordinal / 1000)
        for first, cue in zip(firsts.tolist(), cues, strict=True)
        if first in heard_at
    ]
    return float(np.median(off)), float(np.percentile(off, 95))


def _tokens(text: str) -> list[str]:
    """Words with their punctuation; a lone dash belongs to the word before it."""
    tokens: list[str] = []
    for token in text.split():
        if _WORD.search(token):
            tokens.append(token)
        elif tokens:
            tokens[-1] += token
    return tokens


def _words(text: str) -> list[str]:
    return ["".join(_LETTERS.findall(token.casefold())) for token in _tokens(text)]


def _places(heard: Sequence[str], said: Sequence[str]) -> dict[int, int]:
    """For every word heard right, its place in what was said."""
    blocks = SequenceMatcher(None, heard, said, autojunk=False).get_matching_blocks()
    return {block.a + step: block.b + step for block in blocks for step in range(block.size)}


def _wrong(heard: Sequence[str], said: Sequence[str]) -> float:
    """The word error rate."""
    row = list(range(len(said) + 1))
    for above, word in enumerate(heard, start=1):
        diagonal, row[0] = row[0], above
        for column, other in enumerate(said, start=1):
            change = diagonal + (word != other)
            diagonal = row[column]
            row[column] = min(diagonal + 1, row[column - 1] + 1, change)
    return row[-1] / len(said)


def _share(answers: Iterable[object]) -> float:
    counted = [bool(answer) for answer in answers]
    return sum(counted) / len(counted) if counted else 0.0
