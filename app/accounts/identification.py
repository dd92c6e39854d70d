"""Who makes a request: by an access token, an API key, a signed link, or from where it comes.

As long as a server has no users and listens on loopback only, it is at home: whoever is on the machine owns
it. A web page on another site is not, though the browser that shows it is: hence `Host`, `Origin` and
`Sec-Fetch-Site`.
"""

import logging
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.security.utils import get_authorization_scheme_param
from sqlalchemy.exc import SQLAlchemyError

from app.accounts.keys import key_holder, note_use, use_is_worth_noting
from app.accounts.secrets import ACCESS, Secret
from app.accounts.service import has_users
from app.accounts.sign_ins import holder_of
from app.core.addresses import is_local, is_loopback
from app.core.caller import ALL_SCOPES, KEY_HEADER, SIGNATURE, Caller, CallerKind, Scope
from app.core.database import Database
from app.core.errors import ErrorCode, Problem
from app.core.settings import Settings

AT_HOME = Caller(CallerKind.HOME, "home", None, ALL_SCOPES, is_operator=True)

logger = logging.getLogger(__name__)

ByLink = Callable[[Request], Awaitable[Caller]]


class Identification:
    """Nobody is at home on a server that listens to others, or that others reach at a PUBLIC_URL: a proxy
    need not say that it is one."""

    def __init__(self, database: Database, settings: Settings, by_link: ByLink) -> None:
        self._database = database
        self._is_private = is_loopback(settings.host) and settings.public_url is None
        self._origins = settings.cors_origins
        self._by_link = by_link
        self._has_users = False

    async def __call__(self, request: Request) -> Caller:
        """Raises `Problem`: CREDENTIALS_MISSING, CREDENTIALS_INVALID, CREDENTIALS_EXPIRED, LINK_INVALID or
        SETUP_REQUIRED."""
        secret = _secret_of(request)
        if secret is not None:
            return await self._by_secret(secret)
        if SIGNATURE in request.query_params:
            return await self._by_link(request)
        if await self._is_public():
            raise Problem(ErrorCode.CREDENTIALS_MISSING)
        if not (self._is_private and is_from_here(request, self._origins)):
            raise Problem(ErrorCode.SETUP_REQUIRED)
        return AT_HOME

    async def _is_public(self) -> bool:
        """Once there are users, there always are."""
        if not self._has_users:
            async with self._database.read() as session:
                self._has_users = await has_users(session)
        return self._has_users

    async def _by_secret(self, secret: Secret) -> Caller:
        async with self._database.read() as session:
            if secret.text.startswith(ACCESS):
                sign_in, user = await holder_of(session, secret)
                return Caller(
                    CallerKind.SIGN_IN, sign_in.id, user.id, ALL_SCOPES, is_operator=user.is_operator
                )
            key, user = await key_holder(session, secret)
        if use_is_worth_noting(key):
            await self._note_use(key.id)
        scopes = frozenset(map(Scope, key.scopes))
        is_operator = user.is_operator and key.project_id is None
        return Caller(CallerKind.KEY, key.id, user.id, scopes, key.project_id, is_operator, key.expires_at)

    async def _note_use(self, key_id: str) -> None:
        """Nobody who reads is refused over it."""
        try:
            async with self._database.write() as session:
                await note_use(session, key_id)
        except (SQLAlchemyError, Problem) as error:
            logger.warning("the use of a key was not noted: %s", error)


def _secret_of(request: Request) -> Secret | None:
    """Raises `Problem(CREDENTIALS_INVALID)` for another scheme than Bearer."""
    key = request.headers.get(KEY_HEADER)
    if key is not None:
        return Secret(key)
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, token = get_authorization_scheme_param(header)
    if scheme.lower() != "bearer" or not token:
        raise Problem(ErrorCode.CREDENTIALS_INVALID)
    return Secret(token)


def is_from_here(request: Request, origins: tuple[str, ...]) -> bool:
    """Whether somebody on this machine asks, and no web page of another site in their name."""
    if not is_local(request.scope):
        return False
    if request.headers.get("origin") in origins:
        return True
    return request.headers.get("sec-fetch-site") != "cross-site" and is_own_origin(request, origins)


def is_own_origin(request: Request, origins: tuple[str, ...]) -> bool:
    """Whether a browser sends it from our own pages or those of a front end we know; programs do not say."""
    origin = request.headers.get("origin")
    return origin is None or origin in origins or urlsplit(origin).netloc == request.headers.get("host")
