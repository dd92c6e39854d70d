"""The job of the render feature: the final video."""

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.core.database import after_commit
from app.core.identifiers import new_id
from app.core.languages import iso_639_2
from app.jobs.models import JobType
from app.jobs.schemas import DubbedVideoResult
from app.jobs.task import RunningJob, TaskDefinition
from app.media.ffmpeg import FFmpegWrapper
from app.media.probe import probe
from app.render.burner import SubtitleBurner, SubtitleFile
from app.render.editor import FFmpegVideoEditor, RenderJob
from app.render.models import GeneratedVideo
from app.render.output import OutputFormatter
from app.render.schemas import GenerateDubbedVideo
from app.render.service import find_dub
from app.storage.manager import StorageManager
from app.subtitles.cues import Cue
from app.translation.storage import load_track
from app.tts.storage import load_speech_row
from app.videos.editing import thumbnail
from app.videos.metadata import VideoMetadata, metadata_of
from app.videos.models import ArtifactKind
from app.videos.service import SourceFile, VideoProcessor
from app.videos.storage import publish


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What a dub is made of besides the source: the voice track and the lines to burn in, if any."""

    voice: Path
    cues: tuple[Cue, ...]


@dataclass(frozen=True, slots=True)
class DubbedVideoGeneration:
    """Mixes, burns in and muxes, then checks the file it made."""

    videos: VideoProcessor
    storage: StorageManager
    editor: FFmpegVideoEditor
    ffmpeg: FFmpegWrapper

    def definition(self) -> TaskDefinition[GenerateDubbedVideo]:
        return TaskDefinition(JobType.VIDEO_GENERATION, GenerateDubbedVideo, self.run)

    async def run(self, job: RunningJob[GenerateDubbedVideo]) -> None:
        job.report(0.0, "preparing_video")
        source = await self.videos.source(job.video_id, job.scratch)
        ingredients = await self._ingredients(job)
        output = OutputFormatter(job.request.output_format, job.request.options.output_quality)
        target = job.scratch / f"dub.{output.output_format}"
        await self.editor.render_dub(
            RenderJob(
                source=source.path,
                info=source.info,
                voice=ingredients.voice,
                original_audio_volume=job.request.options.original_audio_volume,
                language=iso_639_2(job.request.language),
                output=output,
                target=target,
                subtitles=await self._subtitles(job, source, ingredients),
            ),
            job.span(0.02, 0.95, "rendering"),
        )
        await self._store(job, target)

    async def _ingredients(self, job: RunningJob[GenerateDubbedVideo]) -> Ingredients:
        language = job.request.language
        async with job.database.read() as session:
            speech = await load_speech_row(session, job.video_id, language)
            segments = (await load_track(session, job.video_id, language)).segments
        voice = await self.storage.fetch(speech.track_path, job.scratch)
        shown = segments if job.request.options.include_subtitles else ()
        return Ingredients(voice, tuple(Cue(line.start, line.end, line.text) for line in shown))

    async def _subtitles(
        self, job: RunningJob[GenerateDubbedVideo], source: SourceFile, ingredients: Ingredients
    ) -> SubtitleFile | None:
        if not ingredients.cues:
            return None
        burner = SubtitleBurner(job.request.options.style(), source.info.video, job.request.language)
        return await asyncio.to_thread(burner.write, ingredients.cues, job.scratch / "subtitles.ass")

    async def _store(self, job: RunningJob[GenerateDubbedVideo], target: Path) -> None:
        """Publishes the file with what it really is, measured."""
        job.report(0.96, "storing")
        info = await asyncio.to_thread(probe, target)
        still = job.scratch / "thumbnail.jpg"
        await thumbnail(self.ffmpeg, target, info, still)
        stored = await self.storage.put_file(f"{job.objects}{target.name}", target)
        await self.storage.put_file(f"{job.objects}{still.name}", still)
        await self._publish(job, metadata_of(info, stored.size))

    async def _publish(self, job: RunningJob[GenerateDubbedVideo], metadata: VideoMetadata) -> None:
        language = job.request.language
        async with job.completing() as completion:
            session = completion.session
            old = await find_dub(session, job.video_id, language)
            if old is not None:
                after_commit(session, partial(self.storage.delete_prefix, old.objects))
                await session.delete(old)
                await session.flush()
            session.add(_row(job, metadata))
            await publish(session, job.video_id, ArtifactKind.DUB, language)
            here = f"/api/videos/{job.video_id}/dubbed-videos/{language}"
            await completion.finish(
                DubbedVideoResult(
                    video_id=job.video_id,
                    language=language,
                    url=f"{here}/file",
                    download_url=f"{here}/download",
                    duration=metadata.duration,
                    file_size=metadata.file_size,
                )
            )


def _row(job: RunningJob[GenerateDubbedVideo], metadata: VideoMetadata) -> GeneratedVideo:
    request = job.request
    return GeneratedVideo(
        id=new_id("dub"),
        video_id=job.video_id,
        audio_language=request.language,
        subtitle_language=request.language if request.options.include_subtitles else None,
        format=request.output_format,
        resolution=metadata.resolution,
        duration=metadata.duration,
        file_size=metadata.file_size,
        path=f"{job.objects}dub.{request.output_format}",
        thumbnail_path=f"{job.objects}thumbnail.jpg",
        objects=job.objects,
        options={**request.options.model_dump(mode="json"), "output_format": request.output_format},
    )
