"""The demo's client of the REST API."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import httpx
from pydantic import BaseModel, ValidationError

from app.demo.failure import DemoFailed, ServerStopped

FINAL = ("completed", "failed", "cancelled")
EVENT_DATA = "data:"


class Advice(BaseModel):
    """The part of a problem+json that people read."""

    detail: str
    next: str


class TaskError(BaseModel):
    """Why a task failed."""

    message: str
    next: str


class Task(BaseModel):
    """The part of a task that is shown."""

    status: str
    progress: int
    message: str
    error: TaskError | None = None


class UploadedVideo(BaseModel):
    """The part of a video that is used; `duration` in seconds."""

    video_id: str
    duration: float


class DubbingClient:
    """One method for each request the demo makes. All raise `DemoFailed` when the server refuses."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(
            base_url=f"{url}/api", headers={"Accept-Language": "en"}, timeout=httpx.Timeout(60, read=None)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
        if isinstance(error, httpx.TransportError):
            raise ServerStopped from error

    def upload(self, file: BinaryIO, name: str) -> UploadedVideo:
        answer = _accepted(self._http.post("/videos/upload", files={"video": (name, file)}))
        return UploadedVideo.model_validate_json(answer.content)

    def start(self, video_id: str, stage: str, body: Mapping[str, object]) -> str:
        """The id of the task."""
        answer = _accepted(self._http.post(f"/videos/{video_id}/{stage}", json=body))
        return str(answer.json()["task_id"])

    def follow(self, task_id: str) -> Iterator[Task]:
        """The task after every change, until it is final."""
        with self._http.stream("GET", f"/tasks/{task_id}/events") as answer:
            for line in answer.iter_lines():
                if line.startswith(EVENT_DATA):
                    task = Task.model_validate_json(line.removeprefix(EVENT_DATA))
                    yield task
                    if task.status in FINAL:
                        return

    def original_language(self, video_id: str) -> str:
        answer = _accepted(self._http.get(f"/videos/{video_id}/subtitles/original"))
        return str(answer.json()["language"])

    def download(self, video_id: str, path: str, target: Path) -> Path:
        with self._http.stream("GET", f"/videos/{video_id}/{path}") as answer, target.open("wb") as file:
            for chunk in answer.iter_bytes():
                file.write(chunk)
        _accepted(answer)
        return target

    def delete(self, video_id: str) -> None:
        """Cancels whatever task still runs on it."""
        with suppress(httpx.TransportError):
            self._http.delete(f"/videos/{video_id}")


def _accepted(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    try:
        advice = Advice.model_validate_json(answer.content)
    except ValidationError as error:
        raise DemoFailed(f"The server answered {answer.status_code}.") from error
    raise DemoFailed(f"{advice.detail}\n{advice.next}")
