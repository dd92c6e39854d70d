"""What happens to tasks, as server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.core.caller import Identified
from app.core.errors import ErrorCode
from app.core.links import BaseUrl, Texts
from app.core.locales import Catalogue
from app.core.openapi import event_stream, problems
from app.core.resources import owned
from app.core.schemas import TaskId, VideoId
from app.jobs.access import ReadableTask
from app.jobs.events import EventLog, Notice, Topic
from app.jobs.models import ACTIVE
from app.jobs.presenter import present_task
from app.projects.access import READERS

router = APIRouter(tags=["tasks"])

EVENT_EXAMPLE = (
    'event: task\nid: 4711\ndata: {"task_id": "task_0199c3…", "status": "processing", "progress": 65, …}\n\n'
)

Log = Annotated[EventLog, Depends(owned(EventLog))]
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        max_length=100,
        description="The last `id` that was seen: what happened since then comes first. Browsers send it by "
        "themselves when they connect again.",
        examples=["4711"],
    ),
]


async def _known_task(
    job: ReadableTask, log: Log, response: Response, last_event_id: LastEventId = None
) -> str:
    """404 must be told before the stream begins, and so must 204, which keeps a browser from asking again."""
    if await log.is_over(job.id, last_event_id):
        response.status_code = 204
    return job.id


@router.get(
    "/api/tasks/{task_id}/events",
    operation_id="streamTaskEvents",
    summary="Follow a task",
    response_class=EventSourceResponse,
    responses=event_stream("The events.", EVENT_EXAMPLE)
    | {204: {"description": "The task has ended, and its last event has been seen."}}
    | problems(ErrorCode.TASK_NOT_FOUND),
)
async def stream_task_events(
    task_id: Annotated[TaskId, Depends(_known_task)],
    caller: Identified,
    log: Log,
    base: BaseUrl,
    texts: Texts,
    last_event_id: LastEventId = None,
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events named `task`, each the task as `GET /api/tasks/{task_id}` showed it then: one at
    once, one after every change, the last when the task is final. With `Last-Event-ID`, what happened since
    comes instead of the present state, also after a restart of the server. If that is no longer kept, an
    event named `reset` comes first and then the task as it stands."""
    async for notice in log.follow(Topic(task_id=task_id, caller=caller), last_event_id):
        yield _sent(notice, base, texts)
        if notice.task is not None and notice.task.status not in ACTIVE:
            return


@router.get(
    "/api/events",
    operation_id="streamEvents",
    summary="Follow every task",
    dependencies=[READERS],
    response_class=EventSourceResponse,
    responses=event_stream("The events.", EVENT_EXAMPLE) | problems(),
)
async def stream_events(
    caller: Identified,
    log: Log,
    base: BaseUrl,
    texts: Texts,
    last_event_id: LastEventId = None,
    video_id: Annotated[VideoId | None, Query(description="Only the tasks of this video.")] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events named `task`, as one task's stream has them: first every active task of your
    projects as it stands, then whatever happens to any. It stays open; with credentials, for 15 minutes at
    a time. With `Last-Event-ID`, what happened since comes instead of the present state. If that is no
    longer kept, an event named `reset` comes first."""
    async for notice in log.follow(Topic(video_id=video_id, caller=caller), last_event_id):
        yield _sent(notice, base, texts)


def _sent(notice: Notice, base: str, texts: Catalogue) -> ServerSentEvent:
    """An event without data only tells where to go on from."""
    at = None if notice.id is None else str(notice.id)
    if notice.task is not None:
        task = present_task(notice.task, base, texts)
        return ServerSentEvent(event="task", id=at, raw_data=task.model_dump_json())
    if at is None:
        return ServerSentEvent(event="reset", raw_data="{}")
    return ServerSentEvent(id=at)
