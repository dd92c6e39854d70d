"""Columns whose text rests sealed: types for models, and what changes rows from before.

Which cipher seals is the database's: it goes with the dialect of its engines. Without one, texts rest as they
are.
"""

import json
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    select,
    tuple_,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from app.core.errors import ErrorCode, Problem

ATTRIBUTE = "text_cipher"
ROWS_AT_ONCE = 500
# Unicode's own character for what could not be read.
UNREADABLE = "\N{REPLACEMENT CHARACTER}"

logger = logging.getLogger(__name__)


class TextCipher(Protocol):
    """Seals texts for a purpose: their column, as `table.column`. What was sealed for one opens for no
    other."""

    def seal(self, purpose: str, plain: bytes) -> str: ...

    def open(self, purpose: str, sealed: str) -> bytes:
        """Raises `Problem(CONTENT_DAMAGED)` if that is not what was sealed."""
        ...

    def is_sealed(self, text: str) -> bool:
        """By its looks."""
        ...


def use_cipher(dialect: Dialect, cipher: TextCipher | None) -> None:
    """For all that goes through an engine of this dialect."""
    setattr(dialect, ATTRIBUTE, cipher)


def cipher_of(dialect: Dialect) -> TextCipher | None:
    cipher: TextCipher | None = getattr(dialect, ATTRIBUTE, None)
    return cipher


class SealedText(TypeDecorator[str]):
    """Text; `purpose` names the column."""

    impl = String
    cache_ok = True

    def __init__(self, purpose: str) -> None:
        super().__init__()
        self.purpose = purpose

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        cipher = cipher_of(dialect)
        return value if value is None or cipher is None else cipher.seal(self.purpose, value.encode())

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        cipher = cipher_of(dialect)
        return value if value is None or cipher is None else cipher.open(self.purpose, value).decode()


class SealedLongText(SealedText):
    """The same, in a column that was made for long texts."""

    impl = Text
    cache_ok = True


class SealedLabel(SealedText):
    """Text that people know something by: where it is damaged it reads `UNREADABLE`, so that the rest of the
    row, and a list that it is in, can still be shown, and the row deleted."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        try:
            return super().process_result_value(value, dialect)
        except Problem as problem:
            if problem.code is not ErrorCode.CONTENT_DAMAGED:
                raise
            logger.warning("a text of %s is damaged", self.purpose)
            return UNREADABLE


class SealedJson(TypeDecorator[Any]):
    """What JSON can say; sealed it is a JSON string. Null is not sealed."""

    impl = JSON
    cache_ok = True

    def __init__(self, purpose: str) -> None:
        super().__init__()
        self.purpose = purpose

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """What was changed need not be JSON any more where the database does not see to that."""
        process = super().result_processor(dialect, coltype)
        return process and partial(self._read, process)

    def _read(self, process: Callable[[Any], Any], value: Any) -> Any:
        try:
            return process(value)
        except json.JSONDecodeError as error:
            raise Problem(ErrorCode.CONTENT_DAMAGED, name=self.purpose) from error

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        cipher = cipher_of(dialect)
        if value is None or cipher is None:
            return value
        text = json.dumps(value, ensure_ascii=False)
        return cipher.seal(self.purpose, text.encode(errors="surrogatepass"))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        cipher = cipher_of(dialect)
        if value is None or cipher is None:
            return value
        return json.loads(cipher.open(self.purpose, value if isinstance(value, str) else ""))


class SealedBytes(TypeDecorator[bytes]):
    """Bytes."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, purpose: str) -> None:
        super().__init__()
        self.purpose = purpose

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        cipher = cipher_of(dialect)
        return value if value is None or cipher is None else cipher.seal(self.purpose, value).encode()

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        cipher = cipher_of(dialect)
        if value is None or cipher is None:
            return value
        return cipher.open(self.purpose, value.decode("ascii", "replace"))


Sealed = SealedText | SealedJson | SealedBytes


def sealed_columns(table: Table) -> dict[str, Sealed]:
    """The types of those of its columns that rest sealed, by their names."""
    return {column.name: column.type for column in table.columns if isinstance(column.type, Sealed)}


def seal_rows(connection: Connection, table: Table) -> int:
    """Seals what is not, in rows from before; does nothing without a cipher. Returns how many rows were
    changed. May be interrupted, and begun again."""
    cipher = cipher_of(connection.dialect)
    columns = sealed_columns(table)
    if cipher is None or not columns:
        return 0
    if connection.dialect.name == "sqlite":  # what was readable is not to be found in unused pages
        connection.exec_driver_sql("PRAGMA secure_delete = ON")

    def changed(name: str, value: Any) -> Any:
        text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
        if value is None or (isinstance(text, str) and cipher.is_sealed(text)):
            return value
        return columns[name].process_bind_param(value, connection.dialect)

    return _rewrite(connection, table, columns, changed)


def open_rows(connection: Connection, table: Table) -> int:
    """The opposite, for rows that are all sealed."""
    columns = sealed_columns(table)

    def changed(name: str, value: Any) -> Any:
        return columns[name].process_result_value(value, connection.dialect)

    return _rewrite(connection, table, columns, changed)


def _rewrite(
    connection: Connection, table: Table, columns: Mapping[str, Sealed], changed: Callable[[str, Any], Any]
) -> int:
    """Each row with its columns as they rest, `changed`."""
    keys = [column.name for column in table.primary_key]
    resting = Table(
        table.name,
        MetaData(),
        *(Column(name, table.c[name].type) for name in keys),
        *(Column(name, kind.impl_instance) for name, kind in columns.items()),
    )
    by_key = [resting.c[name] for name in keys]
    statement = resting.update().where(*(resting.c[name] == bindparam(f"key_{name}") for name in keys))
    statement = statement.values({name: bindparam(f"new_{name}") for name in columns})
    count = 0
    all_keys = [tuple(row) for row in connection.execute(select(*by_key))]
    for at in range(0, len(all_keys), ROWS_AT_ONCE):
        some = tuple_(*by_key).in_(all_keys[at : at + ROWS_AT_ONCE])
        new = []
        for row in connection.execute(select(resting).where(some)).mappings().all():
            values = {name: changed(name, row[name]) for name in columns}
            if any(values[name] != row[name] for name in columns):
                new.append(
                    {f"key_{name}": row[name] for name in keys}
                    | {f"new_{name}": value for name, value in values.items()}
                )
        if new:
            connection.execute(statement, new)
        count += len(new)
    return count
