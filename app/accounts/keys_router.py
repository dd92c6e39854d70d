"""API keys over HTTP."""

from fastapi import APIRouter, Response

from app.accounts import keys as api_keys
from app.accounts.models import ApiKey
from app.accounts.schemas import CreatedKey, KeyId, KeyList, NewKey, Rotation, key_details
from app.accounts.service import user_id_of
from app.audit.log import Who
from app.core.caller import Caller, Identified, Scope
from app.core.database import ReadSession, WriteSession, take_turn
from app.core.errors import ErrorCode, Problem
from app.core.openapi import created, problems
from app.idempotency.claim import NO_STORE, RepeatableRoute
from app.projects.access import ADMINISTRATORS, scopes_in

router = APIRouter(prefix="/api/keys", tags=["accounts"], route_class=RepeatableRoute)


@router.get(
    "",
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
    "",
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
    "/{key_id}/rotate",
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
    "/{key_id}",
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
    if project_id is not None:
        await take_turn(session, project_id)
    if project_id is None or not await scopes_in(session, caller, project_id):
        raise Problem(ErrorCode.PROJECT_NOT_FOUND, field="project_id", project_id=project_id or "null")
