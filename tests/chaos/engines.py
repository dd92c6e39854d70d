"""A loopback engine server that makes trouble, and remembers what it really gave to whom."""

import asyncio
import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from app.subtitles.engines.base import Transcript, TranscriptionOptions, TranscriptSegment, Word
from tests.loopback.engines import SENTENCES, ScriptedTranscriber
from tests.loopback.faults import (
    CONNECTION_RESET,
    HALF_BODY,
    NOT_JSON,
    RATE_LIMITED,
    SERVER_ERROR,
    WRONG_SHAPE,
    Delay,
    Fault,
)
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI, Request

TROUBLE: Sequence[Fault] = (
    RATE_LIMITED,
    SERVER_ERROR,
    CONNECTION_RESET,
    HALF_BODY,
    NOT_JSON,
    WRONG_SHAPE,
    Delay(0.5),
)
# What a client has been given, but may not have written down yet.
SETTLING_SECONDS = 1.0
LONGEST_CALL_SECONDS = 60.0


class OwnWords(ScriptedTranscriber):
    """Hears other lines in every recording, and the same ones whenever it is asked."""

    async def transcribe(self, audio: Path, options: TranscriptionOptions) -> Transcript:
        seed = crc32(await asyncio.to_thread(audio.read_bytes))
        heard = await super().transcribe(audio, options)
        return Transcript(heard.language, tuple(_reworded(heard.segments, seed)))


def _reworded(segments: Sequence[TranscriptSegment], seed: int) -> Iterator[TranscriptSegment]:
    for index, segment in enumerate(segments):
        text = f"Take {(seed + index) % 9973}. {SENTENCES[(seed + index) % len(SENTENCES)]}"[:40]
        words, length = text.split(), segment.end - segment.start
        step = length / len(words)
        timed = tuple(
            Word(segment.start + number * step, segment.start + (number + 1) * step, word)
            for number, word in enumerate(words)
        )
        yield TranscriptSegment(segment.start, segment.end, text, words=timed)


@dataclass(slots=True)
class Exchange:
    """A request for a `unit`, when it `began`, and when all of its answer was `given`, if it was."""

    unit: str
    began: float
    given: float | None = None


class TroubledOpenAI(LoopbackOpenAI):
    """Each request meets trouble with a given chance; `latency` is that of every answer in seconds."""

    def __init__(self, seed: int, chance: float, latency: float) -> None:
        super().__init__(transcriber=OwnWords(), latency=dict.fromkeys(Endpoint, latency))
        self._random = random.Random(seed)
        self.chance = chance
        self.exchanges: list[Exchange] = []
        self.troubles = 0

    async def _respond(self, http: HttpRequest) -> Response:
        self._draw(Endpoint(http.url.path))
        return await super()._respond(http)

    def _draw(self, endpoint: Endpoint) -> None:
        if self._random.random() < self.chance:
            self.troubles += 1
            self.fail(endpoint, self._random.choice(TROUBLE))

    async def _answer(self, request: Request, fault: Fault | None, http: HttpRequest) -> Response:
        exchange = Exchange(_unit(request), time.monotonic())
        self.exchanges.append(exchange)
        answer = await super()._answer(request, fault, http)
        if fault is None or isinstance(fault, Delay):
            exchange.given = time.monotonic()
        return answer

    def in_flight(self, moment: float) -> int:
        """Units that were under way at that moment, or whose answer had just been given."""
        settled = moment - SETTLING_SECONDS
        return sum(
            exchange.began <= moment and (exchange.given is None or exchange.given > settled)
            for exchange in self.exchanges
            if exchange.began > moment - LONGEST_CALL_SECONDS
        )

    def repeated(self) -> int:
        """How many units were given more than once, each time counted."""
        given = Counter(exchange.unit for exchange in self.exchanges if exchange.given is not None)
        return sum(times - 1 for times in given.values())


def _unit(request: Request) -> str:
    told = json.dumps({name: request.fields[name] for name in sorted(request.fields)}, default=str)
    return hashlib.sha256(told.encode() + request.file).hexdigest()
