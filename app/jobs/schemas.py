"""The shapes of tasks in the API."""

from typing import Literal

from pydantic import Field

from app.core.errors import ErrorCode
from app.core.schemas import Linked, Response, Timestamp
from app.jobs.models import JobStatus, JobType

TaskStatus = Literal["queued", "processing", "completed", "failed", "cancelled"]


class StartedTask(Response):
    """A task was accepted; follow it at its `Location`."""

    task_id: str = Field(examples=["task_0199c3a4b5d67e8f90a1b2c3d4e5f607"])
    status: Literal["queued", "processing"] = Field(examples=["queued"])
    estimated_time: int = Field(description="Seconds it will take, from measured rates.", examples=[120])
    video_id: str = Field(examples=["vid_0199c3a4b5d67e8f90a1b2c3d4e5f607"])


class StartedLanguageTask(StartedTask):
    """A task was accepted that makes something in a language."""

    language: str = Field(examples=["en"])


class StartedTranslation(StartedTask):
    """A translation was accepted."""

    target_language: str = Field(examples=["en"])


class SubtitleExtractionResult(Linked):
    """What a `subtitle_extraction` task made."""

    video_id: str
    subtitles_url: str
    detected_language: str | None
    segments_count: int


class TranslationResult(Linked):
    """What a `translation` task made.

    `untranslated_segments` are the ids of lines that no attempt could translate; they keep their
    original text.
    """

    video_id: str
    subtitles_url: str
    source_language: str
    target_language: str
    segments_count: int
    untranslated_segments: list[int]


class SpeechResult(Linked):
    """What a `tts_generation` task made."""

    audio_url: str
    language: str
    voice_id: str
    duration: float = Field(description="Seconds of speech, silence aside.")
    segments_count: int
    overflowing_segments: list[int] = Field(
        default_factory=list, description="Segments that did not fit even at the highest speed."
    )


class DubbedVideoResult(Linked):
    """What a `video_generation` task made."""

    video_id: str
    language: str
    url: str
    download_url: str
    duration: float
    file_size: int


class TrimResult(Linked):
    """What a `video_trim` task made."""

    video_id: str
    trimmed_video_id: str
    url: str
    duration: float


TaskResult = SubtitleExtractionResult | TranslationResult | SpeechResult | DubbedVideoResult | TrimResult

RESULT_TYPES: dict[JobType, type[TaskResult]] = {
    JobType.SUBTITLE_EXTRACTION: SubtitleExtractionResult,
    JobType.TRANSLATION: TranslationResult,
    JobType.TTS_GENERATION: SpeechResult,
    JobType.VIDEO_GENERATION: DubbedVideoResult,
    JobType.VIDEO_TRIM: TrimResult,
}


class TaskError(Response):
    """Why a task failed."""

    code: ErrorCode
    message: str = Field(examples=["오디오 품질이 낮아 처리할 수 없습니다."])
    next: str = Field(description="What to do about it.")


class TaskResponse(Response):
    """A task as it stands. `result` is there when it is completed, `error` when it failed."""

    task_id: str
    video_id: str
    type: JobType
    status: JobStatus
    progress: int = Field(ge=0, le=100, description="Percent; it never falls while the task runs.")
    message: str
    created_at: Timestamp
    updated_at: Timestamp
    completed_at: Timestamp | None
    estimated_completion: Timestamp | None
    result: TaskResult | None = None
    error: TaskError | None = None


class VideoJob(Response):
    """One line in the list of a video's tasks."""

    job_id: str
    job_type: JobType
    status: JobStatus
    progress: int
    created_at: Timestamp
    completed_at: Timestamp | None


class VideoJobs(Response):
    """Every task of a video, newest first."""

    video_id: str
    jobs: list[VideoJob]
