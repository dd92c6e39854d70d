"""What users wrote rests sealed in the database, each text in its own column."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select, text, update
from sqlalchemy.dialects import sqlite

import app.resources  # noqa: F401 - importing the models fills the metadata
from alembic import command
from app.core.database import MIGRATIONS, Base, Database
from app.core.errors import ErrorCode, Problem
from app.core.sealed_columns import (
    UNREADABLE,
    SealedLabel,
    open_rows,
    seal_rows,
    sealed_columns,
    use_cipher,
)
from app.jobs.models import Event, EventKind
from app.storage.encryption.texts import Texts
from app.subtitles.models import SubtitleSegment
from app.translation.models import Translation
from app.videos.models import Video, VideoStatus
from app.webhooks.models import Webhook
from tests.storage.places import FixedRoots, Place

SEALING = "0017"
LINE = "The line that nobody may read — 아무도 읽을 수 없는 줄."


@pytest.fixture
async def texts(tmp_path: Path) -> Texts:
    keyring = Place(tmp_path, None).keyring(FixedRoots())
    await keyring.load()
    return Texts(keyring)


@pytest.fixture
async def sealed(tmp_path: Path, texts: Texts) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'app.sqlite'}", texts)
    await database.migrate()
    yield database
    await database.close()


async def add_webhook(database: Database) -> None:
    hook = Webhook(
        id="whk_1",
        project_id="prj_1",
        url=LINE,
        secret="of the receiver",
        kinds=[],
        base_url="",
        locale="en",
        cursor=0,
    )
    async with database.write() as session:
        session.add(hook)


def files(folder: Path) -> Iterator[bytes]:
    return (path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_every_text_is_sealed_for_its_own_column() -> None:
    purposes = {
        f"{table.name}.{name}": kind.purpose
        for table in Base.metadata.tables.values()
        for name, kind in sealed_columns(table).items()
    }
    assert len(purposes) > 20
    assert all(column == purpose for column, purpose in purposes.items())


async def test_what_is_written_is_read_and_rests_unreadable(sealed: Database, tmp_path: Path) -> None:
    await add_webhook(sealed)
    async with sealed.read() as session:
        hook = (await session.scalars(select(Webhook))).one()
    assert (hook.url, hook.secret) == (LINE, "of the receiver")
    assert all(LINE.encode() not in content for content in files(tmp_path))
    assert all(b"of the receiver" not in content for content in files(tmp_path))


async def test_a_change_of_any_character_is_found(texts: Texts) -> None:
    sealed = texts.seal("videos.title", b"A title")
    assert texts.open("videos.title", sealed) == b"A title"
    for index, character in enumerate(sealed):
        other = "A" if character != "A" else "B"
        changed = f"{sealed[:index]}{other}{sealed[index + 1 :]}"
        with pytest.raises(Problem) as caught:
            texts.open("videos.title", changed)
        assert caught.value.code is ErrorCode.CONTENT_DAMAGED
    for cut in (sealed[:-4], sealed[:20], "", "A title"):
        with pytest.raises(Problem):
            texts.open("videos.title", cut)


@pytest.mark.parametrize("resting", ["'readable'", "secret", "''"])
async def test_what_was_put_in_its_place_is_not_given_out(resting: str, sealed: Database) -> None:
    """Be it readable, or what was sealed for another column."""
    await add_webhook(sealed)
    async with sealed.engine.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE webhooks SET url = {resting}")
    async with sealed.read() as session:
        with pytest.raises(Problem) as caught:
            (await session.scalars(select(Webhook))).one()
    assert caught.value.details == {"name": "webhooks.url"}


async def test_a_label_does_not_take_its_row_along(texts: Texts) -> None:
    dialect = sqlite.dialect()
    use_cipher(dialect, texts)
    label = SealedLabel("videos.title")
    resting = label.process_bind_param("A title", dialect)
    assert label.process_result_value(resting, dialect) == "A title"
    for changed in (f"{resting}A", "A title", texts.seal("videos.filename", b"A name")):
        assert label.process_result_value(changed, dialect) == UNREADABLE


async def test_what_is_no_json_any_more_is_damaged(sealed: Database) -> None:
    async with sealed.write() as session:
        session.add(Event(video_id="vid_1", task_id="task_1", kind=EventKind.QUEUED, task={"message": LINE}))
    async with sealed.engine.begin() as connection:
        await connection.execute(text("UPDATE events SET task = substr(task, 1, 40)"))
    async with sealed.read() as session:
        with pytest.raises(Problem) as refused:
            await session.scalar(select(Event.task))
    assert refused.value.code is ErrorCode.CONTENT_DAMAGED


async def test_a_damaged_title_of_a_translation_leaves_its_lines_to_be_read(sealed: Database) -> None:
    """And what is named after it: the dub in that language."""
    video = Video(
        id="vid_1",
        filename="a.mp4",
        title="A title",
        duration=1.0,
        resolution="16x16",
        file_size=1,
        format="mp4",
        source_language="en",
        status=VideoStatus.UPLOADED,
        media={},
    )
    async with sealed.write() as session:
        session.add(video)
        await session.flush()
        session.add(Translation(video_id="vid_1", target_language="ko", source_language="en", title="제목"))
    async with sealed.engine.begin() as connection:
        await connection.execute(text("UPDATE translations SET title = substr(title, 1, 40)"))
    async with sealed.read() as session:
        track = await session.get_one(Translation, ("vid_1", "ko"))
        assert (track.title, track.source_language) == (UNREADABLE, "en")


async def test_a_changed_text_is_written_anew(sealed: Database) -> None:
    await add_webhook(sealed)
    async with sealed.write() as session:
        await session.execute(update(Webhook).values(url="https://other.example"))
    async with sealed.read() as session:
        assert await session.scalar(select(Webhook.url)) == "https://other.example"


async def test_rows_from_before_are_sealed_by_the_migration(tmp_path: Path, texts: Texts) -> None:
    path = tmp_path / "old.sqlite"
    database = Database(f"sqlite+aiosqlite:///{path}", texts)
    async with database.engine.begin() as connection:
        await connection.run_sync(_upgrade_to_before)
    with closing(sqlite3.connect(path)) as rows, rows:
        add = "INSERT INTO subtitle_segments (video_id, id, start_time, end_time, text, speaker, words)"
        many = [(f"vid_{number}", number % 7, 0.0, 1.0, LINE, None, "[]") for number in range(1203)]
        rows.executemany(f"{add} VALUES (?, ?, ?, ?, ?, ?, ?)", many)
        add = "INSERT INTO events (task_id, video_id, kind, task, created_at)"
        rows.execute(f"{add} VALUES ('t', 'v', 'task.queued', ?, '2026-11-28 00:00:00')", [f'["{LINE}"]'])
    await database.migrate()
    async with database.read() as session:
        assert set(await session.scalars(select(SubtitleSegment.text))) == {LINE}
        assert set(await session.scalars(select(SubtitleSegment.speaker))) == {None}
        assert await session.scalar(select(Event.task)) == [LINE]
    await database.close()
    assert LINE.encode() not in path.read_bytes()


async def test_sealing_rows_can_be_done_again_and_undone(sealed: Database) -> None:
    table = Base.metadata.tables["webhooks"]
    await add_webhook(sealed)
    async with sealed.engine.begin() as connection:
        assert await connection.run_sync(seal_rows, table) == 0
        assert await connection.run_sync(open_rows, table) == 1
        found = await connection.exec_driver_sql("SELECT url FROM webhooks")
        assert found.scalar_one() == LINE
        assert await connection.run_sync(seal_rows, table) == 1
    async with sealed.read() as session:
        assert await session.scalar(select(Webhook.url)) == LINE


async def test_without_keys_texts_rest_as_they_are(database: Database) -> None:
    await add_webhook(database)
    async with database.engine.begin() as connection:
        found = await connection.exec_driver_sql("SELECT url FROM webhooks")
        assert found.scalar_one() == LINE


def _upgrade_to_before(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    before = ScriptDirectory.from_config(config).get_revision(SEALING).down_revision
    assert isinstance(before, str)
    command.upgrade(config, before)
