"""Whether the server lives and can work, for load balancers."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from app.core.resources import owned
from app.core.schemas import Response as ResponseModel
from app.monitoring.diagnostics import DiagnosticsCollector

router = APIRouter(tags=["health"])


class Health(ResponseModel):
    """The process answers."""

    status: Literal["ok"] = Field(description="Always `ok`.")


class CheckResult(ResponseModel):
    """The outcome of one check."""

    name: str = Field(examples=["ffmpeg"], description="What was looked at.")
    healthy: bool = Field(description="Whether it works.", examples=[True])


class Readiness(ResponseModel):
    """Whether requests can be served, and why not."""

    status: Literal["ready", "unready"] = Field(description="`unready` if any check failed.")
    checks: list[CheckResult] = Field(description="All that were made.")


@router.get("/healthz", operation_id="getHealth", summary="Is the process alive?")
@router.head("/healthz", include_in_schema=False)
async def get_health() -> Health:
    """Answers as long as the event loop runs."""
    return Health(status="ok")


@router.get(
    "/readyz",
    operation_id="getReadiness",
    summary="Can it serve requests?",
    responses={503: {"model": Readiness, "description": "A check failed"}},
)
@router.head("/readyz", include_in_schema=False)
async def get_readiness(
    response: Response, diagnostics: Annotated[DiagnosticsCollector, Depends(owned(DiagnosticsCollector))]
) -> Readiness:
    """Database, storage and FFmpeg; `python -m app doctor` tells an operator more."""
    findings = await diagnostics.ready()
    ready = all(finding.healthy for finding in findings)
    response.status_code = 200 if ready else 503
    return Readiness(
        status="ready" if ready else "unready",
        checks=[CheckResult(name=item.name, healthy=item.healthy) for item in findings],
    )
