"""Passwords: argon2id."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError

from app.core.errors import ErrorCode, Problem

AT_ONCE = 2
MOST_WAITING = 50


@dataclass(frozen=True, slots=True)
class Verdict:
    """`renewed` is a hash to keep in place of one that was made with weaker parameters."""

    right: bool
    renewed: str | None = None


class Passwords:
    """Hashing takes 64 MiB and a core for some hundredths of a second: in threads, few at once, and no more
    than `most_waiting` in line. Whoever comes then is refused: `Problem(SIGN_IN_BUSY)`."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._waiting = 0
        self._hasher = PasswordHash.recommended()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        async with self._turn():
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, password: str, hashed: str | None) -> Verdict:
        """Takes as long for nobody (`hashed` None) as for a user, or it would tell who has an account."""
        if hashed is None:
            self._nobodys = self._nobodys or await self.hash("nobody's")
        async with self._turn():
            return await asyncio.to_thread(self._verdict, password, hashed)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= self._most_waiting:
            raise Problem(ErrorCode.SIGN_IN_BUSY)
        self._waiting += 1
        try:
            async with self._turns:
                yield
        finally:
            self._waiting -= 1

    def _verdict(self, password: str, hashed: str | None) -> Verdict:
        try:
            right, renewed = self._hasher.verify_and_update(password, hashed or self._nobodys or "")
        except UnknownHashError:
            return Verdict(False)
        return Verdict(right and hashed is not None, renewed)
