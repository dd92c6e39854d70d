"""The shapes of webhooks in the API, and of what they are sent."""

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl
from pydantic_core import PydanticCustomError

from app.core.schemas import Id, ProjectId, RequestModel, Response, TaskId, Timestamp
from app.jobs.models import EventKind
from app.jobs.schemas import TaskResponse
from app.webhooks.models import DeliveryStatus

SIGNING_PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
DEFAULT_KINDS = (
    EventKind.QUEUED,
    EventKind.STARTED,
    EventKind.COMPLETED,
    EventKind.FAILED,
    EventKind.CANCELLED,
)
SIGNING_EXAMPLE = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def _check_secret(secret: str) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(SIGNING_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(SIGNING_PREFIX) or len(key) not in SECRET_BYTES:
        raise PydanticCustomError("webhook_secret", "is not whsec_ and 24 to 64 bytes in Base64")
    return secret


WebhookId = Annotated[
    Id, Field(description="Id of the webhook.", examples=["whk_0199c3a4b5d67e8f90a1b2c3d4e5f607"])
]
DeliveryId = Annotated[
    Id,
    Field(
        description="Id of the delivery, and its `Webhook-Id`.",
        examples=["dlv_0199c3a4b5d67e8f90a1b2c3d4e5f607"],
    ),
]
WebhookUrl = Annotated[str, Field(description="Where to send to.", examples=["https://app.example/hooks"])]
EventId = Annotated[str, Field(description="Id of the event, as in `GET /api/events`.", examples=["4711"])]
Kinds = Annotated[
    list[EventKind],
    Field(description="Which events are sent.", examples=[["task.completed", "task.failed"]]),
]


class NewWebhook(RequestModel):
    """A server that wants to be told."""

    url: HttpUrl = Field(
        description="Where to send to: http or https.", examples=["https://app.example/hooks"]
    )
    events: list[Annotated[EventKind, Field(strict=False)]] = Field(
        default=list(DEFAULT_KINDS),
        min_length=1,
        max_length=len(EventKind),
        description="Which events to send; without it, every change of state, but no progress.",
        examples=[["task.completed", "task.failed"]],
    )
    secret: Annotated[str, AfterValidator(_check_secret)] | None = Field(
        default=None,
        max_length=200,
        description="What messages are signed with: `whsec_` and 24 to 64 bytes in Base64. One is made if "
        "none is given.",
        examples=[SIGNING_EXAMPLE],
    )
    project_id: ProjectId | None = Field(
        default=None,
        description="Whose tasks it is told of; defaults to the oldest project that you own.",
    )


class WebhookDetails(Response):
    """A server that is told what happens to the tasks of a project."""

    webhook_id: WebhookId
    project_id: ProjectId
    url: WebhookUrl
    events: Kinds
    created_at: Timestamp


class CreatedWebhook(WebhookDetails):
    """A new webhook, with the secret that is not shown again."""

    secret: str = Field(description="What its messages are signed with.", examples=[SIGNING_EXAMPLE])


class WebhookList(Response):
    """Every webhook."""

    webhooks: list[WebhookDetails] = Field(description="In the order they were made.")


class DeliveryAttempt(Response):
    """One try at a delivery."""

    at: Timestamp
    status: int | None = Field(description="The HTTP status that came back, if any did.", examples=[200])
    seconds: float = Field(description="How long it took.", examples=[0.12])
    error: str | None = Field(
        description="Why nothing came back, for operators.", examples=["ConnectTimeout"]
    )


class DeliveryDetails(Response):
    """One event on its way to one webhook."""

    delivery_id: DeliveryId
    event_id: EventId
    kind: EventKind
    task_id: TaskId
    status: DeliveryStatus
    attempts: list[DeliveryAttempt] = Field(description="In their order.")
    next_attempt_at: Timestamp | None = Field(description="Null once it was received or given up.")
    created_at: Timestamp


class DeliveryPage(Response):
    """Deliveries, newest first; `next_cursor` leads to the next page and is null on the last."""

    deliveries: list[DeliveryDetails] = Field(description="Newest first.")
    next_cursor: str | None = Field(description="For `cursor`; null on the last page.")


class WebhookMessage(Response):
    """What a webhook is sent. The headers `Webhook-Id`, `Webhook-Timestamp` and `Webhook-Signature` are those
    of the Standard Webhooks: `v1,` and, in Base64, the HMAC-SHA256 of `id.timestamp.body`."""

    id: EventId
    kind: EventKind
    created_at: Timestamp
    task: TaskResponse = Field(description="The task as it was then.")
