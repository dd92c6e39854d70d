"""The audit log in the API."""

from pydantic import Field

from app.audit.models import Action, AuditEntry
from app.core.paging import Page
from app.core.schemas import Response, Timestamp


class AuditRecord(Response):
    """Something that was done."""

    id: int = Field(description="Grows.", examples=[4711])
    at: Timestamp
    action: Action = Field(description="What was done.")
    actor: str | None = Field(
        description="The id of the sign-in, key or link, `home` or `console`; null for who was not known.",
        examples=["key_0199c3a4b5d67e8f90a1b2c3d4e5f607"],
    )
    user_id: str | None = Field(description="Whose that is.")
    project_id: str | None = Field(description="Where it was done.")
    target: str | None = Field(description="The id of what it was done to.")
    address: str | None = Field(description="The network address.", examples=["203.0.113.7"])
    details: dict[str, str] = Field(description="More, by `action`.", examples=[{"role": "editor"}])


class AuditPage(Response):
    """What was done, newest first."""

    entries: list[AuditRecord] = Field(description="Newest first.")
    next_cursor: str | None = Field(description="For `cursor`; null on the last page.")


def audit_page(page: Page[AuditEntry]) -> AuditPage:
    entries = [AuditRecord.model_validate(entry, from_attributes=True) for entry in page.rows]
    return AuditPage(entries=entries, next_cursor=page.next_cursor)
