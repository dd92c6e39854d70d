"""Takeout: exports and deletions of whole projects and accounts."""

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ApiKey, User
from app.accounts.service import check_operated
from app.audit.log import Witness, note
from app.audit.models import Action
from app.core.database import take_turn
from app.idempotency.models import IdempotencyKey
from app.idempotency.storage import forget_answers
from app.jobs.models import Event
from app.projects.models import HOME, Holding, Project
from app.projects.service import delete_project_row, solely_owned
from app.videos.models import Video
from app.videos.service import VideoProcessor
from app.webhooks.models import Webhook


class Takeout:
    """What one has is deleted whole: objects go after the commit, or at the next start after a crash."""

    def __init__(self, videos: VideoProcessor) -> None:
        self._videos = videos

    async def erase_project(self, session: AsyncSession, project: Project, who: Witness) -> None:
        """With its videos, their tasks and events, its webhooks, links and keys. The project of a server
        without users stays, empty."""
        await self._erase_videos(session, project, who)
        await take_turn(session, project.id)  # from now on nothing is uploaded there or cut out
        await self._erase_videos(session, project, who)
        held = select(Holding.video_id).where(Holding.project_id == project.id)
        await session.execute(delete(Event).where(Event.video_id.in_(held)))
        await session.execute(delete(Webhook).where(Webhook.project_id == project.id))
        await session.execute(delete(ApiKey).where(ApiKey.project_id == project.id))
        if project.id == HOME and who.user_id is None:
            return
        await delete_project_row(session, project.id, who)

    async def erase_user(self, session: AsyncSession, user: User, who: Witness) -> None:
        """With the projects that nobody else owns. Raises `Problem(LAST_OPERATOR)`."""
        await check_operated(session, user)
        for project_id in await solely_owned(session, user.id):
            await self.erase_project(session, await session.get_one(Project, project_id), who)
        await session.execute(delete(IdempotencyKey).where(IdempotencyKey.user_id == user.id))
        await forget_answers(session, IdempotencyKey.about == user.id)
        await session.delete(user)
        note(session, who, Action.USER_DELETED, user.id)
        await session.flush()

    async def _erase_videos(self, session: AsyncSession, project: Project, who: Witness) -> None:
        held = select(Holding.video_id).where(Holding.project_id == project.id)
        for video_id in (await session.scalars(select(Video.id).where(Video.id.in_(held)))).all():
            await self._videos.delete(session, video_id, who)
