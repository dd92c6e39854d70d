"""Links to a video's files over HTTP."""

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from app.audit.log import Who, note
from app.audit.models import Action
from app.core.caller import Identified, Scope
from app.core.database import ReadSession, WriteSession
from app.core.errors import ErrorCode, Problem
from app.core.links import BaseUrl
from app.core.openapi import created, problems
from app.core.schemas import VideoId
from app.idempotency.claim import NO_STORE, RepeatableRoute
from app.links.models import Link
from app.links.schemas import CreatedLink, LinkDetails, LinkId, LinkList, NewLink
from app.links.service import create_link, get_link, leads_to_file, links_to, url_of
from app.projects.access import VIDEO_READERS, held_in, scopes_in

router = APIRouter(prefix="/api/videos/{video_id}/links", tags=["videos"], route_class=RepeatableRoute)


@router.get(
    "",
    operation_id="listLinks",
    summary="Who else can see the files",
    dependencies=[VIDEO_READERS],
    responses=problems(ErrorCode.VIDEO_NOT_FOUND),
)
async def list_links(video_id: VideoId, session: ReadSession) -> LinkList:
    """Without their signatures."""
    return LinkList(links=[_details(link) for link in await links_to(session, video_id)])


@router.post(
    "",
    operation_id="createLink",
    summary="Make a link to a file",
    status_code=201,
    dependencies=[VIDEO_READERS],
    responses=created("It works at once.")
    | problems(ErrorCode.UNSUPPORTED_MEDIA_TYPE, ErrorCode.VIDEO_NOT_FOUND, ErrorCode.LINK_UNAVAILABLE),
)
async def make_link(
    request: Request,
    video_id: VideoId,
    body: NewLink,
    response: Response,
    caller: Identified,
    session: WriteSession,
    who: Who,
    base: BaseUrl,
) -> CreatedLink:
    """For `<video src>`, which sends no credentials: it leads to this file only, by GET, until it expires, is
    revoked, or you may no longer see the video."""
    target = f"/api/videos/{video_id}/{body.path}"
    if not leads_to_file(request.app.state.file_routes, target.partition("?")[0]):
        raise Problem(ErrorCode.LINK_UNAVAILABLE, field="path", path=body.path)
    link = await create_link(session, caller, video_id, target, timedelta(seconds=body.expires_in))
    response.headers["Cache-Control"] = NO_STORE
    note(session, who, Action.LINK_CREATED, link.id, await held_in(session, video_id), video=video_id)
    return CreatedLink(**dict(_details(link)), url=f"{base}{url_of(link)}")


@router.delete(
    "/{link_id}",
    operation_id="revokeLink",
    summary="Revoke a link",
    status_code=204,
    response_description="It leads nowhere any more.",
    dependencies=[VIDEO_READERS],
    responses=problems(ErrorCode.VIDEO_NOT_FOUND, ErrorCode.LINK_NOT_FOUND),
)
async def revoke_link(
    video_id: VideoId, link_id: LinkId, caller: Identified, session: WriteSession, who: Who
) -> None:
    """At once; what is being sent is sent to its end. Who may only look revokes their own."""
    link = await get_link(session, video_id, link_id)
    project_id = await held_in(session, video_id)
    held = await scopes_in(session, caller, project_id)
    if link.user_id != caller.user_id and Scope.VIDEOS_WRITE not in held:
        raise Problem(ErrorCode.FORBIDDEN, scope=Scope.VIDEOS_WRITE)
    await session.delete(link)
    note(session, who, Action.LINK_REVOKED, link_id, project_id, video=video_id)


def _details(link: Link) -> LinkDetails:
    return LinkDetails(
        link_id=link.id,
        video_id=link.video_id,
        path=link.target.removeprefix(f"/api/videos/{link.video_id}/"),
        created_at=link.created_at,
        expires_at=link.expires_at,
    )
