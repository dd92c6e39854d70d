"""Usage over HTTP."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from app.core.caller import Identified
from app.core.database import ReadSession
from app.core.errors import ErrorCode
from app.core.openapi import problems
from app.core.schemas import VideoId
from app.projects.access import OPERATORS, READERS, VIDEO_READERS
from app.usage.schemas import Grouping, MemoReport, UsageReport
from app.usage.service import CallFilter, report_memo, report_usage
from app.videos.storage import get_video

router = APIRouter(prefix="/api", tags=["usage"])

GroupBy = Annotated[Grouping, Query(description="What the calls of a group have in common.")]


@router.get(
    "/usage",
    operation_id="getUsage",
    summary="What was spent",
    dependencies=[READERS],
    responses=problems(),
)
async def get_usage(
    caller: Identified,
    session: ReadSession,
    first: Annotated[date | None, Query(alias="from", description="The first day, UTC.")] = None,
    last: Annotated[date | None, Query(alias="to", description="The last day, UTC.")] = None,
    group_by: GroupBy = "day",
) -> UsageReport:
    """Every call to an engine that was answered, whatever became of its task and its video.
    With credentials, those for your projects."""
    return await report_usage(session, group_by, CallFilter(caller, first, last))


@router.get(
    "/videos/{video_id}/usage",
    operation_id="getVideoUsage",
    summary="What was spent on a video",
    dependencies=[VIDEO_READERS],
    responses=problems(ErrorCode.VIDEO_NOT_FOUND),
)
async def get_video_usage(
    video_id: VideoId, caller: Identified, session: ReadSession, group_by: GroupBy = "model"
) -> UsageReport:
    """By model, unless asked for otherwise."""
    await get_video(session, video_id)
    return await report_usage(session, group_by, CallFilter(caller, video_id=video_id))


@router.get(
    "/memo",
    operation_id="getMemo",
    summary="What is kept for reuse",
    dependencies=[OPERATORS],
    responses=problems(),
)
async def get_memo(session: ReadSession) -> MemoReport:
    """Results of units of work, how often they were used again, and what that saved."""
    return await report_memo(session)
