"""The job of the translation feature: subtitles into another language."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pydantic import TypeAdapter

from app.core.sharing import each_of
from app.core.text import one_line
from app.jobs.models import JobType
from app.jobs.schemas import TranslationResult
from app.jobs.task import RunningJob, TaskDefinition
from app.memo import Memo
from app.subtitles.storage import OriginalTrack, segments_to_json
from app.subtitles.storage import load_track as load_original
from app.translation.assembly import Answers, TranslatedSegments, assemble, split, torn
from app.translation.batches import TranslatedBatch, translate_lines
from app.translation.commission import TITLE_ID, Commission
from app.translation.engines.base import TranslationBatch, TranslationStyle, Translator
from app.translation.models import Translation
from app.translation.schemas import TranslateSubtitles
from app.translation.sentences import Sentence, sentences
from app.translation.storage import find_track, save_track
from app.videos.models import ArtifactKind, Source
from app.videos.storage import get_video

BATCHES_IN_FLIGHT = 32
_TRANSLATED = TypeAdapter(TranslatedBatch)


class _NotToBeRemembered(Exception):
    """A batch that is to be asked for again when it is wanted again."""

    def __init__(self, result: TranslatedBatch) -> None:
        super().__init__()
        self.result = result


@dataclass(frozen=True, slots=True)
class SubtitleTranslation:
    """Translates the original track in parallel batches, sentence by sentence, and the title with it."""

    memo: Memo
    translator: Callable[[], Translator]

    def definition(self) -> TaskDefinition[TranslateSubtitles]:
        return TaskDefinition(JobType.TRANSLATION, TranslateSubtitles, self.run)

    async def run(self, job: RunningJob[TranslateSubtitles]) -> None:
        engine = self.translator()
        async with job.database.read() as session:
            title = (await get_video(session, job.video_id)).title
            original = await load_original(session, job.video_id)
        commission = Commission.of(engine, job.request, original.row.language)
        style = commission.style
        units = await asyncio.to_thread(sentences, original.segments, preserve_format=style.preserve_format)
        work = (commission.title(title), *await asyncio.to_thread(commission.body, units))
        show = partial(_show, job, units, style)
        answers = await self._translate(job, commission, work, until=0.9, show=show)
        if broken := await asyncio.to_thread(torn, units, answers, style):
            units = split(units, broken)
            parts = [part for sentence in broken for part in sentence.split()]
            body = await asyncio.to_thread(commission.body, parts)
            again = await self._translate(
                job, commission, body, start=0.9, show=partial(_show, job, parts, style)
            )
            answers = answers.instead(broken, again)
        job.units_done()
        translated = await asyncio.to_thread(assemble, units, answers, style)
        await self._publish(job, commission, original, translated, answers.lines[TITLE_ID].text)

    async def _translate(
        self,
        job: RunningJob[TranslateSubtitles],
        commission: Commission,
        work: Sequence[TranslationBatch],
        *,
        start: float = 0.0,
        until: float = 0.97,
        show: Callable[[TranslatedBatch], None],
    ) -> Answers:
        total = sum(len(batch.lines) for batch in work)
        done = 0

        async def translate(batch: TranslationBatch) -> TranslatedBatch:
            nonlocal done
            result = await self._recall(commission, batch)
            show(result)
            done += len(batch.lines)
            job.report(start + (until - start) * done / total, "translating", done=done, total=total)
            return result

        job.report(start, "translating", done=0, total=total)
        return Answers.of(await each_of(work, translate, at_once=BATCHES_IN_FLIGHT))

    async def _recall(self, commission: Commission, batch: TranslationBatch) -> TranslatedBatch:
        engine, model = commission.engine, commission.model

        async def translate() -> bytes:
            result = await translate_lines(engine, batch, model, commission.trust)
            if result.unfinished:
                raise _NotToBeRemembered(result)
            return _TRANSLATED.dump_json(result)

        try:
            recalled = await self.memo.recall(commission.unit(batch), translate, costly=True)
        except _NotToBeRemembered as unfinished:
            return unfinished.result
        result = _TRANSLATED.validate_json(recalled)
        if result.owes_to_engine:
            commission.trust.answered()
        return result

    async def _publish(
        self,
        job: RunningJob[TranslateSubtitles],
        commission: Commission,
        original: OriginalTrack,
        translated: TranslatedSegments,
        title: str,
    ) -> None:
        language = job.request.target_language
        async with job.completing() as completion:
            track = await find_track(completion.session, job.video_id, language)
            row = track.row if track else Translation(video_id=job.video_id, target_language=language)
            row.source_language = original.row.language
            row.translation_model = job.request.model
            row.model_used = commission.model
            row.title = one_line(title)
            row.untranslated = translated.untranslated
            row.missed_terms = translated.missed_terms
            row.doubtful = translated.doubtful
            made_from = [Source(ArtifactKind.SUBTITLES, None, original.row.revision)]
            # Who speaks is the original's to tell, until somebody says otherwise.
            segments = [replace(segment, speaker=None) for segment in translated.segments]
            await save_track(completion.session, row, segments, made_from)
            await completion.finish(
                TranslationResult(
                    video_id=job.video_id,
                    subtitles_url=f"/api/videos/{job.video_id}/subtitles/translations/{language}",
                    source_language=row.source_language,
                    target_language=language,
                    segments_count=len(translated.segments),
                    untranslated_segments=translated.untranslated,
                    missed_terms=translated.missed_terms,
                    partial=bool(translated.untranslated),
                    doubtful_segments=translated.doubtful,
                )
            )


def _show(
    job: RunningJob[TranslateSubtitles],
    units: Sequence[Sentence],
    style: TranslationStyle,
    result: TranslatedBatch,
) -> None:
    """The lines of one batch as they stay: not those of torn sentences. The title is none."""
    answers = Answers.of([result])
    answered = [unit for unit in units if unit.id in answers.lines]
    broken = torn(answered, answers, style)
    whole = [unit for unit in answered if unit not in broken]
    if whole:
        so_far = assemble(whole, answers, style)
        job.partial.add(whole[0].id, segments_to_json(so_far.segments))
