"""The audit log is written in the transaction of what it tells of, and stays as it was written."""

import pytest
from sqlalchemy import delete, select, true, update
from sqlalchemy.exc import DBAPIError

from app.audit.log import CONSOLE, entries, note
from app.audit.models import Action, AuditEntry
from app.core.database import Database
from app.core.paging import PageRequest


async def written(database: Database) -> list[Action]:
    async with database.read() as session:
        return [entry.action for entry in (await entries(session, true(), PageRequest(100, None))).rows]


@pytest.fixture
async def log(database: Database) -> Database:
    """A database with one entry."""
    async with database.write() as session:
        note(session, CONSOLE, Action.KEY_CREATED, "key_1", scopes="admin")
    return database


@pytest.mark.parametrize(
    "change", [update(AuditEntry).values(actor="somebody else"), delete(AuditEntry)], ids=["update", "delete"]
)
async def test_nothing_is_changed_or_deleted(log: Database, change: object) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        async with log.write() as session:
            await session.execute(change)  # type: ignore[call-overload]
    async with log.read() as session:
        entry = (await session.scalars(select(AuditEntry))).one()
    assert (entry.actor, entry.target, entry.details) == ("console", "key_1", {"scopes": "admin"})


async def test_what_was_taken_back_was_not_done(log: Database) -> None:
    with pytest.raises(RuntimeError):
        async with log.write() as session:
            note(session, CONSOLE, Action.KEY_REVOKED, "key_1")
            await session.flush()
            raise RuntimeError
    assert await written(log) == [Action.KEY_CREATED]
