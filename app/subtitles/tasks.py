"""The job of the subtitles feature: listening to a video."""

import asyncio
import hashlib
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from app.core.languages import AUTO
from app.core.sharing import each_of
from app.jobs.models import JobType
from app.jobs.schemas import TERMS, SubtitleExtractionResult
from app.jobs.task import RunningJob, TaskDefinition
from app.media.silence import Clip, find_silences, plan_clips, read_levels
from app.memo import Memo, Unit
from app.subtitles.audio_extractor import AudioExtractor
from app.subtitles.engines.base import Transcriber, Transcript, TranscriptionOptions
from app.subtitles.hallucinations import LeftOut
from app.subtitles.hearing import Hearing, overheard, understand
from app.subtitles.models import UNKNOWN_LANGUAGE, Subtitles
from app.subtitles.schemas import ExtractSubtitles
from app.subtitles.segmenter import build_segments
from app.subtitles.segments import Segment
from app.subtitles.storage import find_track, save_track, segments_to_json
from app.videos.service import VideoProcessor
from app.videos.storage import get_video

CLIPS_IN_FLIGHT = 16
_TRANSCRIPT = TypeAdapter(Transcript)
_LEFT_OUT = TypeAdapter(list[LeftOut])


@dataclass(frozen=True, slots=True)
class SubtitleExtraction:
    """Extracts the speech, has its clips transcribed in parallel and cuts the text into segments."""

    videos: VideoProcessor
    audio: AudioExtractor
    memo: Memo
    transcriber: Callable[[], Transcriber]

    def definition(self) -> TaskDefinition[ExtractSubtitles]:
        return TaskDefinition(JobType.SUBTITLE_EXTRACTION, ExtractSubtitles, self.run)

    async def run(self, job: RunningJob[ExtractSubtitles]) -> None:
        engine = self.transcriber()
        job.report(0.0, "preparing_video")
        source = await self.videos.source(job.video_id, job.scratch)
        wav = job.scratch / "speech.wav"
        await self.audio.extract_speech(source.path, source.info, wav, job.span(0.0, 0.1, "extracting_audio"))
        heard = await self._listen(job, engine, wav, source.info.duration)
        segments = await asyncio.to_thread(
            build_segments,
            heard.segments,
            max_length=job.request.segments.max_length,
            min_silence=job.request.segments.min_silence,
            duration=source.info.duration,
        )
        await self._publish(job, engine, heard, segments)

    async def _listen(
        self, job: RunningJob[ExtractSubtitles], engine: Transcriber, wav: Path, duration: float
    ) -> Hearing:
        limits = engine.limits(engine.model_for(job.request.model))
        longest = (
            limits.seconds if limits.timestamps else min(limits.seconds, job.request.segments.max_length)
        )
        levels = await asyncio.to_thread(read_levels, wav)
        clips = plan_clips(min(duration, levels.duration), find_silences(levels), longest)
        done = 0

        async def hear(numbered: tuple[int, Clip]) -> Transcript:
            nonlocal done
            number, clip = numbered
            transcript = await self._transcribe(job, engine, wav, clip)
            done += 1
            job.partial.add(number, await asyncio.to_thread(_so_far, job.request, number, clip, transcript))
            job.report(0.1 + 0.85 * done / len(clips), "transcribing", done=done, total=len(clips))
            return transcript

        job.report(0.1, "transcribing", done=0, total=len(clips))
        numbered = list(enumerate(clips, start=1))
        transcripts = await each_of(numbered, hear, at_once=CLIPS_IN_FLIGHT)
        job.units_done()
        return await asyncio.to_thread(understand, clips, transcripts, levels, duration)

    async def _transcribe(
        self, job: RunningJob[ExtractSubtitles], engine: Transcriber, wav: Path, clip: Clip
    ) -> Transcript:
        request = job.request
        options = TranscriptionOptions(
            model=engine.model_for(request.model),
            language=None if request.language == AUTO else request.language,
            temperature=request.temperature,
            words=True,
        )
        unit = Unit(
            kind="transcript",
            engine=engine.name,
            model=options.model,
            content=await asyncio.to_thread(_fingerprint, wav, clip),
            parameters=(("language", options.language), ("temperature", options.temperature)),
        )

        async def transcribe() -> bytes:
            audio_format = engine.limits(options.model).audio_format
            path = job.scratch / f"{clip.start:.3f}.{audio_format}"
            await self.audio.cut_clip(wav, clip, audio_format, path)
            return _TRANSCRIPT.dump_json(await engine.transcribe(path, options))

        return _TRANSCRIPT.validate_json(await self.memo.recall(unit, transcribe, costly=True))

    async def _publish(
        self,
        job: RunningJob[ExtractSubtitles],
        engine: Transcriber,
        heard: Hearing,
        segments: Sequence[Segment],
    ) -> None:
        request = job.request
        if request.timestamp_granularity == "segment":
            segments = [replace(segment, words=()) for segment in segments]
        known = request.language if request.language != AUTO else heard.language
        async with job.completing() as completion:
            track = await find_track(completion.session, job.video_id)
            row = track.row if track else Subtitles(video_id=job.video_id)
            row.language = known or UNKNOWN_LANGUAGE
            row.detected_language = heard.language
            row.whisper_model, row.model_used = request.model, engine.model_for(request.model)
            row.whisper_options = request.model_dump(mode="json", exclude=TERMS)
            row.has_estimated_times = heard.has_estimated_times
            row.left_out = _LEFT_OUT.dump_python(list(heard.left_out), mode="json")
            await save_track(completion.session, row, segments)
            (await get_video(completion.session, job.video_id)).detected_language = heard.language
            await completion.finish(
                SubtitleExtractionResult(
                    video_id=job.video_id,
                    subtitles_url=f"/api/videos/{job.video_id}/subtitles/original",
                    detected_language=heard.language,
                    segments_count=len(segments),
                )
            )


def _so_far(
    request: ExtractSubtitles, number: int, clip: Clip, transcript: Transcript
) -> list[dict[str, object]]:
    """The segments of one clip, as nearly as can be told without the others."""
    segments = build_segments(
        overheard(number, clip, transcript),
        max_length=request.segments.max_length,
        min_silence=request.segments.min_silence,
        duration=clip.end,
    )
    return segments_to_json(segments)


def _fingerprint(wav: Path, clip: Clip) -> str:
    """Of the samples themselves: encoders do not always give the same bytes."""
    with wave.open(str(wav), "rb") as file:
        rate = file.getframerate()
        first = min(round(clip.start * rate), file.getnframes())
        file.setpos(first)
        return hashlib.sha256(file.readframes(round(clip.end * rate) - first)).hexdigest()
