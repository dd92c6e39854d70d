"""The job of the render feature: the final video."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.core.database import after_commit
from app.core.identifiers import new_id
from app.core.languages import AUTO, iso_639_2
from app.jobs.models import JobType
from app.jobs.schemas import DubbedVideoResult
from app.jobs.task import RunningJob, TaskDefinition
from app.media.ffmpeg import FFmpegWrapper
from app.media.probe import MediaInfo, probe
from app.memo import Memo, Unit
from app.projects.quotas import publish_objects
from app.render.editor import FFmpegVideoEditor, MuxJob, SoftSubtitles, SoundTrack
from app.render.measuring import DubMeasuring
from app.render.models import GeneratedVideo
from app.render.parts import SoundParts, mix_options, original_sound
from app.render.picture import BurnedPicture
from app.render.report import report_on, store_report, track_plan
from app.render.schemas import GenerateDubbedVideo, SubtitleMode
from app.render.script import DubScript, load_script
from app.render.service import find_dub
from app.render.sound import Finish, FinishedSound, SoundMixer
from app.storage.manager import StorageManager
from app.subtitles.formatter import serialise
from app.subtitles.models import Subtitles
from app.videos.editing import thumbnail
from app.videos.metadata import VideoMetadata, metadata_of
from app.videos.models import ArtifactKind, Source, Video
from app.videos.service import SourceFile, VideoProcessor
from app.videos.storage import publish

SOUND_DONE_COPYING, SOUND_DONE_ENCODING = 0.8, 0.3
PICTURE_DONE, MUX_DONE, REPORT_DONE = 0.85, 0.9, 0.97
THUMBNAIL = "thumbnail.jpg"

Job = RunningJob[GenerateDubbedVideo]


@dataclass(frozen=True, slots=True)
class Ingredients:
    """The video's file, and what is spoken and shown in each language."""

    source: SourceFile
    original_language: str
    scripts: tuple[DubScript, ...]

    def made_from(self, subtitles: SubtitleMode) -> tuple[Source, ...]:
        """All that is spoken, and what is shown of that."""
        shown = {"burned": self.scripts[:1], "soft": self.scripts, "none": ()}[subtitles]
        translations = (script.translation for script in shown)
        return (*(script.speech for script in self.scripts), *filter(None, translations))


@dataclass(frozen=True, slots=True)
class DubbedVideoGeneration:
    """Mixes the sounds, burns in where asked to, muxes, and measures the file it made."""

    videos: VideoProcessor
    storage: StorageManager
    memo: Memo
    ffmpeg: FFmpegWrapper

    def definition(self) -> TaskDefinition[GenerateDubbedVideo]:
        return TaskDefinition(JobType.VIDEO_GENERATION, GenerateDubbedVideo, self.run)

    async def run(self, job: Job) -> None:
        job.report(0.0, "preparing_video")
        ingredients = await self._ingredients(job)
        output = job.request.output
        encodes = job.request.options.subtitles == "burned" or not output.copies(ingredients.source.info)
        sound_done = SOUND_DONE_ENCODING if encodes else SOUND_DONE_COPYING
        picture: Path | None = None

        async def finish(sounds: Sequence[Path]) -> Path:
            nonlocal picture
            if encodes and picture is None:
                picture = await self._picture(job, ingredients, sound_done)
            job.units_done()
            return await self._mux(job, ingredients, sounds, picture)

        made = await self._sound(job, ingredients, sound_done, finish)
        info = await asyncio.to_thread(probe, made.file)
        await self._report(job, ingredients, made, info)
        still = await self._still(job, made.file, info, None if encodes else ingredients.source.key)
        await self._store(job, ingredients.made_from(job.request.options.subtitles), made.file, still, info)

    async def _ingredients(self, job: Job) -> Ingredients:
        video = await self.videos.ready(job.video_id)
        async with job.database.read() as session:
            scripts = [
                await load_script(session, job.video_id, language, video.duration)
                for language in job.request.spoken
            ]
            subtitles = await session.get(Subtitles, job.video_id)
        source = await self.videos.source(job.video_id, job.scratch)
        return Ingredients(source, _language_of(video, subtitles), tuple(scripts))

    async def _sound(self, job: Job, ingredients: Ingredients, until: float, finish: Finish) -> FinishedSound:
        original = original_sound(self.ffmpeg, ingredients.source, job.scratch)
        parts = SoundParts(self.memo, self.storage, original, job.request.output.sound_codec, job.scratch)
        return await SoundMixer(parts, DubMeasuring(self.memo, self.storage)).make(
            [script.lines for script in ingredients.scripts],
            mix_options(job.request.options),
            finish,
            partial(_report_part, job, until),
            job.span(MUX_DONE, REPORT_DONE, "measuring"),
        )

    async def _picture(self, job: Job, ingredients: Ingredients, start: float) -> Path:
        """With the subtitles of the first language, if they are to be burned in."""
        options, first = job.request.options, ingredients.scripts[0]
        return await BurnedPicture(self.ffmpeg, self.memo).make(
            ingredients.source,
            first.cues if options.subtitles == "burned" else (),
            options.style(),
            first.language,
            job.request.output,
            job.scratch,
            job.span(start, PICTURE_DONE, "rendering"),
        )

    async def _mux(
        self, job: Job, ingredients: Ingredients, sounds: Sequence[Path], picture: Path | None
    ) -> Path:
        output, keeps = job.request.output, job.request.options.keep_original_track
        soft = job.request.options.subtitles == "soft"
        subtitles = await _soft_subtitles(ingredients.scripts, job.scratch) if soft else ()
        mux = MuxJob(
            source=ingredients.source.path,
            info=ingredients.source.info,
            picture=picture,
            sounds=tuple(
                SoundTrack(path, iso_639_2(script.language), script.language)
                for path, script in zip(sounds, ingredients.scripts, strict=True)
            ),
            original_language=ingredients.original_language if keeps else None,
            subtitles=subtitles,
            output=output,
            target=job.scratch / f"dub.{output.output_format}",
        )
        await FFmpegVideoEditor(self.ffmpeg).mux(mux, job.span(PICTURE_DONE, MUX_DONE, "rendering"))
        return mux.target

    async def _report(self, job: Job, ingredients: Ingredients, made: FinishedSound, info: MediaInfo) -> None:
        plans = [track_plan(script.spoken) for script in ingredients.scripts]
        report = await report_on(made.file, info, ingredients.source, plans, made.tracks)
        await store_report(report, job.objects, self.storage)

    async def _still(self, job: Job, film: Path, info: MediaInfo, copied_from: str | None) -> Path:
        """A picture of the film. It is the same in every film whose picture is `copied_from` one file."""

        async def make() -> Path:
            still = job.scratch / THUMBNAIL
            await thumbnail(self.ffmpeg, film, info, still)
            return still

        if copied_from is None:
            return await make()
        unit = Unit("thumbnail", "ffmpeg", await self.ffmpeg.version(), copied_from)
        return await self.memo.recall_file(unit, make, job.scratch)

    async def _store(
        self, job: Job, made_from: Sequence[Source], target: Path, still: Path, info: MediaInfo
    ) -> None:
        """Publishes the file with what it really is, measured."""
        job.report(REPORT_DONE, "storing")
        stored = await self.storage.put_file(f"{job.objects}{target.name}", target)
        await self.storage.put_file(f"{job.objects}{THUMBNAIL}", still)
        objects = await self.storage.sizes(job.objects)
        await self._publish(job, made_from, metadata_of(info, stored.size), objects)

    async def _publish(
        self, job: Job, made_from: Sequence[Source], metadata: VideoMetadata, objects: Mapping[str, int]
    ) -> None:
        language = job.request.spoken[0]
        async with job.completing() as completion:
            session = completion.session
            old = await find_dub(session, job.video_id, language)
            await publish_objects(session, job.video_id, objects, instead_of=old.objects if old else None)
            if old is not None:
                after_commit(session, partial(self.storage.discard, old.objects))
                await session.delete(old)
                await session.flush()
            session.add(_row(job, metadata))
            await publish(session, job.video_id, ArtifactKind.DUB, language, made_from)
            here = f"/api/videos/{job.video_id}/dubbed-videos/{language}"
            await completion.finish(
                DubbedVideoResult(
                    video_id=job.video_id,
                    language=language,
                    languages=list(job.request.spoken),
                    url=f"{here}/file",
                    download_url=f"{here}/download",
                    duration=metadata.duration,
                    file_size=metadata.file_size,
                )
            )


async def _soft_subtitles(scripts: Sequence[DubScript], folder: Path) -> tuple[SoftSubtitles, ...]:
    files = []
    for index, script in enumerate(scripts):
        if script.cues:
            path = folder / f"subtitles-{index}.srt"
            text = serialise(script.cues, "srt", script.language)
            await asyncio.to_thread(path.write_text, text, encoding="utf-8")
            files.append(SoftSubtitles(path, iso_639_2(script.language)))
    return tuple(files)


def _report_part(job: Job, until: float, done: int, total: int) -> None:
    job.report(until * done / max(1, total), "mixing", done=done, total=total)


def _language_of(video: Video, subtitles: Subtitles | None) -> str:
    """ISO 639-2, of what is spoken in the video as far as that is known."""
    named = None if video.source_language == AUTO else video.source_language
    brought = None if subtitles is None else subtitles.language
    language = named or video.detected_language or brought
    return "und" if language is None else iso_639_2(language)


def _row(job: Job, metadata: VideoMetadata) -> GeneratedVideo:
    request = job.request
    languages, mode = list(request.spoken), request.options.subtitles
    return GeneratedVideo(
        id=new_id("dub"),
        video_id=job.video_id,
        audio_language=languages[0],
        languages=languages,
        subtitle_language=None if mode == "none" else languages[0],
        format=request.output_format,
        resolution=metadata.resolution,
        duration=metadata.duration,
        file_size=metadata.file_size,
        path=f"{job.objects}dub.{request.output_format}",
        thumbnail_path=f"{job.objects}{THUMBNAIL}",
        objects=job.objects,
        options={
            **request.options.model_dump(mode="json"),
            "subtitle_mode": mode,
            "output_format": request.output_format,
        },
    )
