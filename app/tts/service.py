"""TTSManager: voices, and starting the generation of speech."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import ErrorCode, Problem
from app.core.languages import base_language
from app.core.settings import Settings
from app.jobs.models import Job, JobType
from app.jobs.scheduler import JobScheduler
from app.jobs.schemas import TaskTerms
from app.jobs.task import Outlook, Workload
from app.jobs.terms import bounded
from app.ledger.prices import PriceTable
from app.media.audio import encode
from app.storage.processor import FileProcessor
from app.subtitles.segments import Segment
from app.subtitles.storage import load_track as load_original
from app.translation.storage import load_track as load_translation
from app.tts.engines.base import Gender, SpeechRequest, TTSClient, Voice
from app.tts.engines.samples import sample_sentence
from app.tts.outlook import speech_outlook
from app.tts.schemas import GenerateSpeech, RegenerateSpeech, SpeechOptions
from app.tts.speech_task import SpeechTask
from app.tts.storage import SpokenTrack, load_speech
from app.videos.models import Video
from app.videos.storage import get_video

PRIOR_SECONDS = {"api": 0.1, "cpu": 1.0}
MULTILINGUAL = "mul"
PREVIEW_FALLBACK = "en"


@dataclass(frozen=True, slots=True)
class OfferedVoice:
    """A voice and the language it is shown under."""

    voice: Voice
    language: str


class TTSManager:
    """The use cases of speech."""

    def __init__(
        self,
        scheduler: JobScheduler,
        files: FileProcessor,
        synthesizer: Callable[[], TTSClient],
        settings: Settings,
        prices: PriceTable,
    ) -> None:
        self._scheduler = scheduler
        self._files = files
        self._synthesizer = synthesizer
        self._settings = settings
        self._prices = prices

    async def voices(self, language: str | None, gender: Gender | None) -> list[OfferedVoice]:
        """The best first."""
        return [
            OfferedVoice(voice, _shown_language(voice, language))
            for voice in await self._known_voices(language)
            if gender in (None, voice.gender)
        ]

    async def start(self, session: AsyncSession, video_id: str, request: GenerateSpeech) -> Job:
        """Raises `Problem`: no such video, no translation, no such voice, an engine not configured."""
        await get_video(session, video_id)
        translation = await load_translation(session, video_id, request.language)
        if not translation.segments:
            raise Problem(ErrorCode.TRACK_EMPTY)
        task = await self._task(await bounded(session, video_id, request))
        return await self._start(session, video_id, task, translation.segments, request)

    @property
    def model(self) -> str:
        """What speaks now. Raises `Problem(ENGINE_NOT_CONFIGURED)`."""
        return self._synthesizer().model

    @property
    def can_follow(self) -> bool:
        """Whether speech can be made while its lines are still being translated: calls that wait on the
        network take nothing from that. Raises `Problem(ENGINE_NOT_CONFIGURED)`."""
        return self._synthesizer().queue == "api"

    async def start_following(self, session: AsyncSession, translation: Job, request: GenerateSpeech) -> Job:
        """Beside the translation. It waits where nothing waits for it: in a queue with places it could take
        the one that its translation needs. Raises as `start` does."""
        original = await load_original(session, translation.video_id)
        task = await self._task(await bounded(session, translation.video_id, request))
        return await self._scheduler.start(
            session,
            JobType.TTS_GENERATION,
            translation.video_id,
            task.model_copy(update={"follows": translation.id}),
            "pipeline",
            self.work(spoken_seconds(original.segments), following=True),
            request,
        )

    async def settled(self, request: GenerateSpeech) -> GenerateSpeech:
        """With voices and limits for what was not asked for. Raises `Problem`: no such voice, an engine
        not configured, a limit on costs that are not known."""
        self._check_limit(request)
        settled = {
            "voice_id": await self._voice_id(request.voice_id, request.language),
            "voices": {
                speaker: await self._voice_id(voice, request.language, f"voices.{speaker}")
                for speaker, voice in request.voices.items()
            },
            "options": settled_options(request.options, self._settings),
        }
        return request.model_copy(update=settled)

    def work(self, seconds: float, *, following: bool = False) -> Workload:
        """Of so much speech. `following` a translation it lasts at least as long as that, and is measured by
        itself. Raises `Problem(ENGINE_NOT_CONFIGURED)`."""
        engine = self._synthesizer()
        kind = f"{JobType.TTS_GENERATION}:{engine.name}{':following' if following else ''}"
        return Workload(seconds, kind, PRIOR_SECONDS[engine.queue])

    async def outlook(
        self,
        session: AsyncSession,
        video: Video,
        segments: Sequence[Segment],
        former: SpokenTrack | None,
        request: GenerateSpeech,
    ) -> Outlook:
        """Of these segments spoken, where there may be a `former` track. Raises as `settled` does."""
        task = await self._task(request)
        engine = self._synthesizer()
        ready, calls = await speech_outlook(session, engine, video, task, segments, former)
        return Outlook(ready, self._prices.estimate(calls, engine.queue))

    async def regenerate(
        self, session: AsyncSession, video_id: str, language: str, request: RegenerateSpeech
    ) -> Job:
        """The segments named or, if none are, those that failed. Raises `Problem`, naming the first segment
        that the speech does not have, or NOTHING_TO_SPEAK if none has failed."""
        await get_video(session, video_id)
        speech = await load_speech(session, video_id, language)
        named = _named(request, speech)
        self._check_limit(await bounded(session, video_id, request))
        if request.voice_id is not None:
            await self._voice_id(request.voice_id, language)
        task = SpeechTask(
            language=language,
            voice_id=speech.row.voice_id,
            voices=speech.row.voices,
            options=settled_options(SpeechOptions.model_validate(speech.row.options), self._settings),
            audio_format=speech.row.audio_format,
            again=request.model_copy(update={"segment_ids": named}),
        )
        translation = await load_translation(session, video_id, language)
        wanted = [segment for segment in translation.segments if segment.id in set(named)]
        return await self._start(session, video_id, task, wanted, request)

    async def speech(self, session: AsyncSession, video_id: str, language: str) -> tuple[Video, SpokenTrack]:
        """Raises `Problem(VIDEO_NOT_FOUND)` or `Problem(SPEECH_NOT_READY)`."""
        return await get_video(session, video_id), await load_speech(session, video_id, language)

    async def preview_key(self, voice_id: str, language: str | None) -> str:
        """The key of an MP3 of the voice, made on first request. Raises `Problem(VOICE_NOT_FOUND)`."""
        engine = self._synthesizer()
        voice = await self._voice(voice_id, language, field=None)
        spoken = language or _shown_language(voice, None)
        spoken = PREVIEW_FALLBACK if spoken == MULTILINGUAL else spoken
        key = f"voices/{engine.name}/{engine.model}/{voice_id.replace('/', '_')}-{spoken}.mp3"
        request = SpeechRequest(sample_sentence(spoken), spoken, voice_id, engine.model)
        return await self._files.derived(key, partial(_preview, engine, request))

    async def _start(
        self,
        session: AsyncSession,
        video_id: str,
        task: SpeechTask,
        segments: Sequence[Segment],
        terms: TaskTerms,
    ) -> Job:
        engine = self._synthesizer()
        work = self.work(spoken_seconds(segments))
        return await self._scheduler.start(
            session, JobType.TTS_GENERATION, video_id, task, engine.queue, work, terms
        )

    async def _task(self, request: GenerateSpeech) -> SpeechTask:
        """Raises as `settled` does."""
        return SpeechTask.model_validate((await self.settled(request)).model_dump())

    def _check_limit(self, terms: TaskTerms) -> None:
        engine = self._synthesizer()
        self._prices.check_limit(terms.max_cost, engine.queue, engine.model)

    async def _voice_id(self, asked: str | None, language: str, field: str = "voice_id") -> str:
        """The best voice's where none was asked for; one we do not know is left to a server that may."""
        if asked is not None and self._synthesizer().has_unlisted_voices:
            return asked
        return (await self._voice(asked, language, field)).voice_id

    async def _known_voices(self, language: str | None) -> list[Voice]:
        """Those of the language's own region before those of others. Engines may load to tell them."""
        voices = await asyncio.to_thread(self._synthesizer().voices)
        able = [voice for voice in voices if language is None or voice.speaks(language)]
        return sorted(able, key=lambda voice: bool(voice.languages) and _is_foreign(voice, language))

    async def _voice(
        self, voice_id: str | None, language: str | None, field: str | None = "voice_id"
    ) -> Voice:
        able = await self._known_voices(language)
        if not able:
            raise Problem(
                ErrorCode.LANGUAGE_UNSUPPORTED, field="language", stage="speech", language=language or ""
            )
        found = next((voice for voice in able if voice_id in (None, voice.voice_id)), None)
        if found is None:
            raise Problem(
                ErrorCode.VOICE_NOT_FOUND, field=field, voice_id=voice_id or "", language=language or ""
            )
        return found


def spoken_seconds(segments: Iterable[Segment]) -> float:
    """How long they are shown, without the pauses between them."""
    return sum(segment.end - segment.start for segment in segments)


def settled_options(options: SpeechOptions, settings: Settings) -> SpeechOptions:
    """With the server's settings for what was not asked for. A limit that was asked for moves the other."""
    soft, fastest = options.soft_speed, options.max_speed
    settled: dict[str, float] = {
        "soft_speed": min(settings.speech_soft_speed, fastest or 2.0) if soft is None else soft,
        "max_speed": max(settings.speech_max_speed, soft or 1.0) if fastest is None else fastest,
        "max_shift": settings.speech_max_shift if options.max_shift is None else options.max_shift,
        "rewrites": settings.speech_rewrites if options.rewrites is None else options.rewrites,
    }
    return options.model_copy(update=settled)


def _named(request: RegenerateSpeech, speech: SpokenTrack) -> list[int]:
    """The segments to speak again. Raises `Problem`."""
    if request.segment_ids is None:
        failed = [segment.id for segment in speech.segments if segment.failure is not None]
        if not failed:
            raise Problem(ErrorCode.NOTHING_TO_SPEAK, language=speech.row.language)
        return failed
    known = {segment.id for segment in speech.segments}
    for index, segment_id in enumerate(request.segment_ids):
        if segment_id not in known:
            raise Problem(ErrorCode.SEGMENT_NOT_FOUND, field=f"segment_ids.{index}", segment_id=segment_id)
    return request.segment_ids


async def _preview(engine: TTSClient, request: SpeechRequest, scratch: Path) -> Path:
    audio = await engine.speak(request)
    out = scratch / "preview.mp3"
    out.write_bytes(await asyncio.to_thread(encode, audio, "mp3", audio.sample_rate))
    return out


def _shown_language(voice: Voice, asked: str | None) -> str:
    """A voice of one language shows that; one of several shows the language asked for."""
    if len(voice.languages) == 1:
        return voice.languages[0]
    return asked or MULTILINGUAL


def _is_foreign(voice: Voice, language: str | None) -> bool:
    """Whether all it speaks of the language is another region's."""
    if language is None or language in voice.languages:
        return False
    return base_language(language) not in voice.languages
