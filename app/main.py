"""The HTTP server: `uvicorn --factory app.main:create_app`."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from app.accounts.account_router import router as account
from app.accounts.keys_router import router as keys
from app.accounts.people_router import router as people
from app.accounts.sign_in_router import router as sign_in
from app.core.caller import CallerMiddleware, subject
from app.core.openapi import document_of
from app.core.queries import refuse_unknown_query
from app.core.settings import Settings, load_settings
from app.idempotency.claim import REPLAYED
from app.idempotency.middleware import IdempotencyMiddleware
from app.jobs.events_router import router as events
from app.jobs.router import router as tasks
from app.jobs.workers_router import router as workers
from app.limits.bodies import BodyLimitMiddleware
from app.limits.middleware import TOLD, RateLimitMiddleware
from app.limits.rates import RateCounter
from app.limits.rules import address_rules, caller_rules
from app.links.router import router as links
from app.links.service import file_routes
from app.monitoring.exception_handler import ExceptionHandler
from app.monitoring.logger import configure_logging
from app.monitoring.router import router as health
from app.monitoring.security_headers import SecurityHeadersMiddleware
from app.pipeline.router import router as pipeline
from app.projects.router import router as projects
from app.render.router import router as dubbed_videos
from app.resources import Resources
from app.subtitles.router import router as subtitles
from app.subtitles.schemas import TrackUpdate
from app.takeout.router import router as takeout
from app.translation.router import router as translations
from app.tts.router import router as speech
from app.usage.router import router as usage
from app.videos.router import router as videos
from app.webhooks.router import messages
from app.webhooks.router import router as webhooks

DESCRIPTION = """
Upload a video, get subtitles, a translation, a voice and a dubbed video that stays in sync.

`POST /api/videos/upload`, then `POST /api/videos/{video_id}/dub` does everything. Step by step:

1. `POST /api/videos/upload`
2. `POST /api/videos/{video_id}/extract-subtitles`
3. `POST /api/videos/{video_id}/translate-subtitles`
4. `POST /api/videos/{video_id}/generate-tts`
5. `POST /api/videos/{video_id}/generate-dubbed-video`

A server without users answers whoever is on its machine, without credentials. With users, programs send an
API key (`X-API-Key`, or `Authorization: Bearer`), and browsers the access token of a sign-in. A video belongs
to a project, and only its members can see it.

Steps 2 to 5 start a task: follow it with `GET /api/tasks/{task_id}` or its `/events`. Between the steps every
text can be edited, and a step that is run again re-does only what the edit touched. Errors are
`application/problem+json` with a stable `code`, a message and what to do next, in Korean or English by
`Accept-Language`.
"""

TAGS = [
    {"name": "videos", "description": "Upload, list, trim and delete videos, and fetch their files."},
    {"name": "subtitles", "description": "Transcribe a video; read, edit or bring its original subtitles."},
    {"name": "translations", "description": "The subtitles in other languages."},
    {"name": "speech", "description": "Voices, and the translated lines spoken."},
    {"name": "dubbed videos", "description": "The final video."},
    {"name": "tasks", "description": "Long work: progress, cancelling, retrying."},
    {"name": "projects", "description": "What belongs together, who shares it, and what it may use."},
    {"name": "accounts", "description": "Signing in, API keys, and users for the operator."},
    {"name": "webhooks", "description": "Have what happens to tasks sent to a server, signed."},
    {"name": "usage", "description": "What calls to engines cost, and what was saved."},
    {"name": "health", "description": "For load balancers."},
]
STAGES = (videos, links, subtitles, translations, speech, pipeline, dubbed_videos)
ROUTERS = (
    *STAGES,
    tasks,
    events,
    workers,
    projects,
    sign_in,
    account,
    keys,
    people,
    takeout,
    webhooks,
    usage,
    health,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Raises `InvalidSettings` if the environment cannot be used."""
    settings = settings or load_settings()
    configure_logging(settings.log_level)
    resources = Resources(settings)
    counter = RateCounter(settings.rate_limit_storage)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await resources.start()
        try:
            yield
        finally:
            await counter.aclose()
            await resources.close()

    app: FastAPI = FastAPIOffline(
        title="Video translation and dubbing",
        version="0.1.0",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        dependencies=[Depends(refuse_unknown_query)],
        lifespan=lifespan,
    )
    app.state.resources = resources
    errors = ExceptionHandler(settings.default_locale, resources.alerts)
    errors.install(app)
    app.add_middleware(IdempotencyMiddleware, database=resources.database, refuse=errors.answer)
    app.add_middleware(BodyLimitMiddleware, refuse=errors.answer)
    app.add_middleware(
        RateLimitMiddleware, counter=counter, rules=caller_rules(settings, subject), refuse=errors.answer
    )
    app.add_middleware(CallerMiddleware, identify=resources.identification)
    app.add_middleware(
        RateLimitMiddleware, counter=counter, rules=address_rules(settings), refuse=errors.answer
    )
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials="*" not in settings.cors_origins,  # the cookie of a sign-in
        expose_headers=[
            "Location",
            "ETag",
            "Content-Disposition",
            "Content-Range",
            "Accept-Ranges",
            REPLAYED,
            *TOLD,
        ],
    )
    headers = Middleware(
        SecurityHeadersMiddleware,
        https=settings.public_url is not None and settings.public_url.scheme == "https",
        open_to_others=bool(settings.cors_origins),
    )
    app.build_middleware_stack = _inside(app.build_middleware_stack, cors, headers)  # type: ignore[method-assign]
    for router in ROUTERS:
        app.include_router(router)
    app.state.file_routes = file_routes(ROUTERS)
    app.webhooks.include_router(messages)
    # FastAPI's own way to change the document
    app.openapi = document_of(app, TrackUpdate)  # type: ignore[method-assign]
    return app


def _inside(build: Callable[[], ASGIApp], *middlewares: Middleware) -> Callable[[], ASGIApp]:
    """Around what answers for a defect, too, which is around all that `add_middleware` takes; the last is
    the outermost."""

    def stack() -> ASGIApp:
        app = build()
        for cls, args, kwargs in middlewares:
            app = cls(app, *args, **kwargs)
        return app

    return stack
