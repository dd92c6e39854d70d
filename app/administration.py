"""What an operator does at the console: users and API keys, also while the server runs."""

import asyncio
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable
from datetime import timedelta
from getpass import getpass

from pydantic import EmailStr, SecretStr, TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.keys import KeyTerms, create_key, get_key, keys_of, revoke_key
from app.accounts.models import ApiKey, User
from app.accounts.passwords import Passwords
from app.accounts.schemas import SHORTEST_PASSWORD
from app.accounts.service import AccountService, all_users, user_by_email
from app.audit.log import CONSOLE
from app.core.caller import ALL_SCOPES, Scope
from app.core.database import Database, utc_now
from app.core.errors import InvalidSettings, Problem
from app.core.locales import catalogue
from app.core.settings import Settings
from app.storage.encryption.setup import Encryption

REFUSED = 1

Command = Callable[[AsyncSession, AccountService, Namespace], Awaitable[str]]


async def run_administration(settings: Settings, chosen: Namespace) -> int:
    """Prints what came of it; 1 if it was refused."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    encryption = Encryption(settings)
    database = Database(settings.database, encryption.texts)
    try:
        await encryption.start()
        await database.migrate()
        accounts = AccountService(database, Passwords(), settings)
        async with database.write() as session:
            told = await _COMMANDS[chosen.command, chosen.action](session, accounts, chosen)
        print(told)  # noqa: T201
    except Problem as problem:
        text = catalogue("en").error(problem.code, problem.details)
        print(f"{text.title}. {text.detail}", file=sys.stderr)  # noqa: T201
        return REFUSED
    finally:
        await database.close()
    return 0


async def _add_user(session: AsyncSession, accounts: AccountService, chosen: Namespace) -> str:
    try:
        email = TypeAdapter(EmailStr).validate_python(chosen.email)
    except ValidationError as error:
        raise InvalidSettings(f"{chosen.email!r} is no e-mail address") from error
    password = await asyncio.to_thread(_ask_password)
    user = await accounts.create(session, email, password, CONSOLE, is_operator=chosen.operator)
    return f"{_told(user)}\nThe server answers nobody without credentials now."


async def _list_users(session: AsyncSession, accounts: AccountService, chosen: Namespace) -> str:
    return "\n".join(map(_told, await all_users(session))) or "There are no users."


async def _set_password(session: AsyncSession, accounts: AccountService, chosen: Namespace) -> str:
    hashed = await accounts.hash(SecretStr(await asyncio.to_thread(_ask_password)))
    user = await user_by_email(session, chosen.email)
    await accounts.set_password(session, user, hashed, CONSOLE)
    return _told(user)


async def _disable(session: AsyncSession, accounts: AccountService, chosen: Namespace) -> str:
    user = await user_by_email(session, chosen.email)
    await accounts.disable(session, user, CONSOLE)
    return _told(user)


async def _enable(session: AsyncSession, accounts: AccountService, chosen: Namespace) -> str:
    user = await user_by_email(session, chosen.email)
    await accounts.enable(session, user, CONSOLE)
    return _told(user)


async def _add_key(session: AsyncSession, accounts: AccountService, chosen: Namespace) -> str:
    user = await user_by_email(session, chosen.email)
    scopes = frozenset(map(Scope, chosen.scope)) if chosen.scope else ALL_SCOPES - {Scope.ADMIN}
    until = None if chosen.days is None else utc_now() + timedelta(days=chosen.days)
    key, secret = await create_key(session, user.id, KeyTerms(chosen.name, scopes, None, until), CONSOLE)
    return f"{key.id} {key.name} ({' '.join(key.scopes)})\n{secret.text}"


async def _list_keys(session: AsyncSession, accounts: AccountService, chosen: Namespace) -> str:
    user = await user_by_email(session, chosen.email)
    return "\n".join(map(_told_key, await keys_of(session, user.id))) or "There are no keys."


async def _revoke_key(session: AsyncSession, accounts: AccountService, chosen: Namespace) -> str:
    key = await get_key(session, chosen.key_id)
    await revoke_key(session, key, CONSOLE)
    return f"{key.id} is good for nothing any more."


_COMMANDS: dict[tuple[str, str], Command] = {
    ("users", "add"): _add_user,
    ("users", "list"): _list_users,
    ("users", "password"): _set_password,
    ("users", "disable"): _disable,
    ("users", "enable"): _enable,
    ("keys", "add"): _add_key,
    ("keys", "list"): _list_keys,
    ("keys", "revoke"): _revoke_key,
}


def _ask_password() -> str:
    """Never an argument, which everybody on the machine can read; twice where nobody sees what they type.
    Raises `InvalidSettings`."""
    is_blind = sys.stdin.isatty()
    password = getpass("Password: ") if is_blind else sys.stdin.readline().rstrip("\n")
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidSettings(f"A password needs at least {SHORTEST_PASSWORD} characters.")
    if is_blind and getpass("The same again: ") != password:
        raise InvalidSettings("The two passwords differ.")
    return password


def _told(user: User) -> str:
    marks = [*(["operator"] if user.is_operator else []), *(["disabled"] if user.disabled_at else [])]
    return " ".join([user.id, user.email, *marks])


def _told_key(key: ApiKey) -> str:
    return f"{key.id} {key.prefix}… {key.name} ({' '.join(key.scopes)})"
