"""Who may look after a webhook: the owners of its project."""

from fastapi import Request, Security
from fastapi.security import SecurityScopes
from sqlalchemy import select

from app.core.caller import Identified, Scope
from app.core.database import concerns
from app.core.errors import ErrorCode, Problem
from app.projects.access import OwnDatabase, check_access, refuse_links
from app.webhooks.models import Webhook
from app.webhooks.schemas import WebhookId


async def webhook_owners(
    request: Request, webhook_id: WebhookId, caller: Identified, scopes: SecurityScopes, database: OwnDatabase
) -> None:
    """Raises `Problem(WEBHOOK_NOT_FOUND)` or `Problem(FORBIDDEN)`."""
    refuse_links(caller)
    async with database.read() as session:
        project_id = await session.scalar(select(Webhook.project_id).where(Webhook.id == webhook_id))
        unknown = Problem(ErrorCode.WEBHOOK_NOT_FOUND, webhook_id=webhook_id)
        await check_access(session, caller, project_id, scopes, unknown)
    concerns(request, project_id)


WEBHOOK_OWNERS = Security(webhook_owners, scopes=[Scope.ADMIN])
