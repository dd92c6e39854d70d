"""Who makes a request: by an access token, an API key, a signed link, or from where it comes.

As long as a server has no users and listens on loopback only, it is at home: whoever is on the machine owns
it. A web page on another site is not, though the browser that shows it is: hence `Host`, `Origin` and
`Sec-Fetch-Site`.
"""

import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.security.utils import get_authorization_scheme_param

from app.accounts.keys import key_holder, note_use, use_is_worth_noting
from app.accounts.secrets import ACCESS, Secret
from app.accounts.service import has_users
from app.accounts.sign_ins import holder_of
from app.core.caller import ALL_SCOPES, KEY_HEADER, Caller, CallerKind, Scope
from app.core.database import Database
from app.core.errors import ErrorCode, Problem

AT_HOME = Caller(CallerKind.HOME, "home", None, ALL_SCOPES, is_operator=True)
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
SIGNATURE = "signature"

ByLink = Callable[[Request], Awaitable[Caller]]


class Identification:
    """`host` is the address that the server listens on; `origins` are those of front ends elsewhere."""

    def __init__(self, database: Database, host: str, origins: tuple[str, ...], by_link: ByLink) -> None:
        self._database = database
        self._is_private = is_loopback(host)
        self._origins = origins
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
            async with self._database.write() as session:
                await note_use(session, key.id)
        scopes = frozenset(map(Scope, key.scopes))
        is_operator = user.is_operator and key.project_id is None
        return Caller(CallerKind.KEY, key.id, user.id, scopes, key.project_id, is_operator)


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


def is_from_here(request: Request, origins: tuple[str, ...] = ()) -> bool:
    """Whether somebody on this machine asks, and no web page of another site in their name."""
    client, server = request.client, request.scope.get("server")
    if client is None or server is None:
        return False
    headers = request.headers
    if not (is_loopback(client.host) and is_loopback(str(server[0])) and is_loopback(request.url.hostname)):
        return False
    if any(name in headers for name in FORWARDED):
        return False
    if headers.get("origin") in origins:
        return True
    return headers.get("sec-fetch-site") != "cross-site" and is_own_origin(request, origins)


def is_own_origin(request: Request, origins: tuple[str, ...]) -> bool:
    """Whether a browser sends it from our own pages or those of a front end we know; programs do not say."""
    origin = request.headers.get("origin")
    return origin is None or origin in origins or urlsplit(origin).netloc == request.headers.get("host")


def is_loopback(host: str | None) -> bool:
    if host is None:
        return False
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
