"""Which jobs of other processes are helped, by which assistant, and until when."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.core.database import Database, utc_now
from app.jobs.assistants import Assistants
from app.jobs.models import Job, JobStatus, JobType, QueueName
from app.jobs.sizes import Room
from app.jobs.workers import Heartbeat
from app.videos.models import Video

HERE, THERE = "here", "there"
MINUTES = timedelta(minutes=5)
MOMENT = timedelta(seconds=1)


class Help:
    """Assistants that work until they are ended; the first `failures` fail at once."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.begun: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        self.ended: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, job_id: str, number: int) -> bool:
        self.begun.put_nowait((job_id, number))
        if self.failures:
            self.failures -= 1
            return False
        try:
            return await asyncio.Event().wait()
        finally:
            self.ended.put_nowait(job_id)


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SETTLING_SECONDS", "LOOKING_SECONDS", "RETURNING_SECONDS"):
        monkeypatch.setattr(f"app.jobs.assistants.{name}", 0.01)


@pytest.fixture
async def heartbeat(database: Database) -> AsyncIterator[Heartbeat]:
    """Of the process that is here, which knows of the one that is there."""
    async with AsyncExitStack() as stack:
        for name in (THERE, HERE):
            heart = Heartbeat(database, name, f"host:/{name}", {})
            await heart.start(())
            stack.push_async_callback(heart.stop)
        yield heart


@pytest.fixture
async def video(database: Database) -> str:
    async with database.write() as session:
        video = Video(
            id="video",
            filename="film.mp4",
            title="Film",
            source_language="en",
            duration=600.0,
            file_size=1,
            format="mp4",
            resolution="320x180",
            media={},
        )
        session.add(video)
    return video.id


@asynccontextmanager
async def helping(
    database: Database, heartbeat: Heartbeat, *, api_jobs: int = 1, failures: int = 0
) -> AsyncIterator[Help]:
    """What is given while the block runs."""
    given = Help(failures)
    rooms: dict[QueueName, Room] = {"api": Room(api_jobs), "cpu": Room(1)}
    assistants = Assistants(database, heartbeat, HERE, rooms, given)
    assistants.launch()
    yield given
    await assistants.close()


async def add_job(
    database: Database,
    video: str,
    job_id: str,
    worker: str | None = THERE,
    *,
    queue: QueueName = "api",
    job_type: JobType = JobType.TTS_GENERATION,
    remaining: timedelta = MINUTES,
) -> None:
    """One that runs in the process, or waits if that is None."""
    job = Job(
        id=job_id,
        video_id=video,
        job_type=job_type,
        status=JobStatus.QUEUED if worker is None else JobStatus.PROCESSING,
        queue=queue,
        ticket=job_id,
        worker=worker,
        attempt=1,
        request={},
        fingerprint=job_id,
        units=1.0,
        rate_key="speech",
        estimated_seconds=60.0,
        estimated_completion=utc_now() + remaining,
    )
    async with database.write() as session:
        session.add(job)


async def change(database: Database, job_id: str, **values: object) -> None:
    async with database.write() as session:
        await session.execute(update(Job).where(Job.id == job_id).values(**values))


@pytest.mark.parametrize("values", [{"status": JobStatus.COMPLETED}, {"attempt": 2}], ids=["end", "retry"])
async def test_an_assistant_ends_with_the_attempt(
    values: dict[str, object], database: Database, heartbeat: Heartbeat, video: str
) -> None:
    await add_job(database, video, "large")
    async with helping(database, heartbeat) as given:
        assert await given.begun.get() == ("large", 1)
        await change(database, "large", **values)
        assert await given.ended.get() == "large"


async def test_what_is_small_or_here_is_not_helped(
    database: Database, heartbeat: Heartbeat, video: str
) -> None:
    await add_job(database, video, "1 small", remaining=MOMENT)
    await add_job(database, video, "2 here", HERE)
    await add_job(database, video, "3 large")
    async with helping(database, heartbeat, api_jobs=5) as given:
        assert await given.begun.get() == ("3 large", 1)


async def test_who_failed_comes_back(database: Database, heartbeat: Heartbeat, video: str) -> None:
    await add_job(database, video, "large")
    async with helping(database, heartbeat, failures=2) as given:
        assert [await given.begun.get() for _ in range(3)] == [("large", 1)] * 3


async def test_speech_that_follows_a_translation_is_helped(
    database: Database, heartbeat: Heartbeat, video: str
) -> None:
    """It takes no place of those for jobs, neither here nor while it waits; its assistants do."""
    await add_job(database, video, "1 dub", queue="pipeline", job_type=JobType.DUB)
    await add_job(database, video, "2 follows here", HERE, queue="pipeline")
    await add_job(database, video, "3 waits", None, queue="pipeline")
    await add_job(database, video, "4 follows", queue="pipeline")
    async with helping(database, heartbeat) as given:
        assert await given.begun.get() == ("4 follows", 1)
        await add_job(database, video, "5 own", HERE)
        assert await given.ended.get() == "4 follows"


async def test_jobs_that_wait_come_before_help(database: Database, heartbeat: Heartbeat, video: str) -> None:
    await add_job(database, video, "1 waits", None)
    await add_job(database, video, "2 large")
    await add_job(database, video, "3 on the other queue", queue="cpu")
    async with helping(database, heartbeat) as given:
        assert await given.begun.get() == ("3 on the other queue", 1)
        await change(database, "1 waits", status=JobStatus.CANCELLED)
        assert await given.begun.get() == ("2 large", 1)


async def test_a_job_of_its_own_takes_the_place_of_an_assistant(
    database: Database, heartbeat: Heartbeat, video: str
) -> None:
    await add_job(database, video, "large")
    async with helping(database, heartbeat) as given:
        await given.begun.get()
        await add_job(database, video, "own", HERE)
        assert await given.ended.get() == "large"
        await change(database, "own", status=JobStatus.COMPLETED)
        assert await given.begun.get() == ("large", 1)


async def test_assistants_of_a_job_have_different_numbers(
    database: Database, heartbeat: Heartbeat, video: str
) -> None:
    third = Heartbeat(database, "third", "host:/third", {})
    await third.start(())
    await add_job(database, video, "large")
    assistants = Assistants(database, third, "third", {"api": Room(1)}, given := Help())
    assistants.launch()
    assert await given.begun.get() == ("large", 2)
    await assistants.close()
    await third.stop()
