"""Databases of their own for tests, on the PostgreSQL server that TEST_DATABASE_URL names."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from app.core.database import Database

VARIABLE = "TEST_DATABASE_URL"


class Postgres:
    """Gives out databases, copied from one that was migrated from nothing; all of them go at the end."""

    def __init__(self, url: str) -> None:
        self._server = make_url(url)
        self._template = f"test_{uuid4().hex}"
        self._names = [self._template]

    def new(self) -> str:
        """The URL of a migrated database that nobody else uses."""
        name = f"test_{uuid4().hex}"
        self._run(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(self._template)
            )
        )
        self._names.append(name)
        return _text(self._server.set(database=name))

    def empty(self) -> str:
        """The URL of one in which nothing is yet."""
        name = f"test_{uuid4().hex}"
        self._run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        self._names.append(name)
        return _text(self._server.set(database=name))

    def __enter__(self) -> Self:
        self._run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._template)))
        with ThreadPoolExecutor(1) as beside:  # the tests' own event loop may be running here
            beside.submit(asyncio.run, _migrate(_text(self._server.set(database=self._template)))).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in self._names:
            self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(_text(self._server, "postgresql"), autocommit=True) as connection:
            connection.execute(statement)


def _text(url: URL, driver: str = "postgresql+psycopg") -> str:
    return url.set(drivername=driver).render_as_string(hide_password=False)


async def _migrate(url: str) -> None:
    database = Database(url)
    await database.migrate()
    await database.close()
