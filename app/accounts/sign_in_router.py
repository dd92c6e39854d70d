"""Signing in over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Request, Response
from starlette.datastructures import URL

from app.accounts import sign_ins
from app.accounts.identification import is_own_origin
from app.accounts.schemas import AccessToken, Credentials
from app.accounts.secrets import Secret
from app.accounts.service import AccountService
from app.audit.log import Who
from app.core.database import WriteSession
from app.core.errors import ErrorCode, Problem
from app.core.links import BaseUrl, OwnSettings
from app.core.openapi import problems
from app.core.resources import owned
from app.core.settings import Settings
from app.idempotency.claim import NO_STORE, RepeatableRoute

router = APIRouter(prefix="/api/auth", tags=["accounts"], route_class=RepeatableRoute)

COOKIE = "refresh_token"
COOKIE_PATH = "/api/auth"

Service = Annotated[AccountService, Depends(owned(AccountService))]
RefreshToken = Annotated[
    str | None, Cookie(alias=COOKIE, max_length=200, description="As it was set at the sign-in.")
]


async def _same_site(request: Request, settings: OwnSettings) -> None:
    """A cookie goes along with whatever a browser sends: only our own pages may use it."""
    if not is_own_origin(request, (*settings.cors_origins, *_public_origin(settings))):
        raise Problem(ErrorCode.SIGN_IN_FAILED)


def _public_origin(settings: Settings) -> tuple[str, ...]:
    """A proxy need not hand on the name that browsers know."""
    if settings.public_url is None:
        return ()
    url = URL(str(settings.public_url))
    return (f"{url.scheme}://{url.netloc}",)


@router.post(
    "/sign-in",
    operation_id="signIn",
    summary="Sign in",
    dependencies=[Depends(_same_site)],
    responses=problems(ErrorCode.UNSUPPORTED_MEDIA_TYPE, ErrorCode.SIGN_IN_BUSY, ErrorCode.SIGN_IN_FAILED),
)
async def sign_in(
    body: Credentials, response: Response, service: Service, who: Who, base: BaseUrl
) -> AccessToken:
    """The access token lasts 15 minutes, or until the cookie draws the next one. That lasts 30 days."""
    tokens = await service.sign_in(body.email, body.password.get_secret_value(), who)
    return _hand_over(tokens, response, base)


@router.post(
    "/refresh",
    operation_id="refreshSignIn",
    summary="Draw the next access token",
    dependencies=[Depends(_same_site)],
    responses=problems(ErrorCode.SIGN_IN_FAILED),
)
async def refresh_sign_in(
    response: Response, service: Service, who: Who, base: BaseUrl, token: RefreshToken = None
) -> AccessToken:
    """The cookie is changed each time. One that comes a second time was copied: the sign-in ends."""
    if token is None:
        raise Problem(ErrorCode.SIGN_IN_FAILED)
    return _hand_over(await service.go_on(Secret(token), who), response, base)


@router.post(
    "/sign-out",
    operation_id="signOut",
    summary="Sign out",
    status_code=204,
    response_description="The sign-in has ended.",
    dependencies=[Depends(_same_site)],
    responses=problems(ErrorCode.SIGN_IN_FAILED),
)
async def sign_out(response: Response, session: WriteSession, who: Who, token: RefreshToken = None) -> None:
    """Both tokens end at once."""
    if token is not None:
        await sign_ins.end(session, Secret(token), who)
    response.delete_cookie(COOKIE, path=COOKIE_PATH)


def _hand_over(tokens: sign_ins.Tokens, response: Response, base: str) -> AccessToken:
    response.set_cookie(
        COOKIE,
        tokens.refresh.text,
        expires=tokens.expires_at,
        path=COOKIE_PATH,
        secure=URL(base).scheme == "https",
        httponly=True,
        samesite="strict",
    )
    response.headers["Cache-Control"] = NO_STORE
    return AccessToken(
        access_token=tokens.access.text,
        expires_at=tokens.access_until,
    )
