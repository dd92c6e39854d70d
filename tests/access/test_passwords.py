"""Passwords are hashed by argon2id, few at once, and whoever cannot be looked at soon is told so."""

import asyncio

from app.accounts.passwords import Passwords
from app.core.errors import ErrorCode, Problem


async def test_right_and_wrong() -> None:
    passwords = Passwords()
    hashed = await passwords.hash("correct horse battery")
    assert hashed.startswith("$argon2id$")
    assert (await passwords.verify("correct horse battery", hashed)).right
    assert not (await passwords.verify("correct horse", hashed)).right
    assert not (await passwords.verify("nobody's", None)).right
    assert not (await passwords.verify("x", "no hash")).right


async def test_too_many_at_once_are_refused() -> None:
    passwords = Passwords(most_waiting=3)
    made = await asyncio.gather(*(passwords.hash("x") for _ in range(6)), return_exceptions=True)
    refused = [each for each in made if isinstance(each, Problem)]
    assert [problem.code for problem in refused] == [ErrorCode.SIGN_IN_BUSY] * 3
    assert isinstance(await passwords.hash("x"), str)


async def test_a_hash_has_salt() -> None:
    passwords = Passwords()
    assert await passwords.hash("x") != await passwords.hash("x")
