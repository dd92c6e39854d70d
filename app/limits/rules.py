"""Which requests count against which limit."""

from collections.abc import Callable, Iterator

from starlette.types import Scope

from app.core.addresses import client_network, is_local
from app.core.settings import OFF, Settings
from app.limits.rates import Rule

Who = Callable[[Scope], str | None]

UPLOAD = ("POST", "/api/videos/upload")
# Whatever tells whether a password or a token is right.
SIGN_IN = (
    ("POST", "/api/auth/sign-in"),
    ("POST", "/api/auth/refresh"),
    ("PUT", "/api/account/password"),
    ("DELETE", "/api/account"),
)
# Whoever asks these asks every few seconds, and has to get an answer.
PROBES = ("/healthz", "/readyz")


def address_rules(settings: Settings) -> tuple[Rule, ...]:
    """By where requests come from: for whoever is not known yet."""

    def address(scope: Scope) -> str | None:
        return client_network(scope) if _counts(scope, settings) else None

    def signing_in(scope: Scope) -> str | None:
        return address(scope) if (scope["method"], scope["path"]) in SIGN_IN else None

    chosen = (
        ("address", settings.rate_limit_address, address),
        ("sign-in", settings.rate_limit_sign_in, signing_in),
    )
    return tuple(_rules(chosen))


def caller_rules(settings: Settings, who: Who) -> tuple[Rule, ...]:
    """By the credential that `who` finds in a request that has one."""

    def caller(scope: Scope) -> str | None:
        return who(scope) if _counts(scope, settings) else None

    def uploading(scope: Scope) -> str | None:
        if (scope["method"], scope["path"]) != UPLOAD or not _counts(scope, settings):
            return None
        return who(scope) or client_network(scope)

    chosen = (
        ("caller", settings.rate_limit, caller),
        ("upload", settings.rate_limit_upload, uploading),
    )
    return tuple(_rules(chosen))


def _counts(scope: Scope, settings: Settings) -> bool:
    """Who sits at this machine needs no limit. With a PUBLIC_URL everybody may come through a proxy that
    does not say so."""
    if scope["path"] in PROBES:
        return False
    return settings.public_url is not None or not is_local(scope)


def _rules(chosen: tuple[tuple[str, str, Who], ...]) -> Iterator[Rule]:
    from limits import parse

    for name, quota, key_of in chosen:
        if quota != OFF:
            yield Rule(name, parse(quota), key_of)
