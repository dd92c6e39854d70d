"""Secrets that are shown once: 256 random bits, of which a hash is kept.

A plain SHA-256 is enough for them, unlike for passwords: nobody can guess them.
"""

import hashlib
import secrets
from dataclasses import dataclass

KEY = "vdk"
ACCESS = "vda"
REFRESH = "vdr"
SHOWN = 12


@dataclass(frozen=True, slots=True)
class Secret:
    """The `text` as its owner has it, and what is kept of it."""

    text: str

    @property
    def prefix(self) -> str:
        """What people may see of it."""
        return self.text[:SHOWN]

    @property
    def hashed(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def new_family() -> Secret:
    """What all refresh tokens of a sign-in begin with."""
    return new_secret(REFRESH)


def next_of(family: Secret) -> Secret:
    """Another refresh token of the family."""
    return Secret(f"{family.text}.{secrets.token_urlsafe(32)}")


def family_of(refresh: Secret) -> Secret:
    return Secret(refresh.text.partition(".")[0])


def new_secret(kind: str) -> Secret:
    """`kind` is KEY, ACCESS or REFRESH, which it begins with: a secret that leaked is recognised."""
    return Secret(f"{kind}_{secrets.token_urlsafe(32)}")
