"""The database: one engine, short transactions, the schema by Alembic."""

import asyncio
import enum
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol

from fastapi import Depends, Request
from sqlalchemy import DateTime, Enum, MetaData, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Dialect, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from app.core.concurrency import seen_through
from app.core.errors import ErrorCode, InvalidSettings, Problem
from app.core.sealed_columns import TextCipher, seal_rows, use_cipher

MIGRATIONS = Path(__file__).parents[2] / "alembic"
BUSY_TIMEOUT_MS = 10_000
# What people wrote has no place in the text of an error, which is logged.
QUIET = {"hide_parameters": True}
ONE_WRITER = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 60}
MIGRATION_LOCK = 1
POSTGRES_DISK_FULL = "53100"
COMPANION = "companion"


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on every database; SQLite would drop the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class DatabaseTime(FunctionElement[datetime]):
    """The present by the database's clock, which all processes share."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(DatabaseTime, "postgresql")
def _postgres_time(element: DatabaseTime, compiler: SQLCompiler, **options: Any) -> str:
    return "clock_timestamp()"


@compiles(DatabaseTime, "sqlite")
def _sqlite_time(element: DatabaseTime, compiler: SQLCompiler, **options: Any) -> str:
    return "strftime('%Y-%m-%d %H:%M:%f', 'now')"


async def database_time(session: AsyncSession) -> datetime:
    """The present by the database's clock."""
    return (await session.execute(select(DatabaseTime()))).scalar_one()


def _values(kind: type[enum.Enum]) -> list[str]:
    return [str(member.value) for member in kind]


class Base(DeclarativeBase):
    """What every table derives from; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        enum.Enum: Enum(enum.Enum, native_enum=False, length=32, values_callable=_values),
    }


def utc_now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)


class Database:
    """Hands out transactions.

    Writers on SQLite take the write lock at their start (`BEGIN IMMEDIATE`): a transaction that reads
    first and writes later would fail at once where it could have waited. They share one connection, so
    that they are served in their order: left to SQLite, some would wait until they gave up.

    What users wrote rests sealed by the `cipher`, if there is one.
    """

    def __init__(self, url: str, cipher: TextCipher | None = None) -> None:
        self.url = make_url(url)
        if self.url.get_backend_name() == "sqlite":
            self.engine = _sqlite_writer(self.url)
            self._reader = _sqlite_reader(self.url)
        else:
            self.engine = self._reader = create_async_engine(
                self.url, pool_pre_ping=True, hide_parameters=True
            )
        for engine in (self.engine, self._reader):
            use_cipher(engine.dialect, cipher)
        self._reads = async_sessionmaker(self._reader, expire_on_commit=False)
        self._writes = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A short transaction that only reads."""
        async with self._reads() as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A short transaction, committed at the end unless an error left the block. A cancellation comes
        before the commit or after all that follows it.

        Raises `Problem(STORAGE_FULL)`.
        """
        try:
            async with self._writes() as session:
                yield session
                await seen_through(_commit(session))
        except OperationalError as error:
            if _is_full(error):
                raise Problem(ErrorCode.STORAGE_FULL) from error
            raise

    async def migrate(self) -> None:
        """Bring the schema to the newest revision. Raises `InvalidSettings` if there is no connection."""
        try:
            await asyncio.to_thread(_check_opens, self.url)
            async with self.engine.begin() as connection:
                await connection.run_sync(_upgrade)
        except sqlite3.OperationalError as error:
            raise InvalidSettings(f"DATABASE_URL: {error}") from error
        except OperationalError as error:
            reason = str(error.orig).partition("\n")[0]
            raise InvalidSettings(f"DATABASE_URL: {reason}") from error

    async def seal(self) -> int:
        """The texts of rows that were written before there was a cipher. Returns how many rows."""
        async with self.engine.begin() as connection:
            return sum([await connection.run_sync(seal_rows, table) for table in Base.metadata.sorted_tables])

    async def close(self) -> None:
        await self._reader.dispose()
        await self.engine.dispose()


def _check_opens(url: URL) -> None:
    """Told here: the driver's own thread outlives a failure and complains when the event loop is gone."""
    if url.get_backend_name() == "sqlite" and url.database:
        with closing(sqlite3.connect(url.database)) as connection:
            connection.execute("PRAGMA user_version")


def before_commit(session: AsyncSession, callback: Callable[[], Awaitable[object]]) -> None:
    """Run `callback` as the last thing in the transaction, once all that was changed in it has been written.

    Callbacks run in the order they were given; one that fails takes the transaction back.
    """
    session.info.setdefault("before_commit", []).append(callback)


def after_commit(session: AsyncSession, callback: Callable[[], Awaitable[object]]) -> None:
    """Run `callback` once the transaction is committed, and never if it is rolled back.

    Callbacks run in the order they were given; one that fails does not keep the others from running.
    """
    session.info.setdefault("after_commit", []).append(callback)


async def take_turn(session: AsyncSession, name: str) -> None:
    """Until the transaction ends, no other has a turn of this name: what is read after it stays true.

    Taken before any row is locked, so that two can never wait for each other. On SQLite all that is
    written is written in turn.
    """
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def insert_into(session: AsyncSession, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say what to do if the row is there already."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


async def _commit(session: AsyncSession) -> None:
    await session.flush()
    for prepare in session.info.pop("before_commit", ()):
        await prepare()
    await session.commit()
    async with AsyncExitStack() as stack:
        for callback in reversed(session.info.pop("after_commit", ())):  # a stack unwinds from its end
            stack.push_async_callback(callback)


class Companion(Protocol):
    """Goes with the transactions of one request."""

    about: str | None

    async def join(self, session: AsyncSession) -> None:
        """The last thing in the transaction. An error takes it back."""
        ...


def concerns(request: Request, about: str | None) -> None:
    """Told by whoever knows it: the id of the video, project or user that the request is about. What is kept
    of the request goes with that."""
    companion: Companion | None = request.scope.get(COMPANION)
    if companion is not None:
        companion.about = about


@asynccontextmanager
async def request_transaction(request: Request) -> AsyncIterator[AsyncSession]:
    """A short transaction on behalf of a request, joined by what its scope names as `COMPANION`."""
    companion: Companion | None = request.scope.get(COMPANION)
    async with _database_of(request).write() as session:
        if companion is not None:
            before_commit(session, partial(companion.join, session))
        yield session


async def _read_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with _database_of(request).read() as session:
        yield session


async def _write_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with request_transaction(request) as session:
        yield session


def _database_of(request: Request) -> Database:
    database: Database = request.app.state.resources.get(Database)
    return database


ReadSession = Annotated[AsyncSession, Depends(_read_session, scope="function")]
WriteSession = Annotated[AsyncSession, Depends(_write_session, scope="function")]


def _is_full(error: OperationalError) -> bool:
    sqlite_code = getattr(error.orig, "sqlite_errorcode", None)
    return sqlite_code == sqlite3.SQLITE_FULL or getattr(error.orig, "sqlstate", None) == POSTGRES_DISK_FULL


def _sqlite_writer(url: URL) -> AsyncEngine:
    engine = create_async_engine(url, **QUIET, **ONE_WRITER)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(
        engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE")
    )
    return engine


def _sqlite_reader(url: URL) -> AsyncEngine:
    """Each call to the driver waits for its thread: where reads are many and short, there are no more of them
    than there must be."""
    engine = create_async_engine(url, pool_reset_on_return=None, **QUIET)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_reading)
    event.listen(engine.sync_engine, "reset", _end_forgotten)
    return engine


def _begin_reading(connection: Connection) -> None:
    driver: Any = connection.connection.dbapi_connection
    try:
        driver.run_async(_begin)
    except asyncio.CancelledError:  # the driver's thread may still begin
        connection.invalidate()
        raise


async def _begin(driver: Any) -> None:
    await driver.execute_fetchall("BEGIN")


def _end_forgotten(connection: Any, record: object, state: object) -> None:
    """Before the connection is lent again: sessions have ended their transactions themselves."""
    if connection.driver_connection.in_transaction:
        connection.rollback()


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy begins; the driver must not
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # what is committed outlasts a loss of power
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _upgrade(connection: Connection) -> None:
    from alembic.config import Config

    from alembic import command

    if connection.dialect.name == "postgresql":  # processes that start at once migrate one after the other
        connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
