"""Over HTTP: who does the jobs."""

from fastapi import APIRouter

from app.core.database import ReadSession
from app.core.openapi import problems
from app.jobs.schemas import WorkerDetails, WorkerList, WorkerQueue
from app.jobs.workers import Worker, living_workers
from app.projects.access import OPERATORS

router = APIRouter(prefix="/api/workers", tags=["tasks"])


@router.get(
    "",
    operation_id="listWorkers",
    summary="Who does the jobs",
    dependencies=[OPERATORS],
    responses=problems(),
)
async def list_workers(session: ReadSession) -> WorkerList:
    """Every process that lives, on whatever machine, and how many jobs it does at once."""
    return WorkerList(workers=[_details(worker) for worker in await living_workers(session)])


def _details(worker: Worker) -> WorkerDetails:
    return WorkerDetails(
        name=worker.name,
        started_at=worker.started_at,
        seen_at=worker.seen_at,
        queues=[WorkerQueue.model_validate(queue) for queue in worker.queues],
    )
