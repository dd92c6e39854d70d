"""Webhooks over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from app.core.caller import Identified, Scope
from app.core.database import ReadSession, WriteSession
from app.core.errors import ErrorCode
from app.core.links import BaseUrl, OwnSettings
from app.core.locales import choose_locale
from app.core.openapi import created, problems
from app.core.paging import Paging
from app.core.resources import owned
from app.idempotency.claim import NO_STORE, RepeatableRoute
from app.projects.access import ADMINISTRATORS, within_reach
from app.projects.service import destination
from app.webhooks import storage as rows
from app.webhooks.access import WEBHOOK_OWNERS
from app.webhooks.models import Delivery, DeliveryStatus, Webhook
from app.webhooks.schemas import (
    CreatedWebhook,
    DeliveryAttempt,
    DeliveryDetails,
    DeliveryId,
    DeliveryPage,
    NewWebhook,
    WebhookDetails,
    WebhookId,
    WebhookList,
    WebhookMessage,
)
from app.webhooks.service import WebhookService

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"], route_class=RepeatableRoute)

Service = Annotated[WebhookService, Depends(owned(WebhookService))]


@router.post(
    "",
    operation_id="createWebhook",
    summary="Have events sent to a server",
    dependencies=[ADMINISTRATORS],
    status_code=201,
    responses=created("It is told from now on.")
    | problems(ErrorCode.UNSUPPORTED_MEDIA_TYPE, ErrorCode.WEBHOOK_REFUSED),
)
async def create_webhook(
    request: Request,
    body: NewWebhook,
    caller: Identified,
    response: Response,
    session: WriteSession,
    service: Service,
    base: BaseUrl,
    settings: OwnSettings,
) -> CreatedWebhook:
    """Each message is a `WebhookMessage`, signed by the convention of the Standard Webhooks, with links and
    texts as in an answer to this request. What is not answered with 2xx within 10 seconds is sent again
    for 24 hours, less and less often; the same message always has the same `Webhook-Id`."""
    locale = choose_locale(request.headers.get("accept-language"), settings.default_locale)
    project_id = await destination(session, caller, body.project_id, Scope.ADMIN)
    webhook = await service.create(session, project_id, body, base, locale)
    response.headers["Location"] = f"/api/webhooks/{webhook.id}"
    response.headers["Cache-Control"] = NO_STORE
    return CreatedWebhook(**dict(_details(webhook)), secret=webhook.secret)


@router.get(
    "",
    operation_id="listWebhooks",
    summary="List webhooks",
    dependencies=[ADMINISTRATORS],
    responses=problems(),
)
async def list_webhooks(caller: Identified, session: ReadSession) -> WebhookList:
    """Those of your projects in the order they were made, without their secrets."""
    shown = within_reach(caller, Webhook.project_id)
    return WebhookList(webhooks=[_details(webhook) for webhook in await rows.webhooks_of(session, shown)])


@router.get(
    "/{webhook_id}",
    operation_id="getWebhook",
    summary="A webhook",
    dependencies=[WEBHOOK_OWNERS],
    responses=problems(ErrorCode.WEBHOOK_NOT_FOUND),
)
async def get_webhook(webhook_id: WebhookId, session: ReadSession) -> WebhookDetails:
    """Without its secret."""
    return _details(await rows.get_webhook(session, webhook_id))


@router.delete(
    "/{webhook_id}",
    operation_id="deleteWebhook",
    summary="Delete a webhook",
    dependencies=[WEBHOOK_OWNERS],
    status_code=204,
    response_description="It is gone.",
    responses=problems(ErrorCode.WEBHOOK_NOT_FOUND),
)
async def delete_webhook(webhook_id: WebhookId, session: WriteSession, service: Service) -> None:
    """With its deliveries; what is on its way may still arrive."""
    await service.delete(session, webhook_id)


@router.get(
    "/{webhook_id}/deliveries",
    operation_id="listDeliveries",
    summary="What was sent to a webhook",
    dependencies=[WEBHOOK_OWNERS],
    responses=problems(ErrorCode.WEBHOOK_NOT_FOUND, ErrorCode.INVALID_CURSOR),
)
async def list_deliveries(
    webhook_id: WebhookId,
    session: ReadSession,
    service: Service,
    paging: Paging,
    status: Annotated[DeliveryStatus | None, Query(description="Only deliveries in this state.")] = None,
) -> DeliveryPage:
    """Newest first, with every attempt."""
    page = await service.deliveries(session, webhook_id, paging, status)
    return DeliveryPage(
        deliveries=[_delivery(delivery) for delivery in page.rows], next_cursor=page.next_cursor
    )


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/replay",
    operation_id="replayDelivery",
    summary="Send something again",
    dependencies=[WEBHOOK_OWNERS],
    responses=problems(ErrorCode.WEBHOOK_NOT_FOUND, ErrorCode.DELIVERY_NOT_FOUND),
)
async def replay_delivery(
    webhook_id: WebhookId, delivery_id: DeliveryId, session: WriteSession, service: Service
) -> DeliveryDetails:
    """The same message under the same `Webhook-Id`, whatever came of it before."""
    return _delivery(await service.replay(session, webhook_id, delivery_id))


messages = APIRouter(tags=["webhooks"])


@messages.post(
    "task-event",
    operation_id="receiveTaskEvent",
    summary="Something happened to a task",
    status_code=204,
    response_description="Received: any status from 200 to 299 will do.",
    responses={"default": {"description": "Not received: the message is sent again."}},
)
async def receive_task_event(body: WebhookMessage) -> None:
    """What your server is sent."""


def _details(webhook: Webhook) -> WebhookDetails:
    return WebhookDetails.model_validate(
        {
            "webhook_id": webhook.id,
            "project_id": webhook.project_id,
            "url": webhook.url,
            "events": webhook.kinds,
            "created_at": webhook.created_at,
        }
    )


def _delivery(delivery: Delivery) -> DeliveryDetails:
    return DeliveryDetails(
        delivery_id=delivery.id,
        event_id=str(delivery.event_id),
        kind=delivery.kind,
        task_id=delivery.task_id,
        status=delivery.status,
        attempts=[DeliveryAttempt.model_validate(attempt) for attempt in delivery.attempts],
        next_attempt_at=delivery.next_attempt_at,
        created_at=delivery.created_at,
    )
