"""A project is deleted whole, and a member is gone at once, whatever comes into it meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from fastapi import Response
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.keys_router import create_key
from app.accounts.models import ApiKey, User
from app.accounts.schemas import NewKey
from app.audit.log import CONSOLE, Witness
from app.core.caller import ALL_SCOPES, Caller, CallerKind, Scope
from app.core.database import Base, Database
from app.core.errors import ErrorCode, Problem
from app.core.settings import Settings
from app.projects.models import Member, Project, Role
from app.projects.quotas import check_room, hold
from app.projects.router import rename_project
from app.projects.schemas import ProjectTerms
from app.projects.service import create_project, held_destination, remove_member, set_role
from app.resources import Resources
from app.takeout.service import Takeout
from app.videos.models import Video
from app.webhooks.models import Webhook
from app.webhooks.schemas import NewWebhook
from app.webhooks.service import WebhookService
from tests.postgres import Postgres

OWNER, NEWCOMER = "usr_owner", "usr_newcomer"
Coming = Callable[[AsyncSession, str], Awaitable[object]]
MemberChange = Callable[[AsyncSession, str, str, Witness], Awaitable[object]]


@pytest.fixture
async def resources(tmp_path: Path, postgres: Postgres) -> AsyncIterator[Resources]:
    """Of a server on PostgreSQL, where not all that is written is written in turn."""
    resources = Resources(Settings(data_dir=tmp_path, database_url=postgres.new(), encryption="off"))
    yield resources
    await resources.close()


@pytest.fixture
async def project(resources: Resources) -> str:
    async with resources.database.write() as session:
        session.add_all(User(id=each, email=f"{each}@example.org", password="") for each in (OWNER, NEWCOMER))
        await session.flush()
        return (await create_project(session, "Short-lived", OWNER, CONSOLE, resources.settings)).id


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


async def a_member(session: AsyncSession, project: str) -> None:
    await set_role(session, project, NEWCOMER, Role.EDITOR, CONSOLE)


async def make_viewer(session: AsyncSession, project: str, user: str, who: Witness) -> None:
    await set_role(session, project, user, Role.VIEWER, who)


async def a_key(session: AsyncSession, project: str) -> None:
    body = NewKey(name="A key", scopes=[Scope.VIDEOS_READ], project_id=project)
    caller = Caller(CallerKind.SIGN_IN, "sig_1", OWNER, ALL_SCOPES)
    await create_key(body, caller, Response(), session, CONSOLE)


async def a_webhook(session: AsyncSession, project: str) -> None:
    body = NewWebhook.model_validate({"url": "http://127.0.0.1/"})
    await WebhookService(private=True).create(session, project, body, "http://127.0.0.1", "en")


async def a_name(session: AsyncSession, project: str) -> None:
    await rename_project(project, ProjectTerms(name="Another"), session, CONSOLE)


@pytest.mark.parametrize("come", [a_member, a_key, a_webhook, a_name])
async def test_what_comes_into_it_too_late_finds_no_project(
    resources: Resources, project: str, come: Coming
) -> None:
    async def come_late() -> None:
        async with resources.database.write() as session:
            await come(session, project)

    async with resources.database.write() as session:
        row = await session.get_one(Project, project)
        await resources.get(Takeout).erase_project(session, row, CONSOLE)
        coming = asyncio.create_task(come_late())
        await somebody_waits(resources.database)
    with pytest.raises(Problem) as refused:
        await coming
    assert refused.value.code is ErrorCode.PROJECT_NOT_FOUND


@pytest.mark.parametrize(("come", "table"), [(a_member, Member), (a_key, ApiKey), (a_webhook, Webhook)])
async def test_what_has_just_come_into_it_goes_with_it(
    resources: Resources, project: str, come: Coming, table: type[Base]
) -> None:
    async with resources.database.write() as session:
        await come(session, project)
        erasing = asyncio.create_task(erase(resources, project))
        await somebody_waits(resources.database)
    await erasing
    async with resources.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(table)) == 0


@pytest.mark.parametrize(
    ("change", "code"), [(remove_member, ErrorCode.PROJECT_NOT_FOUND), (make_viewer, ErrorCode.FORBIDDEN)]
)
async def test_an_upload_that_ends_while_its_sender_loses_their_role_is_refused(
    resources: Resources, project: str, change: MemberChange, code: ErrorCode
) -> None:
    async def upload() -> None:
        async with resources.database.write() as session:
            await held_destination(
                session, Caller(CallerKind.SIGN_IN, "sig_2", NEWCOMER, ALL_SCOPES), project
            )

    async with resources.database.write() as session:
        await a_member(session, project)
    async with resources.database.write() as session:
        await change(session, project, NEWCOMER, CONSOLE)
        uploading = asyncio.create_task(upload())
        await somebody_waits(resources.database)
    with pytest.raises(Problem) as refused:
        await uploading
    assert refused.value.code is code
