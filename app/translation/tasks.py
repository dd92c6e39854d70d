"""The job of the translation feature: subtitles into another language."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from app.core.concurrency import all_of
from app.core.text import one_line
from app.jobs.models import JobType
from app.jobs.schemas import TranslationResult
from app.jobs.task import RunningJob, TaskDefinition
from app.memo import Memo, Unit
from app.subtitles.segments import Segment
from app.subtitles.storage import OriginalTrack
from app.subtitles.storage import load_track as load_original
from app.translation.batches import TranslatedBatch, translate_lines
from app.translation.engines.base import Line, TranslationBatch, Translator
from app.translation.models import Translation
from app.translation.preprocessor import batches
from app.translation.schemas import TranslateSubtitles
from app.translation.storage import find_track, save_track
from app.videos.storage import get_video

TITLE_ID = -1
_BATCH = TypeAdapter(TranslationBatch)
_TRANSLATED = TypeAdapter(TranslatedBatch)


@dataclass(frozen=True, slots=True)
class SubtitleTranslation:
    """Translates the original track in parallel batches, and the title with it."""

    memo: Memo
    translator: Callable[[], Translator]

    def definition(self) -> TaskDefinition[TranslateSubtitles]:
        return TaskDefinition(JobType.TRANSLATION, TranslateSubtitles, self.run)

    async def run(self, job: RunningJob[TranslateSubtitles]) -> None:
        engine = self.translator()
        async with job.database.read() as session:
            title = (await get_video(session, job.video_id)).title
            original = await load_original(session, job.video_id)
        work = _batches(job.request, engine, original, title)
        translated = await self._translate(job, engine, work)
        await self._publish(job, engine, original, translated)

    async def _translate(
        self, job: RunningJob[TranslateSubtitles], engine: Translator, work: Sequence[TranslationBatch]
    ) -> "Translated":
        model = engine.model_for(job.request.model)
        total = sum(len(batch.lines) for batch in work)
        done = 0

        async def translate(batch: TranslationBatch) -> TranslatedBatch:
            nonlocal done
            result = await self._recall(engine, model, batch)
            done += len(batch.lines)
            job.report(0.97 * done / total, "translating", done=done, total=total)
            return result

        job.report(0.0, "translating", done=0, total=total)
        results = await all_of(translate(batch) for batch in work)
        texts = {line.id: line.text for result in results for line in result.lines}
        return Translated(texts, tuple(number for result in results for number in result.untranslated))

    async def _recall(self, engine: Translator, model: str, batch: TranslationBatch) -> TranslatedBatch:
        content = hashlib.sha256(_BATCH.dump_json(batch)).hexdigest()
        unit = Unit(kind="translation", engine=engine.name, model=model, content=content)

        async def translate() -> bytes:
            return _TRANSLATED.dump_json(await translate_lines(engine, batch, model))

        return _TRANSLATED.validate_json(await self.memo.recall(unit, translate))

    async def _publish(
        self,
        job: RunningJob[TranslateSubtitles],
        engine: Translator,
        original: OriginalTrack,
        translated: "Translated",
    ) -> None:
        language = job.request.target_language
        segments = [translated.segment(source) for source in original.segments]
        untranslated = [number for number in translated.untranslated if number != TITLE_ID]
        async with job.completing() as completion:
            track = await find_track(completion.session, job.video_id, language)
            row = track.row if track else Translation(video_id=job.video_id, target_language=language)
            row.source_language = original.row.language
            row.translation_model = job.request.model
            row.model_used = engine.model_for(job.request.model)
            row.title = one_line(translated.texts[TITLE_ID])
            row.untranslated = untranslated
            await save_track(completion.session, row, segments)
            await completion.finish(
                TranslationResult(
                    video_id=job.video_id,
                    subtitles_url=f"/api/videos/{job.video_id}/subtitles/translations/{language}",
                    source_language=row.source_language,
                    target_language=language,
                    segments_count=len(segments),
                    untranslated_segments=untranslated,
                )
            )


@dataclass(frozen=True, slots=True)
class Translated:
    """Texts by segment id, the title under `TITLE_ID`; `untranslated` kept their source text."""

    texts: dict[int, str]
    untranslated: tuple[int, ...]

    def segment(self, source: Segment) -> Segment:
        return replace(
            source, text=self.texts[source.id], original_text=source.text, confidence=None, words=()
        )


def _batches(
    request: TranslateSubtitles, engine: Translator, original: OriginalTrack, title: str
) -> tuple[TranslationBatch, ...]:
    """The title goes by itself, since its neighbours are no context for it."""
    source, target = original.row.language, request.target_language
    style = request.options.as_style()
    lines = [Line(segment.id, segment.text) for segment in original.segments]
    body = batches(lines, source, target, size=engine.batch_size, style=style)
    return (TranslationBatch(source, target, (Line(TITLE_ID, title),), style=style), *body)
