"""AccountService: users, for themselves and for the operator."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.keys import revoke_keys
from app.accounts.models import User
from app.accounts.passwords import Passwords
from app.accounts.secrets import Secret
from app.accounts.sign_ins import Tokens, begin, end_all, find_user, go_on
from app.audit.log import Witness, note, was_noted
from app.audit.models import Action
from app.core.addresses import network_of
from app.core.caller import Caller
from app.core.database import Database, take_turn, utc_now
from app.core.errors import ErrorCode, Problem
from app.core.identifiers import new_id
from app.core.settings import Settings
from app.projects.service import create_project, give_home

FIRST_PROJECT = "My videos"
ONE_REFUSAL = timedelta(hours=1)

logger = logging.getLogger(__name__)


async def has_users(session: AsyncSession) -> bool:
    return await session.scalar(select(User.id).limit(1)) is not None


def user_id_of(caller: Caller) -> str:
    """Raises `Problem(SETUP_REQUIRED)` at home, where nobody is a user."""
    if caller.user_id is None:
        raise Problem(ErrorCode.SETUP_REQUIRED)
    return caller.user_id


async def get_user(session: AsyncSession, user_id: str) -> User:
    """Raises `Problem(USER_NOT_FOUND)`."""
    user = await session.get(User, user_id)
    if user is None:
        raise Problem(ErrorCode.USER_NOT_FOUND, user=user_id)
    return user


async def user_by_email(session: AsyncSession, email: str) -> User:
    """Raises `Problem(USER_NOT_FOUND)`."""
    user = await find_user(session, email)
    if user is None:
        raise Problem(ErrorCode.USER_NOT_FOUND, field="email", user=email)
    return user


async def all_users(session: AsyncSession) -> Sequence[User]:
    return (await session.scalars(select(User).order_by(User.id))).all()


class AccountService:
    """Makes users, signs them in and changes what they sign in with. No transaction is open while a password
    is looked at."""

    def __init__(self, database: Database, passwords: Passwords, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._passwords = passwords

    async def sign_in(self, email: str, password: str, who: Witness) -> Tokens:
        """Raises `Problem(SIGN_IN_FAILED)`, which is written down: in the audit log where somebody's account
        was meant, or else in the server's, which forgets."""
        async with self._database.read() as session:
            user = await find_user(session, email)
        verdict = await self._passwords.verify(password, user.password if user else None)
        async with self._database.write() as session:
            if user is not None and verdict.right and user.disabled_at is None:
                if verdict.renewed is not None:
                    (await get_user(session, user.id)).password = verdict.renewed
                return await begin(session, user, who)
            if user is not None:
                await _note_refusal(session, Witness(None, user.id, who.address), user)
        logger.warning("a sign-in from %s was refused", who.address)
        raise Problem(ErrorCode.SIGN_IN_FAILED)

    async def go_on(self, refresh: Secret, who: Witness) -> Tokens:
        """New tokens for a sign-in. Raises `Problem(SIGN_IN_FAILED)`."""
        async with self._database.write() as session:
            tokens = await go_on(session, refresh, who)
        if tokens is None:
            raise Problem(ErrorCode.SIGN_IN_FAILED)
        return tokens

    async def confirm(self, user: User, password: str, who: Witness) -> None:
        """For what a stolen access token must not do. Raises `Problem(SIGN_IN_FAILED)`, which is written
        down."""
        if (await self._passwords.verify(password, user.password)).right:
            return
        async with self._database.write() as session:
            await _note_refusal(session, who, user)
        raise Problem(ErrorCode.SIGN_IN_FAILED)

    async def hash(self, password: SecretStr) -> str:
        """For `set_password`: no transaction is to be open meanwhile."""
        return await self._passwords.hash(password.get_secret_value())

    async def create(
        self, session: AsyncSession, email: str, password: str, who: Witness, *, is_operator: bool = False
    ) -> User:
        """With a project of their own. The first user of a server is an operator, and what was made
        before is theirs. Raises `Problem(EMAIL_TAKEN)`."""
        hashed = await self._passwords.hash(password)
        await take_turn(session, "users")
        is_first = not await has_users(session)
        user = User(
            id=new_id("usr"), email=email.lower(), password=hashed, is_operator=is_operator or is_first
        )
        session.add(user)
        try:
            await session.flush()
        except IntegrityError as error:
            raise Problem(ErrorCode.EMAIL_TAKEN, field="email") from error
        note(session, who, Action.USER_CREATED, user.id)
        if is_first:
            await give_home(session, user.id)
        else:
            await create_project(session, FIRST_PROJECT, user.id, who, self._settings)
        return user

    async def set_password(self, session: AsyncSession, user: User, hashed: str, who: Witness) -> None:
        """Every sign-in ends; keys stay."""
        user.password = hashed
        await end_all(session, user.id)
        note(session, who, Action.PASSWORD_CHANGED, user.id)

    async def disable(self, session: AsyncSession, user: User, who: Witness) -> None:
        """Their sign-ins and keys end at once; their videos stay. Raises `Problem(LAST_OPERATOR)`."""
        await check_operated(session, user)
        user.disabled_at = utc_now()
        await end_all(session, user.id)
        await revoke_keys(session, user.id, who)
        note(session, who, Action.USER_DISABLED, user.id)

    async def enable(self, session: AsyncSession, user: User, who: Witness) -> None:
        user.disabled_at = None
        note(session, who, Action.USER_ENABLED, user.id)


async def _note_refusal(session: AsyncSession, who: Witness, user: User) -> None:
    """Once in an hour for a network: whoever guesses is not to fill a log that is kept for ever."""
    since = utc_now() - ONE_REFUSAL
    from_there = replace(who, address=network_of(who.address))
    if not await was_noted(session, from_there, Action.SIGN_IN_REFUSED, user.id, since):
        note(session, from_there, Action.SIGN_IN_REFUSED, user.id)


async def check_operated(session: AsyncSession, leaving: User) -> None:
    """A server that has users needs one who looks after it. Raises `Problem(LAST_OPERATOR)`."""
    await take_turn(session, "users")
    others = select(func.count()).where(User.is_operator, User.disabled_at.is_(None), User.id != leaving.id)
    if leaving.is_operator and not await session.scalar(others):
        raise Problem(ErrorCode.LAST_OPERATOR)
