"""The files of a dub's speech, made from its lines when somebody first asks for them."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from app.core.database import Database, take_turn
from app.core.errors import ErrorCode, Problem
from app.media.audio import Audio, encode, mp3_sample_rate, read_audio
from app.media.ffmpeg import FFmpegWrapper, media_input, media_output
from app.projects.quotas import count
from app.storage.manager import StorageManager, StoredObject
from app.storage.processor import FileProcessor
from app.tts.models import Speech, SpeechSegment
from app.tts.schemas import SpeechOptions
from app.tts.storage import load_speech
from app.tts.track import write_track

MP3_BIT_RATE = "128k"
_WAV_MARK = b"RIFF"


class AudioFiles:
    """In the format that was asked for when the speech was generated."""

    def __init__(
        self, database: Database, storage: StorageManager, files: FileProcessor, ffmpeg: FFmpegWrapper
    ) -> None:
        self._database = database
        self._storage = storage
        self._files = files
        self._ffmpeg = ffmpeg

    async def segment(self, row: Speech, segment: SpeechSegment) -> str:
        """The key of a line's file. Raises `Problem(SEGMENT_NOT_SPOKEN)`."""
        if segment.clip is None:
            raise Problem(
                ErrorCode.SEGMENT_NOT_SPOKEN,
                segment_id=segment.id,
                video_id=row.video_id,
                language=row.language,
            )
        if row.audio_format == "wav":
            return segment.clip
        key = f"{row.objects}{segment.id}.{row.audio_format}"
        return await self._files.derived(
            key, partial(self._make_segment, segment.clip), partial(self._count, row)
        )

    async def track(self, row: Speech) -> str:
        """The key of the whole voice track: mono, exactly as long as the video, every line in its place."""
        key = f"{row.objects}track.{row.audio_format}"
        return await self._files.derived(key, partial(self._make_track, row), partial(self._count, row))

    async def _count(self, row: Speech, stored: StoredObject) -> None:
        """Raises `Problem(SPEECH_NOT_READY)` if the lines were spoken anew meanwhile; nothing is left of the
        file."""
        async with self._database.write() as session:
            await take_turn(session, row.video_id)
            current = await session.get(Speech, (row.video_id, row.language))
            if current is not None and current.objects == row.objects:
                await count(session, row.video_id, {stored.key: stored.size})
                return
        await self._storage.discard(row.objects)
        raise Problem(ErrorCode.SPEECH_NOT_READY, video_id=row.video_id, language=row.language)

    async def _make_segment(self, clip: str, scratch: Path) -> Path:
        content = await self._storage.read_bytes(clip)
        out = scratch / "segment.mp3"
        await asyncio.to_thread(_write_mp3, content, out)
        return out

    async def _make_track(self, row: Speech, scratch: Path) -> Path:
        async with self._database.read() as session:
            speech = await load_speech(session, row.video_id, row.language)
        rate = SpeechOptions.model_validate(speech.row.options).sample_rate
        track = scratch / "track.wav"
        write = partial(
            write_track,
            self._clips(speech.segments),
            sample_rate=rate,
            total_samples=round(speech.row.duration * rate),
            out=track,
        )
        await asyncio.to_thread(write)
        if row.audio_format == "wav":
            return track
        return await self._encoded(track, scratch / "track.mp3", rate, speech.row.duration)

    async def _encoded(self, track: Path, out: Path, rate: int, duration: float) -> Path:
        form: dict[str, str | float] = {"c:a": "libmp3lame", "b:a": MP3_BIT_RATE, "f": "mp3"}
        graph = media_output(out, media_input(track)["a"], ar=mp3_sample_rate(rate), **form)
        await self._ffmpeg.run(graph, duration=duration)
        return out

    def _clips(self, segments: Sequence[SpeechSegment]) -> Iterator[tuple[float, Audio]]:
        """One at a time, read in whichever thread asks for the next."""
        for segment in sorted(segments, key=lambda segment: segment.placed_start):
            if segment.clip is not None:
                with self._storage.open(segment.clip) as file:
                    yield segment.placed_start, read_audio(file.read())


def _write_mp3(content: bytes, out: Path) -> None:
    """As it is where it was an MP3 from the start, as in speech of an older release."""
    if not content.startswith(_WAV_MARK):
        out.write_bytes(content)
        return
    audio = read_audio(content)
    out.write_bytes(encode(audio, "mp3", audio.sample_rate))
