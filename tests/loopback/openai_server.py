"""A real HTTP server on the loopback interface that speaks OpenAI's protocol.

    with LoopbackOpenAI() as server:
        server.fail(Endpoint.CHAT, faults.MISSING_LINE)
        client = OpenAIClient(Settings(openai_base_url=server.url), gate)
        ...
        assert len(server.requests_to(Endpoint.CHAT)) == 2

What it hears, writes and says comes from engines behind the application's own protocols. Without any it
runs on small deterministic ones; given real ones it does real work. Like the original it refuses what
the API does not take, so that a wrong request shows in a test.
"""

import asyncio
import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self, cast

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.subtitles.engines.base import Transcriber
from app.translation.engines.base import Translator
from app.tts.engines.base import TTSClient
from tests.loopback.engines import ScriptedTranscriber, SuffixTranslator, ToneVoice
from tests.loopback.faults import Body, Delay, Disconnection, Fault, Refusal, Wording
from tests.loopback.protocol import (
    MODELS,
    RESPONSE_FORMATS,
    VOICES,
    Endpoint,
    OpenAIProtocol,
    Refused,
    Request,
    completion,
)

__all__ = ["Endpoint", "LoopbackOpenAI", "Request"]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class LoopbackOpenAI:
    """A context manager; `url` is the base URL for the SDK while it is open.

    `api_key` None accepts any. `models` None takes any model's name, `voices` None any voice's.
    `response_formats` are the ones chat accepts. `speech_format` is what speech is always answered in,
    whatever was asked for, as some servers do. `latency` delays every answer by so many seconds.
    """

    def __init__(
        self,
        *,
        transcriber: Transcriber | None = None,
        translator: Translator | None = None,
        speech: TTSClient | None = None,
        api_key: str | None = None,
        models: Sequence[str] | None = MODELS,
        voices: Sequence[str] | None = VOICES,
        response_formats: Sequence[str] = RESPONSE_FORMATS,
        speech_format: str | None = None,
        latency: Mapping[Endpoint, float] | None = None,
    ) -> None:
        self.requests: list[Request] = []
        self.most_at_once = 0
        self.at_once = 0
        self._latency = latency or {}
        self._faults: dict[Endpoint, deque[Fault]] = {endpoint: deque() for endpoint in Endpoint}
        self._stumbling_blocks: list[tuple[Endpoint, str, Fault]] = []
        self._protocol = OpenAIProtocol(
            transcriber=transcriber or ScriptedTranscriber(),
            translator=translator or SuffixTranslator(),
            speech=speech or ToneVoice(),
            api_key=api_key,
            models=models,
            voices=voices,
            response_formats=response_formats,
            speech_format=speech_format,
        )
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._server = _uvicorn(self._respond)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="loopback-openai", daemon=True
        )
        host, port = self._socket.getsockname()
        self.url = f"http://{host}:{port}/v1"

    def __enter__(self) -> Self:
        # The socket listens already: a request made before the server runs waits in its backlog.
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()

    def fail(self, endpoint: Endpoint, fault: Fault, times: int = 1) -> None:
        """The next `times` requests to the endpoint meet the fault, after those planned before."""
        self._faults[endpoint].extend([fault] * times)

    def fail_at(self, endpoint: Endpoint, text: str, fault: Fault) -> None:
        """Every request to the endpoint with that text in it meets the fault, also without any planned."""
        self._stumbling_blocks.append((endpoint, text, fault))

    def requests_to(self, endpoint: Endpoint) -> list[Request]:
        return [request for request in self.requests if request.endpoint is endpoint]

    def recover(self) -> None:
        """Drops the faults still planned."""
        for planned in self._faults.values():
            planned.clear()

    def forget(self) -> None:
        """Drops all faults and the requests seen."""
        self.recover()
        self._stumbling_blocks.clear()
        self.requests.clear()
        self.most_at_once = 0

    async def _respond(self, http: HttpRequest) -> Response:
        request = await _read(http)
        self.requests.append(request)
        with self._counted():
            await asyncio.sleep(self._latency.get(request.endpoint, 0.0))
            try:
                return await self._answer(request, self._fault_for(request), http)
            except Refused as refused:
                return _refusal(refused.refusal)

    def _fault_for(self, request: Request) -> Fault | None:
        for endpoint, text, fault in self._stumbling_blocks:
            if request.endpoint is endpoint and text in str(request.fields):
                return fault
        planned = self._faults[request.endpoint]
        return planned.popleft() if planned else None

    async def _answer(self, request: Request, fault: Fault | None, http: HttpRequest) -> Response:
        match fault:
            case Refusal():
                return _refusal(fault)
            case Body():
                return Response(fault.content, media_type=fault.media_type)
            case Disconnection(half=False):
                _reset(http)
                return Response()
            case Delay():
                await _sleep_while_connected(http, fault.seconds)
        answer = await self._protocol.answer(request)
        match fault:
            case Disconnection():
                return _HalfResponse(answer)
            case Wording():
                return _reworded(answer, fault)
        return answer

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            yield
        finally:
            self.at_once -= 1


class _CuttableProtocol(H11Protocol):
    """Tells the application which transport a client is on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.app_state[str(self.client)] = transport


class _HalfResponse(Response):
    """Announces the whole length and stops half-way; the server then closes the connection."""

    def __init__(self, whole: Response) -> None:
        super().__init__(whole.body, media_type=whole.media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})


def _uvicorn(respond: Callable[[HttpRequest], Awaitable[Response]]) -> uvicorn.Server:
    routes = [Route(endpoint, respond, methods=["GET", "POST"]) for endpoint in Endpoint]
    return uvicorn.Server(
        uvicorn.Config(
            Starlette(routes=routes),
            http=_CuttableProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            timeout_graceful_shutdown=1,
        )
    )


async def _read(http: HttpRequest) -> Request:
    endpoint, headers = Endpoint(http.url.path), dict(http.headers)
    if endpoint is Endpoint.MODELS:
        return Request(endpoint, {}, headers)
    if endpoint is not Endpoint.TRANSCRIPTIONS:
        return Request(endpoint, await http.json(), headers)
    async with http.form() as form:
        file = form.get("file")
        fields: dict[str, object] = {
            name: form.getlist(name) if name.endswith("[]") else form[name] for name in form if name != "file"
        }
        if not isinstance(file, UploadFile):
            return Request(endpoint, fields, headers)
        return Request(endpoint, fields, headers, file.filename or "", await file.read())


def _refusal(refusal: Refusal) -> Response:
    kind = "insufficient_quota" if refusal.code == "insufficient_quota" else "invalid_request_error"
    error = {"message": refusal.message, "type": kind, "param": None, "code": refusal.code}
    return JSONResponse({"error": error}, refusal.status, headers=dict(refusal.headers))


async def _sleep_while_connected(http: HttpRequest, seconds: float) -> None:
    """The body has been read, so the next message is that the client has gone."""
    with suppress(TimeoutError):
        await asyncio.wait_for(http.receive(), seconds)


def _reset(http: HttpRequest) -> None:
    transport = cast(asyncio.Transport, http.scope["state"][str(http.scope["client"])])
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


def _reworded(whole: Response, wording: Wording) -> Response:
    answer = json.loads(bytes(whole.body))
    content = wording.change(answer["choices"][0]["message"]["content"])
    return completion(answer["model"], content, wording.finish_reason)
