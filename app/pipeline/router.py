"""Whole dubs over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.database import WriteSession
from app.core.errors import ErrorCode
from app.core.openapi import LOCATION, Responses, problems
from app.core.resources import owned
from app.core.schemas import VideoId
from app.idempotency.claim import RepeatableRoute
from app.jobs.presenter import accepted
from app.pipeline.schemas import DubPlan, DubVideo, StartedDub
from app.pipeline.service import DubPipeline
from app.projects.access import VIDEO_RUNNERS

router = APIRouter(prefix="/api/videos/{video_id}", tags=["dubbed videos"], route_class=RepeatableRoute)

Pipeline = Annotated[DubPipeline, Depends(owned(DubPipeline))]

ANSWERS: Responses = {
    200: {"description": "The plan, for a `dry_run`.", "model": DubPlan},
    202: {"description": "The task was accepted.", "headers": LOCATION},
}


@router.post(
    "/dub",
    operation_id="dubVideo",
    summary="Dub the video in one call",
    dependencies=[VIDEO_RUNNERS],
    status_code=202,
    response_model=StartedDub,
    responses=ANSWERS
    | problems(
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
        ErrorCode.VIDEO_NOT_FOUND,
        ErrorCode.NO_AUDIO_TRACK,
        ErrorCode.VOICE_NOT_FOUND,
        ErrorCode.LANGUAGE_UNSUPPORTED,
        ErrorCode.LANGUAGE_PAIR_UNSUPPORTED,
        ErrorCode.ENGINE_NOT_CONFIGURED,
        ErrorCode.QUOTA_REACHED,
        named=[ErrorCode.PRICE_UNKNOWN],
    ),
)
async def dub_video(
    video_id: VideoId, body: DubVideo, session: WriteSession, pipeline: Pipeline, response: Response
) -> Response | StartedDub:
    """Runs every stage that is missing, for every language: the transcription once, then the languages side
    by side. Each stage is a task under this one. What is there and up to date is kept."""
    if body.dry_run:
        plan = await pipeline.plan(video_id, body)
        return Response(plan.model_dump_json(), media_type="application/json")
    job = await pipeline.start(session, video_id, body)
    return accepted(job, response, StartedDub, target_languages=body.target_languages)
