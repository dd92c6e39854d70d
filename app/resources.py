"""The one composition root: builds what the process owns, once, from the settings."""

import shutil
import socket
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import text

from app.accounts.identification import Identification
from app.accounts.passwords import Passwords
from app.accounts.service import AccountService
from app.checks import EngineChecks, thorough_checks
from app.core.database import Database
from app.core.errors import ErrorCode, InvalidSettings, Problem
from app.core.gate.gate import Gate, GateLimits
from app.core.machine import idle_machine
from app.core.openai_client import OpenAIClient
from app.core.settings import EngineChoice, Settings
from app.idempotency.storage import forget_keys
from app.jobs.assistants import HELPED, Assistants
from app.jobs.events import EventLog, forget_events, forget_progress
from app.jobs.monitor import JobMonitor
from app.jobs.pausing import Pauses
from app.jobs.queue import JobQueue, sqlite_url
from app.jobs.runner import JobRunner
from app.jobs.scheduler import JobScheduler
from app.jobs.sizes import SizeKeeper, Sizes, sizes_for
from app.jobs.storage import first_start, forget_jobs
from app.jobs.task import TaskDefinition
from app.jobs.workers import Heartbeat
from app.ledger.budget import Budgets
from app.ledger.minutes import SharedMinutes
from app.ledger.prices import PriceTable
from app.ledger.service import Ledger
from app.links.service import LinkHolders, forget_links
from app.media.ffmpeg import FFmpegWrapper
from app.media.fonts import prepare_fonts
from app.memo import Memo
from app.memo.claims import Claims
from app.memo.eviction import Eviction, EvictionRules
from app.monitoring.alerts import AlertManager
from app.monitoring.diagnostics import Check, DiagnosticsCollector, checked
from app.pipeline.service import DubPipeline, StageServices
from app.pipeline.tasks import Dubbing
from app.render.head_start import HeadStarts
from app.render.service import VideoGenerator
from app.render.tasks import DubbedVideoGeneration
from app.retention import HistoryKeeper
from app.storage.cleaner import StorageCleaner
from app.storage.encryption.setup import Encryption
from app.storage.manager import StorageManager
from app.storage.processor import FileProcessor
from app.storage.validator import FileValidator
from app.subtitles.audio_extractor import AudioExtractor
from app.subtitles.engines.base import Transcriber
from app.subtitles.service import SubtitleService
from app.subtitles.tasks import SubtitleExtraction
from app.takeout.service import Takeout
from app.translation.engines.base import Translator
from app.translation.rewriting import Rewriter
from app.translation.service import TranslationManager
from app.translation.tasks import SubtitleTranslation
from app.tts.audio_files import AudioFiles
from app.tts.engines.base import TTSClient
from app.tts.service import TTSManager
from app.tts.storage import clips_among
from app.tts.tasks import SpeechGeneration
from app.videos.service import VideoProcessor
from app.videos.storage import forget_uses, video_ids
from app.videos.tasks import VideoTrim
from app.webhooks.dispatcher import WebhookDispatcher
from app.webhooks.sender import WebhookSender
from app.webhooks.service import WebhookService
from app.webhooks.storage import forget_deliveries

T = TypeVar("T")

LEAST_FREE_BYTES = 512 * 1024**2


class Resources:
    """Owns the database, the queue, the storage, FFmpeg and the engines; parts ask for each other only in
    their constructors. Engines are imported and built when first used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        _prepare(settings.data_dir)
        self.alerts = AlertManager()
        self.encryption = Encryption(settings)
        self.database = Database(settings.database, self.encryption.texts)
        home = settings.data_dir.absolute()
        self.storage = StorageManager(
            home, settings.worker_name, settings.storage_url, self.encryption.object_keys
        )
        self.files = FileProcessor(self.storage)
        self.claims = Claims(
            self.database,
            settings.worker_name,
            settings.openai_max_concurrency,
            wanted=lambda: bool(self.heartbeat.company),
        )
        self.memo = Memo(self.database, self.storage, self._eviction(), self.claims)
        limits = gate_limits(settings)
        self.openai = OpenAIClient(settings, Gate(limits, SharedMinutes(self.database, limits)))
        listed = not self.openai.is_compatible_server
        self.prices = PriceTable.load(settings.prices_file, listed=listed)
        self.budgets = Budgets(
            self.database,
            settings.worker_name,
            living=lambda: self.heartbeat.company | {settings.worker_name},
        )
        self.ledger = Ledger(self.database, self.prices, self.budgets)
        self.ffmpeg = FFmpegWrapper(
            settings.ffmpeg_binary,
            fonts=prepare_fonts(home),
            timeout=settings.ffmpeg_timeout_seconds,
        )
        self.accounts = AccountService(self.database, Passwords(), settings)
        self.identification = Identification(self.database, settings, LinkHolders(self.database).identify)
        self.events = EventLog(self.database)
        self.monitor = JobMonitor(self.database)
        fixed = fixed_sizes(settings)
        self.queue = JobQueue(
            _jobs_url(settings), settings.worker_name, {**sizes_for(idle_machine()), **fixed}
        )
        self.sizes = SizeKeeper(self.queue.rooms, fixed)
        self.heartbeat = Heartbeat(
            self.database, settings.worker_name, f"{socket.gethostname()}:{home}", self.queue.rooms
        )
        self.scheduler = JobScheduler(self.database, self.queue, self.storage, _pauses(settings))
        self.runner = JobRunner(
            self.database, self.storage, self.monitor, self.alerts, self.scheduler, settings.worker_name
        )
        self.assistants = Assistants(
            self.database,
            self.heartbeat,
            settings.worker_name,
            {queue: self.queue.rooms[queue] for queue in HELPED},
            self.runner.assist,
        )
        self.webhooks = WebhookDispatcher(
            self.database,
            WebhookSender(private=settings.webhook_private_addresses),
            settings.worker_name,
        )
        self.history = HistoryKeeper(
            self.database,
            self.queue,
            settings.history_days,
            history=(forget_deliveries, forget_events, forget_jobs),
            passing=(forget_progress, forget_keys, forget_links, forget_uses),
        )
        self.videos = VideoProcessor(
            self.database, self.storage, self.files, self.scheduler, self.ffmpeg, self.memo
        )
        self.stages = StageServices(
            SubtitleService(self.database, self.scheduler, self.transcriber, self.prices),
            TranslationManager(self.database, self.scheduler, self.translator, self.prices),
            TTSManager(self.scheduler, self.files, self.synthesizer, self.settings, self.prices),
            VideoGenerator(self.scheduler),
        )
        self.runner.define(self._definitions())
        self._owned: dict[type[Any], Any] = {type(part): part for part in self._parts()}

    def get(self, kind: type[T]) -> T:
        """The one object of that type, for the routers."""
        found: T = self._owned[kind]
        return found

    async def start(self) -> None:
        """Migrates, cleans up after a crash, and goes on with what it left."""
        await self.storage.claim()
        is_new = await self.encryption.start()
        await self.database.migrate()
        if is_new:
            await self.database.seal()
        async with self.database.read() as session:
            known = await video_ids(session)
        dead = await StorageCleaner(self.storage).clean(known)
        await self.claims.clear()
        await self.budgets.clear()
        await self.heartbeat.start(dead)
        await self.queue.launch(self.runner.run)
        self.sizes.launch()
        await self.scheduler.launch()
        self.assistants.launch()
        self.webhooks.launch()
        self.history.launch()
        self.memo.evict_soon()

    async def close(self) -> None:
        """Running jobs stop where they are and go on at the next start."""
        self.events.close()
        await self.history.close()
        await self.webhooks.close()
        await self.assistants.close()
        await self.scheduler.close()
        await self.sizes.close()
        await self.queue.close()
        await self.heartbeat.stop()
        await self.memo.close()
        await self.ledger.flush()
        await self.openai.aclose()
        await self.database.close()
        self.storage.close()

    def transcriber(self) -> Transcriber:
        """Raises `Problem(ENGINE_NOT_CONFIGURED)`."""
        return self._transcriber

    def translator(self) -> Translator:
        """Raises `Problem(ENGINE_NOT_CONFIGURED)`."""
        return self._translator

    def synthesizer(self) -> TTSClient:
        """Raises `Problem(ENGINE_NOT_CONFIGURED)`."""
        return self._synthesizer

    @cached_property
    def _transcriber(self) -> Transcriber:
        if self._uses_openai("transcription", self.settings.transcription_engine):
            from app.subtitles.engines.openai import WhisperClient

            return WhisperClient(self.openai, self.settings.openai_transcription_model, self.ledger)
        from app.subtitles.engines.local import LocalTranscriber

        return LocalTranscriber(self._models, self.settings.whisper_model)

    @cached_property
    def _translator(self) -> Translator:
        if self._uses_openai("translation", self.settings.translation_engine):
            from app.translation.engines.openai import GPTTranslator

            return GPTTranslator(self.openai, self.settings.openai_translation_model, self.ledger)
        from app.translation.engines.local import ApertiumTranslator

        return ApertiumTranslator()

    @cached_property
    def _synthesizer(self) -> TTSClient:
        if self._uses_openai("speech", self.settings.speech_engine):
            from app.tts.engines.openai import OpenAISpeech

            return OpenAISpeech(self.openai, self.settings.openai_speech_model, self.ledger)
        from app.tts.engines.local import LocalSpeech

        return LocalSpeech(self._models)

    def _eviction(self) -> Eviction:
        most = self.settings.memo_max_bytes or None
        rules = EvictionRules(most, began=first_start, referred=clips_among)
        return Eviction(self.database, self.storage, rules)

    def _uses_openai(self, stage: str, choice: EngineChoice) -> bool:
        if choice == "openai" and not self.settings.openai_configured:
            raise Problem(
                ErrorCode.ENGINE_NOT_CONFIGURED,
                stage=stage,
                engine=choice,
                reason="OPENAI_API_KEY / OPENAI_BASE_URL",
                setting="OPENAI_API_KEY",
            )
        return choice == "openai" or (choice == "auto" and self.settings.openai_configured)

    @property
    def _models(self) -> Path:
        return self.settings.data_dir.absolute() / "models"

    def _definitions(self) -> Sequence[TaskDefinition[Any]]:
        return (
            VideoTrim(self.videos, self.storage, self.ffmpeg).definition(),
            SubtitleExtraction(
                self.videos, AudioExtractor(self.ffmpeg), self.memo, self.transcriber
            ).definition(),
            SubtitleTranslation(self.memo, self.translator).definition(),
            SpeechGeneration(
                self.memo,
                self.storage,
                self.synthesizer,
                Rewriter(self.memo, self.translator),
                self.monitor,
            ).definition(),
            DubbedVideoGeneration(self.videos, self.storage, self.memo, self.ffmpeg).definition(),
            Dubbing(
                self.stages,
                self.monitor,
                self.scheduler,
                HeadStarts(self.videos, self.storage, self.memo, self.ffmpeg),
            ).definition(),
        )

    def _parts(self) -> Sequence[object]:
        return (
            self.settings,
            self.database,
            self.storage,
            self.events,
            self.monitor,
            self.scheduler,
            self.videos,
            FileValidator(self.settings.max_upload_bytes, _uploads(self.settings)),
            self.stages.subtitles,
            self.stages.translations,
            self.stages.speech,
            self.stages.videos,
            DubPipeline(self.database, self.scheduler, self.stages),
            AudioFiles(self.database, self.storage, self.files, self.ffmpeg),
            WebhookService(private=self.settings.webhook_private_addresses),
            self.accounts,
            Takeout(self.videos),
            DiagnosticsCollector(self._essential_checks(), self._thorough_checks()),
        )

    def _thorough_checks(self) -> Sequence[Check]:
        engines = EngineChecks(self.transcriber, self.translator, self.synthesizer)
        return thorough_checks(self.settings, self.encryption, self.ffmpeg, engines)

    def _essential_checks(self) -> Sequence[Check]:
        async def database() -> str:
            async with self.database.read() as session:
                await session.execute(text("SELECT 1"))
            return self.database.url.render_as_string(hide_password=True)

        async def disk() -> str:
            free = shutil.disk_usage(self.settings.data_dir).free
            if free < LEAST_FREE_BYTES:
                raise Problem(ErrorCode.STORAGE_FULL)
            return f"{free / 1024**3:.1f} GiB free"

        async def storage() -> str:
            await self.storage.check()
            return self.settings.storage_url or str(self.settings.data_dir / "objects")

        async def ffmpeg() -> str:
            return str(self.ffmpeg.binary)

        return (
            checked("database", "Check DATABASE_URL.", database),
            checked("disk", "Free space in DATA_DIR or point it elsewhere.", disk),
            checked("storage", "Check STORAGE_URL, its bucket and the credentials for it.", storage),
            checked("ffmpeg", "Install ffmpeg or set FFMPEG_BINARY.", ffmpeg),
        )


def _uploads(settings: Settings) -> Path | None:
    """The disk that uploads fill, if they go to one of this machine."""
    return settings.data_dir if settings.storage_url is None else None


def _prepare(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=data_dir).close()
    except OSError as error:
        raise InvalidSettings(f"DATA_DIR: cannot write to {data_dir}: {error.strerror}") from error


def gate_limits(settings: Settings) -> GateLimits:
    return GateLimits(
        settings.openai_max_concurrency,
        settings.openai_requests_per_minute,
        settings.openai_tokens_per_minute,
        patience=settings.openai_retry_seconds,
    )


def fixed_sizes(settings: Settings) -> Sizes:
    """Of the queues that do not follow the machine."""
    chosen: Sizes = {"api": settings.api_jobs, "cpu": settings.cpu_jobs}
    return {queue: size for queue, size in chosen.items() if size is not None} | {"trim": 1, "pipeline": None}


def _pauses(settings: Settings) -> Pauses:
    return Pauses(timedelta(seconds=settings.pause_seconds), timedelta(hours=settings.pause_hours))


def _jobs_url(settings: Settings) -> str:
    """Jobs are kept beside the data on SQLite, and in the shared database when several machines work."""
    if settings.database.startswith("sqlite"):
        return sqlite_url(settings.data_dir / "jobs.sqlite")
    return settings.database
