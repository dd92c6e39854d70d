"""One wording of one line: spoken, made as loud as all, and fitted to its place."""

import asyncio
import io
import wave
from dataclasses import dataclass, field

from app.core.concurrency import seen_through
from app.core.errors import ErrorCode, Problem
from app.ledger.metering import metered
from app.media.audio import Audio, write_wav
from app.memo import Memo, Unit
from app.storage.manager import StorageManager
from app.tts.engines.base import SpeechRequest, TTSClient
from app.tts.engines.samples import sample_sentence
from app.tts.engines.speakable import spoken_text
from app.tts.models import SpeechSegment
from app.tts.script import Line
from app.tts.segments import VOICE_LOUDNESS, deliver, fit, is_silent
from app.tts.storage import Delivery
from app.tts.wording import said


@dataclass(frozen=True, slots=True)
class Version:
    """A wording of a line as a voice spoke it: `length` in seconds at the voice's own pace, `cost` in US
    dollars for this job, None where it is not known. `unit` is the engine's work, and `clip` the key of its
    sound where that is known already, as it was placed at `speed`."""

    text: str
    unit: Unit
    length: float
    cost: float | None = 0.0
    clip: str | None = None
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Speaker:
    """Every step goes through the memo: a line is asked for once, and its sound worked on once. What the
    engine took for a unit is told once, with the first version made of it."""

    engine: TTSClient
    memo: Memo
    storage: StorageManager
    language: str
    sample_rate: int
    _bills: dict[str, float | None] = field(default_factory=dict)

    def spoken_before(self, line: Line) -> Version | None:
        """What there is of the line, if that is exactly what is wanted: no sound has to be read for it."""
        row = line.former
        if row is None or row.clip is None or row.natural_duration is None or line.settled is None:
            return None
        unit = self._unit(line.settled, line.delivery)
        known = self._clip(unit, line.delivery, row.speed).object_key
        if known != row.clip:
            return None
        return Version(line.settled, unit, row.natural_duration, clip=row.clip, speed=row.speed)

    async def speak(self, text: str, delivery: Delivery) -> Version:
        """Raises `Problem` when the engine refuses, fails or cannot be reached, or says nothing."""
        unit = self._unit(text, delivery)
        length = _seconds(await self._natural(unit, delivery))
        clip = self._clip(unit, delivery, 1.0).object_key
        return Version(text, unit, length, self._bills.pop(unit.key, 0.0), clip=clip)

    async def rehearse(self, text: str, delivery: Delivery) -> float:
        """Has the sound made that `speak` will find. Returns its seconds. Raises as that does."""
        return _seconds(await self._natural(self._unit(text, delivery), delivery))

    async def say_sample(self, delivery: Delivery) -> None:
        """A sentence that the voice can say if it can say anything, kept nowhere. Raises as `speak` does."""
        text = sample_sentence(self.language)
        await self.engine.speak(SpeechRequest(text, self.language, delivery.voice_id, self.engine.model))

    async def fitted(self, version: Version, delivery: Delivery, speed: float) -> str:
        """The key of the version's sound at that speed."""
        if version.clip is not None and version.speed == speed:
            return version.clip

        async def make() -> bytes:
            natural = await self._natural(version.unit, delivery)
            return await seen_through(asyncio.to_thread(fit, natural, speed))

        unit = self._clip(version.unit, delivery, speed)
        await self.memo.recall(unit, make)
        return unit.object_key

    async def refitted(self, row: SpeechSegment, speed: float) -> str | None:
        """The key of a former line's sound at another speed, from its sound alone."""
        if row.clip is None:
            return None
        source, faster = row.clip, speed / row.speed

        async def make() -> bytes:
            return await asyncio.to_thread(fit, await self.storage.read_bytes(source), faster)

        unit = Unit(kind="clip", engine="", model="", content=source, parameters=(("speed", faster),))
        await self.memo.recall(unit, make)
        return unit.object_key

    def _unit(self, text: str, delivery: Delivery) -> Unit:
        return speech_unit(self.engine, self.language, text, delivery)

    def _clip(self, unit: Unit, delivery: Delivery, speed: float) -> Unit:
        return Unit(
            kind="clip",
            engine=unit.engine,
            model=unit.model,
            content=unit.key,
            parameters=(
                ("speaking_rate", delivery.speaking_rate),
                ("pitch", delivery.pitch),
                ("volume_gain_db", delivery.volume_gain_db),
                ("sample_rate", self.sample_rate),
                ("loudness", VOICE_LOUDNESS),
                ("speed", speed),
            ),
        )

    async def _natural(self, unit: Unit, delivery: Delivery) -> bytes:
        """The line at the voice's own pace."""

        async def make() -> bytes:
            raw = await self.memo.recall(unit, lambda: self._ask(unit, delivery), costly=True)
            return await seen_through(asyncio.to_thread(deliver, raw, delivery, self.sample_rate))

        return await self.memo.recall(self._clip(unit, delivery, 1.0), make)

    async def _ask(self, unit: Unit, delivery: Delivery) -> bytes:
        """Silence is no answer, and so nothing to remember, unless there was nothing to say."""
        request = SpeechRequest(unit.content, self.language, delivery.voice_id, unit.model)
        with metered() as meter:
            audio = await self.engine.speak(request)
        self._bills[unit.key] = meter.cost
        wav = await seen_through(asyncio.to_thread(_written, audio))
        if wav is None and spoken_text(unit.content):
            raise Problem(ErrorCode.ENGINE_BAD_ANSWER, model=unit.model, reason="the speech is silent")
        return wav or write_wav(audio)


def speech_unit(engine: TTSClient, language: str, text: str, delivery: Delivery) -> Unit:
    """What the memo knows an engine's work on a wording by."""
    return Unit(
        kind="speech",
        engine=engine.name,
        model=engine.model,
        content=said(text),
        parameters=(("language", language), ("take", delivery.take), ("voice", delivery.voice_id)),
    )


def _written(audio: Audio) -> bytes | None:
    """As a WAV file, None if there is nothing to hear."""
    return None if is_silent(audio) else write_wav(audio)


def _seconds(clip: bytes) -> float:
    """How long a WAV file is."""
    with wave.open(io.BytesIO(clip), "rb") as file:
        return file.getnframes() / file.getframerate()
