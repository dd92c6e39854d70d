"""A project is deleted whole, whatever comes into it meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from app.audit.log import CONSOLE
from app.core.database import Database
from app.core.errors import ErrorCode, Problem
from app.core.settings import Settings
from app.projects.models import Project
from app.projects.quotas import check_room, hold
from app.projects.service import create_project
from app.resources import Resources
from app.takeout.service import Takeout
from app.videos.models import Video
from tests.postgres import Postgres


@pytest.fixture
async def resources(tmp_path: Path, postgres: Postgres) -> AsyncIterator[Resources]:
    """Of a server on PostgreSQL, where not all that is written is written in turn."""
    resources = Resources(Settings(data_dir=tmp_path, database_url=postgres.new(), encryption="off"))
    yield resources
    await resources.close()


@pytest.fixture
async def project(resources: Resources) -> str:
    async with resources.database.write() as session:
        return (await create_project(session, "Short-lived", None, CONSOLE, resources.settings)).id


async def erase(resources: Resources, project_id: str) -> None:
    async with resources.database.write() as session:
        project = await session.get_one(Project, project_id)
        await resources.get(Takeout).erase_project(session, project, CONSOLE)


async def somebody_waits(database: Database) -> None:
    async with asyncio.timeout(10), database.read() as session:
        while not await session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
            pass


def video() -> Video:
    return Video(
        id="vid_1",
        filename="a.mp4",
        title="A title",
        duration=1.0,
        resolution="16x16",
        file_size=1,
        format="mp4",
        source_language="en",
        media={},
    )


async def test_an_upload_that_is_being_stored_goes_with_it(resources: Resources, project: str) -> None:
    async with resources.database.write() as session:
        await check_room(session, project, 1)
        session.add(video())
        await hold(session, project, "vid_1", 1.0)
        erasing = asyncio.create_task(erase(resources, project))
        await somebody_waits(resources.database)
    await erasing
    async with resources.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Video)) == 0


async def test_an_upload_that_comes_too_late_is_refused(resources: Resources, project: str) -> None:
    async def upload() -> None:
        async with resources.database.write() as session:
            await check_room(session, project, 1)

    async with resources.database.write() as session:
        row = await session.get_one(Project, project)
        await resources.get(Takeout).erase_project(session, row, CONSOLE)
        uploading = asyncio.create_task(upload())
        await somebody_waits(resources.database)
    with pytest.raises(Problem) as refused:
        await uploading
    assert refused.value.code is ErrorCode.PROJECT_NOT_FOUND
