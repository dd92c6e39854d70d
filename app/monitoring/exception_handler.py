"""ExceptionHandler: every error leaves as problem+json (RFC 9457), in the reader's language."""

from collections.abc import Sequence
from http import HTTPStatus

from anyio import BrokenResourceError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.errors import ErrorCode, Problem
from app.core.identifiers import new_id
from app.core.locales import Catalogue, catalogue, choose_locale
from app.core.problems import present_problem
from app.core.schemas import FieldError
from app.core.settings import Locale
from app.monitoring.alerts import AlertManager
from app.storage.trouble import storage_problem

PROBLEM_JSON = "application/problem+json"
# Seconds after which it may be worth asking again.
RETRY_AFTER = {ErrorCode.STORAGE_UNREACHABLE: "10", ErrorCode.SIGN_IN_BUSY: "5"}


class StreamsLeft:
    """Who leaves an event stream makes no error, though what fills the stream stumbles over it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except* BrokenResourceError:
            pass


class ExceptionHandler:
    """Knows the server's own language and whom to alert."""

    def __init__(self, default_locale: Locale, alerts: AlertManager) -> None:
        self._default_locale = default_locale
        self._alerts = alerts

    def install(self, app: FastAPI) -> None:
        app.add_exception_handler(Problem, self._problem)
        app.add_exception_handler(RequestValidationError, self._validation)
        app.add_exception_handler(HTTPException, self._http)
        app.add_exception_handler(ClientDisconnect, self._gone)
        app.add_exception_handler(Exception, self._unexpected)
        app.add_middleware(StreamsLeft)

    def answer(self, request: Request, problem: Problem) -> JSONResponse:
        texts = self._catalogue(request)
        message = texts.error(problem.code, problem.details)
        errors = problem.field and [
            FieldError(field=problem.field, message=message.detail, type=problem.code)
        ]
        return _answer(request, texts, problem, errors or ())

    async def _problem(self, request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, Problem):
            raise error
        return self.answer(request, error)

    async def _validation(self, request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, RequestValidationError):
            raise error
        texts = self._catalogue(request)
        if _is_sent_as_something_else(request, error):
            return _answer(request, texts, _not_json(request))
        errors = [
            FieldError(
                field=_field_path(item["loc"]),
                message=texts.validation_error(item["type"], item.get("ctx", {}), item["msg"]),
                type=item["type"],
            )
            for item in error.errors()
        ]
        if any(item.type == "json_invalid" for item in errors):
            problem = Problem(ErrorCode.INVALID_JSON, reason=errors[0].message)
        else:
            problem = Problem(
                ErrorCode.INVALID_REQUEST,
                summary="; ".join(f"{item.field}: {item.message}" for item in errors),
            )
        return _answer(request, texts, problem, errors)

    async def _http(self, request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, HTTPException):
            raise error
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            problem = Problem(ErrorCode.METHOD_NOT_ALLOWED, method=request.method, path=request.url.path)
        elif error.status_code == HTTPStatus.NOT_FOUND:
            problem = Problem(ErrorCode.ROUTE_NOT_FOUND, path=request.url.path)
        else:
            problem = Problem(ErrorCode.INVALID_REQUEST, summary=error.detail)
        answer = _answer(request, self._catalogue(request), problem)
        answer.headers.update(error.headers or {})
        return answer

    async def _gone(self, request: Request, error: Exception) -> Response:
        """Nobody is left to be told, and nobody needs to be alarmed."""
        return Response(status_code=HTTPStatus.BAD_REQUEST)

    async def _unexpected(self, request: Request, error: Exception) -> JSONResponse:
        problem = storage_problem(error)
        if problem is None:
            reference = new_id("err")
            self._alerts.unexpected_error(reference, f"{request.method} {request.url.path}", error)
            problem = Problem(ErrorCode.INTERNAL_ERROR, reference=reference)
        return _answer(request, self._catalogue(request), problem)

    def _catalogue(self, request: Request) -> Catalogue:
        return catalogue(choose_locale(request.headers.get("accept-language"), self._default_locale))


def _answer(
    request: Request, texts: Catalogue, problem: Problem, errors: Sequence[FieldError] = ()
) -> JSONResponse:
    body = present_problem(problem, texts, request.url.path, errors)
    content = body.model_dump(mode="json", exclude_none=True)
    answer = JSONResponse(content, problem.status, media_type=PROBLEM_JSON)
    if problem.code in RETRY_AFTER:
        answer.headers["Retry-After"] = RETRY_AFTER[problem.code]
    if problem.status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _is_sent_as_something_else(request: Request, error: RequestValidationError) -> bool:
    """Whether a body was not even looked into, since its content type is not that of JSON."""
    unread = any(item["loc"] == ("body",) and item["type"] != "missing" for item in error.errors())
    return unread and "json" not in request.headers.get("content-type", "")


def _not_json(request: Request) -> Problem:
    content_type = request.headers.get("content-type", "none")
    return Problem(ErrorCode.UNSUPPORTED_MEDIA_TYPE, content_type=content_type, accepted="application/json")


def _field_path(location: Sequence[str | int]) -> str:
    """`("body", "options", "pitch")` is `options.pitch` to the client."""
    path = [str(part) for part in location if part not in ("body", "query", "path", "header")]
    return ".".join(path) or "body"
