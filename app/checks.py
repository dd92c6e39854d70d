"""The thorough checks behind `python -m app doctor`: FFmpeg's build, fonts, engines."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from app.core.settings import Settings
from app.media.ffmpeg import FFmpegWrapper
from app.media.fonts import renders
from app.media.sandbox import isolation
from app.monitoring.diagnostics import Check, checked
from app.storage.encryption.setup import Encryption
from app.subtitles.engines.base import Transcriber
from app.translation.engines.base import Translator
from app.tts.engines.base import TTSClient

OPENAI_HOST = "api.openai.com"
ROOT_KEY_REMEDY = (
    "Set ENCRYPTION_KEY to the key that was in use, or put your copy of keys/root.key back into DATA_DIR, "
    "for its owner alone (chmod 600)."
)
ENGINE_REMEDY = "Set OPENAI_API_KEY, or OPENAI_BASE_URL for a compatible server."


@dataclass(frozen=True, slots=True)
class Script:
    """A way of writing, a line in it, and the Debian package whose fonts draw it."""

    name: str
    sample: str
    package: str
    required: bool = False


SCRIPTS = (
    Script("Latin", "Hello", "fonts-noto-core", required=True),
    Script("Korean", "안녕하세요", "fonts-noto-cjk"),
    Script("Japanese", "こんにちは世界", "fonts-noto-cjk"),
    Script("Chinese", "你好世界", "fonts-noto-cjk"),
    Script("Cyrillic", "Привет", "fonts-noto-core"),
    Script("Greek", "Γειά σου", "fonts-noto-core"),
    Script("Arabic", "مرحبا", "fonts-noto-core"),
    Script("Hebrew", "שלום", "fonts-noto-core"),
    Script("Hindi", "नमस्ते", "fonts-noto-core"),
    Script("Thai", "สวัสดี", "fonts-noto-core"),
    Script("emoji", "😀", "fonts-symbola"),
)


@dataclass(frozen=True, slots=True)
class EngineChecks:
    """The engines of the three stages, as the composition root hands them out."""

    transcriber: Callable[[], Transcriber]
    translator: Callable[[], Translator]
    synthesizer: Callable[[], TTSClient]

    def checks(self) -> tuple[Check, ...]:
        return (
            checked("transcription", ENGINE_REMEDY, self.transcription),
            checked(
                "translation", f"apt-get install apertium apertium-eng-spa. {ENGINE_REMEDY}", self.translation
            ),
            checked("speech", ENGINE_REMEDY, self.speech),
        )

    async def transcription(self) -> str:
        engine = self.transcriber()
        languages = engine.languages()
        heard = "the model's languages" if languages is None else _counted(languages)
        return f"{engine.name}, model {engine.model_for(None)}: {heard}"

    async def translation(self) -> str:
        engine = self.translator()
        pairs = engine.pairs()
        if pairs is None:
            return f"{engine.name}, model {engine.model_for(None)}: any pair"
        if not pairs:
            raise LookupError(f"{engine.name} has no language pair installed")
        return f"{engine.name}: {', '.join(f'{source} → {target}' for source, target in pairs)}"

    async def speech(self) -> str:
        engine = self.synthesizer()
        voices = engine.voices()
        if any(not voice.languages for voice in voices):
            return f"{engine.name}, model {engine.model}: {len(voices)} voices for any language"
        languages = {code.split("-")[0] for voice in voices for code in voice.languages}
        return f"{engine.name}: {len(voices)} voices for {_counted(languages)}"


def thorough_checks(
    settings: Settings, encryption: Encryption, ffmpeg: FFmpegWrapper, engines: EngineChecks
) -> tuple[Check, ...]:
    """In the order they are worth reading."""
    root_key = checked("root key", ROOT_KEY_REMEDY, encryption.check)
    build = checked(
        "ffmpeg build", "Install a full build of FFmpeg, or unset FFMPEG_BINARY.", partial(_build, ffmpeg)
    )
    openai = checked("openai", ENGINE_REMEDY, partial(_openai, settings), required=False)
    sandbox = checked("sandbox", "apt-get install bubblewrap", _sandbox, required=False)
    return (root_key, build, sandbox, *_font_checks(ffmpeg), *engines.checks(), openai)


async def _build(ffmpeg: FFmpegWrapper) -> str:
    found = await ffmpeg.capabilities()
    if found.missing:
        raise LookupError(f"version {found.version} lacks {', '.join(found.missing)}")
    return f"version {found.version} has all that is used"


async def _sandbox() -> str:
    found = await asyncio.to_thread(isolation)
    if found is None:
        raise LookupError(
            "bubblewrap is not there or not allowed: media are decoded under resource limits only"
        )
    return f"{found}: media are decoded without network and other files"


def _font_checks(ffmpeg: FFmpegWrapper) -> Iterator[Check]:
    for script in SCRIPTS:
        yield checked(
            f"font: {script.name}",
            f"apt-get install {script.package}",
            partial(_font, ffmpeg, script),
            required=script.required,
        )


async def _font(ffmpeg: FFmpegWrapper, script: Script) -> str:
    if not await renders(ffmpeg, script.sample):
        raise LookupError(f"no font draws '{script.sample}'")
    return f"subtitles show '{script.sample}'"


async def _openai(settings: Settings) -> str:
    """Never the key itself."""
    if not settings.openai_configured:
        raise LookupError("not configured: the built-in engines do the work")
    host = settings.openai_base_url.host if settings.openai_base_url else OPENAI_HOST
    return f"{host}, {'with' if settings.openai_api_key else 'without'} a key"


def _counted(languages: Sequence[str] | set[str]) -> str:
    return f"{len(languages)} languages ({' '.join(sorted(languages))})"
