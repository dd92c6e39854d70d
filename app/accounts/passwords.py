"""Passwords: argon2id."""

import asyncio
from dataclasses import dataclass

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError

AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """`renewed` is a hash to keep in place of one that was made with weaker parameters."""

    right: bool
    renewed: str | None = None


class Passwords:
    """Hashing takes 64 MiB and a core for some hundredths of a second: in threads, and few at once."""

    def __init__(self) -> None:
        self._hasher = PasswordHash.recommended()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, password: str, hashed: str | None) -> Verdict:
        """Takes as long for nobody (`hashed` None) as for a user, or it would tell who has an account."""
        if hashed is None:
            self._nobodys = self._nobodys or await self.hash("nobody's")
        async with self._turns:
            return await asyncio.to_thread(self._verdict, password, hashed)

    def _verdict(self, password: str, hashed: str | None) -> Verdict:
        try:
            right, renewed = self._hasher.verify_and_update(password, hashed or self._nobodys or "")
        except UnknownHashError:
            return Verdict(False)
        return Verdict(right and hashed is not None, renewed)
