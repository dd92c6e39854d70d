"""Signing in, and one's own account, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Request, Response
from starlette.datastructures import URL

from app.accounts import keys as api_keys
from app.accounts import sign_ins
from app.accounts.identification import is_own_origin
from app.accounts.models import ApiKey
from app.accounts.schemas import (
    AccessToken,
    AccountDetails,
    CreatedKey,
    Credentials,
    KeyId,
    KeyList,
    NewKey,
    PasswordChange,
    Rotation,
    key_details,
    user_details,
)
from app.accounts.secrets import Secret
from app.accounts.service import AccountService, get_user, user_id_of
from app.audit.log import Who, entries, note
from app.audit.models import Action, AuditEntry
from app.audit.schemas import AuditPage, Before, Limit, audit_page
from app.core.caller import Caller, Identified, Scope
from app.core.database import ReadSession, WriteSession
from app.core.errors import ErrorCode, Problem
from app.core.links import BaseUrl, OwnSettings
from app.core.openapi import created, problems
from app.core.resources import owned
from app.core.settings import Settings
from app.idempotency.claim import NO_STORE, RepeatableRoute
from app.projects.access import ACCOUNT_HOLDERS, ADMINISTRATORS, ANYBODY, OwnDatabase, scopes_in

router = APIRouter(prefix="/api", tags=["accounts"], route_class=RepeatableRoute)

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
    "/auth/sign-in",
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
    "/auth/refresh",
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
    "/auth/sign-out",
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


@router.get(
    "/account",
    operation_id="getAccount",
    summary="Who you are",
    dependencies=[ANYBODY],
    responses=problems(),
)
async def get_account(caller: Identified, session: ReadSession) -> AccountDetails:
    """And what the credentials allow."""
    user = None if caller.user_id is None else user_details(await get_user(session, caller.user_id))
    return AccountDetails(
        signed_in_by=caller.kind, user=user, scopes=sorted(caller.scopes), project_id=caller.project_id
    )


@router.put(
    "/account/password",
    operation_id="changePassword",
    summary="Change your password",
    status_code=204,
    response_description="It is changed, and every sign-in has ended.",
    dependencies=[ACCOUNT_HOLDERS],
    responses=problems(ErrorCode.UNSUPPORTED_MEDIA_TYPE, ErrorCode.SIGN_IN_BUSY, ErrorCode.SIGN_IN_FAILED),
)
async def change_password(
    body: PasswordChange,
    caller: Identified,
    service: Service,
    database: OwnDatabase,
    who: Who,
) -> None:
    """Whoever signed in with the old one has to sign in again; keys stay."""
    async with database.read() as session:
        user = await get_user(session, user_id_of(caller))
    await service.confirm(user, body.current.get_secret_value(), who)
    hashed = await service.hash(body.new)
    async with database.write() as session:
        await service.set_password(session, await get_user(session, user.id), hashed, who)


@router.post(
    "/account/sign-out-everywhere",
    operation_id="signOutEverywhere",
    summary="End all your sign-ins",
    status_code=204,
    response_description="They have ended.",
    dependencies=[ACCOUNT_HOLDERS],
    responses=problems(),
)
async def sign_out_everywhere(caller: Identified, session: WriteSession, who: Who) -> None:
    """On every device; keys stay."""
    note(session, who, Action.SIGNED_OUT_EVERYWHERE, user_id_of(caller))
    await sign_ins.end_all(session, user_id_of(caller))


@router.get(
    "/account/audit",
    operation_id="listOwnAudit",
    summary="What was done in your name",
    dependencies=[ACCOUNT_HOLDERS],
    responses=problems(),
)
async def list_own_audit(
    caller: Identified,
    session: ReadSession,
    limit: Limit = 50,
    before: Before = None,
) -> AuditPage:
    """Newest first."""
    found = await entries(session, AuditEntry.user_id == user_id_of(caller), limit + 1, before)
    return audit_page(list(found), limit)


@router.get(
    "/keys",
    operation_id="listKeys",
    summary="Your API keys",
    dependencies=[ADMINISTRATORS],
    responses=problems(),
)
async def list_keys(caller: Identified, session: ReadSession) -> KeyList:
    """Without their secrets. A key that leads into one project only sees those that do, too."""
    found = await api_keys.keys_of(session, user_id_of(caller))
    return KeyList(keys=[key_details(key) for key in found if caller.project_id in (None, key.project_id)])


@router.post(
    "/keys",
    operation_id="createKey",
    summary="Make an API key",
    status_code=201,
    dependencies=[ADMINISTRATORS],
    responses=created("This is the only time that its secret is shown.")
    | problems(ErrorCode.UNSUPPORTED_MEDIA_TYPE, named=(ErrorCode.PROJECT_NOT_FOUND,)),
)
async def create_key(
    body: NewKey, caller: Identified, response: Response, session: WriteSession, who: Who
) -> CreatedKey:
    """It can do no more than the one who makes it, and in a project no more than its owner's role allows."""
    scopes = api_keys.narrowed(body.scopes, caller.scopes)
    await _check_project(session, caller, body.project_id)
    terms = body.terms(scopes, caller.expires_at)
    key, secret = await api_keys.create_key(session, user_id_of(caller), terms, who)
    response.headers["Cache-Control"] = NO_STORE
    return CreatedKey(**dict(key_details(key)), secret=secret.text)


@router.post(
    "/keys/{key_id}/rotate",
    operation_id="rotateKey",
    summary="Change a key's secret",
    dependencies=[ADMINISTRATORS],
    responses=problems(ErrorCode.UNSUPPORTED_MEDIA_TYPE, ErrorCode.KEY_NOT_FOUND),
)
async def rotate_key(
    key_id: KeyId,
    caller: Identified,
    response: Response,
    session: WriteSession,
    who: Who,
    body: Rotation | None = None,
) -> CreatedKey:
    """Both secrets work for a while, so that programs can be told one after the other."""
    key = await _own_key(session, caller, key_id)
    api_keys.narrowed([Scope(scope) for scope in key.scopes], caller.scopes)
    secret = await api_keys.rotate_key(session, key, (body or Rotation()).overlap, who)
    response.headers["Cache-Control"] = NO_STORE
    return CreatedKey(**dict(key_details(key)), secret=secret.text)


@router.delete(
    "/keys/{key_id}",
    operation_id="revokeKey",
    summary="Revoke a key",
    status_code=204,
    response_description="It is good for nothing any more.",
    dependencies=[ADMINISTRATORS],
    responses=problems(ErrorCode.KEY_NOT_FOUND),
)
async def revoke_key(key_id: KeyId, caller: Identified, session: WriteSession, who: Who) -> None:
    """At once."""
    await api_keys.revoke_key(session, await _own_key(session, caller, key_id), who)


async def _own_key(session: WriteSession, caller: Caller, key_id: str) -> ApiKey:
    """Raises `Problem(KEY_NOT_FOUND)`, also where a key that leads into one project reaches for another's."""
    key = await api_keys.get_key(session, key_id, user_id_of(caller))
    if caller.project_id not in (None, key.project_id):
        raise Problem(ErrorCode.KEY_NOT_FOUND, key_id=key_id)
    return key


async def _check_project(session: WriteSession, caller: Caller, project_id: str | None) -> None:
    """Raises `Problem(PROJECT_NOT_FOUND)`, also where a key that leads into one project asks for more."""
    if project_id is None and caller.project_id is None:
        return
    if project_id is None or not await scopes_in(session, caller, project_id):
        raise Problem(ErrorCode.PROJECT_NOT_FOUND, field="project_id", project_id=project_id or "null")


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
