"""The shapes of tasks in the API."""

from typing import Annotated, Literal, Self

from pydantic import Field

from app.core.errors import ErrorCode
from app.core.schemas import (
    Duration,
    LanguageTag,
    Linked,
    Reference,
    RequestModel,
    Response,
    ShownReference,
    TaskId,
    Timestamp,
    Url,
    VideoId,
    is_none,
)
from app.jobs.models import JobStatus, JobType, QueueName

Progress = Annotated[
    int, Field(ge=0, le=100, description="Percent; it never falls while the task runs.", examples=[65])
]
SegmentCount = Annotated[int, Field(description="How many segments there are.", examples=[120])]

UntranslatedSegments = Annotated[
    list[int],
    Field(
        description="Ids of lines that no attempt could translate: they have their original text, or what "
        "the engine gave in another language or script.",
        examples=[[]],
    ),
]
MissedTerms = Annotated[
    list[int], Field(description="Ids of lines that lack a wording of the `terminology`.", examples=[[]])
]
DoubtfulSegments = Annotated[
    list[int],
    Field(
        description="Ids of lines whose names, numbers, placeholders, speaker dashes or ♪ differ from the "
        "original, or that are much longer or shorter.",
        examples=[[]],
    ),
]

MaxCost = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class TaskTerms(RequestModel):
    """On which terms work is done, whatever it is: they have no part in what comes of it."""

    reference: Reference | None = Field(
        default=None, description="A name of your own for the task; it is echoed, and can be searched for."
    )
    priority: int = Field(
        default=0, ge=-10, le=10, description="The higher, the sooner it is done.", examples=[0]
    )
    max_cost: MaxCost | None = Field(
        default=None,
        description="US dollars: the task stops before what would come to more.",
        examples=[2.5],
    )


class RetryTask(RequestModel):
    """What is to be different this time."""

    max_cost: MaxCost | None = Field(
        default=None,
        description="US dollars for all attempts together, in place of the limit before.",
        examples=[5.0],
    )


TERMS = set(TaskTerms.model_fields)


class StartedTask(Response):
    """A task was accepted; follow it at its `Location`."""

    task_id: TaskId
    status: Literal["queued", "processing"] = Field(
        description="`processing` if the same work was running already.", examples=["queued"]
    )
    estimated_time: int = Field(description="Seconds it will take, from measured rates.", examples=[120])
    video_id: VideoId


class StartedLanguageTask(StartedTask):
    """A task was accepted that makes something in a language."""

    language: LanguageTag


class StartedTranslation(StartedTask):
    """A translation was accepted."""

    target_language: LanguageTag


class SubtitleExtractionResult(Linked):
    """What a `subtitle_extraction` task made."""

    video_id: VideoId
    subtitles_url: Url
    detected_language: str | None = Field(
        description="What most of the speech is in; null if none was heard.", examples=["ko"]
    )
    segments_count: SegmentCount


class TranslationResult(Linked):
    """What a `translation` task made."""

    video_id: VideoId
    subtitles_url: Url
    source_language: LanguageTag = Field(examples=["ko"])
    target_language: LanguageTag
    segments_count: SegmentCount
    untranslated_segments: UntranslatedSegments
    missed_terms: MissedTerms
    partial: bool = Field(
        default=False,
        description="Whether lines are untranslated, be it all of them. The task fails instead where the "
        "engine refuses the key, has no quota or answers nothing at all.",
    )
    doubtful_segments: DoubtfulSegments


class SpeechResult(Linked):
    """What a `tts_generation` task made."""

    audio_url: Url
    language: LanguageTag
    voice_id: str = Field(description="The voice that speaks.", examples=["alloy"])
    duration: Duration = Field(description="Seconds of speech, silence aside.", examples=[130.2])
    segments_count: SegmentCount
    overflowing_segments: list[int] = Field(
        description="Ids of segments that run past the video or further into the next than it may move, "
        "or for whose sake those before begin earlier than they may.",
        examples=[[]],
    )
    moved_segments: list[int] = Field(
        default=[],
        description="Where some segments are spoken again: ids of others that had to begin elsewhere or be "
        "spoken faster, because even the fewest words at the highest speed do not fit between them.",
        examples=[[]],
    )
    partial: bool = Field(
        default=False,
        description="Whether segments failed, be it all of them, which leaves the original sound in their "
        "places. The task fails instead where the voice cannot say a sample sentence either, where twenty in "
        "a row are refused, and where nothing new could be spoken in place of what was.",
    )
    failed_segments: list[int] = Field(
        default=[], description="Ids of segments that could not be spoken.", examples=[[]]
    )


class DubbedVideoResult(Linked):
    """What a `video_generation` task made."""

    video_id: VideoId
    language: LanguageTag
    languages: list[LanguageTag] = Field(description="Of its audio tracks.", examples=[["en"]])
    url: Url = Field(description="For playing.")
    download_url: Url = Field(description="For saving, with a file name.")
    duration: Duration
    file_size: int = Field(description="Bytes.", examples=[25600000])


class TrimResult(Linked):
    """What a `video_trim` task made."""

    video_id: VideoId = Field(description="The video that was cut from.")
    trimmed_video_id: VideoId = Field(description="The new video.")
    url: Url = Field(description="The new video's file.")
    duration: Duration = Field(description="Seconds, of the new video.")


class DubbedLanguage(Linked):
    """What a `dub` task made in a language. The error of one that failed is told by its `failed_task_id`."""

    language: LanguageTag
    status: Literal["completed", "failed"] = Field(description="What became of it.")
    task_ids: list[TaskId] = Field(description="The stages that were done, in their order.")
    url: Url | None = Field(description="The dubbed video; null if it failed.")
    download_url: Url | None = Field(description="The same as a download.")
    partial: bool = Field(
        description="Whether lines could not be translated or spoken: the original is in their places."
    )
    error: ErrorCode | None = Field(default=None, exclude_if=is_none, description="Why it failed.")
    failed_task_id: TaskId | None = Field(
        default=None, exclude_if=is_none, description="The stage that failed."
    )


class DubResult(Linked):
    """What a `dub` task made."""

    video_id: VideoId
    languages: list[DubbedLanguage] = Field(description="In the order they were asked for.")
    partial: bool = Field(description="Whether a language or some lines failed.")

    def with_base(self, base: str) -> Self:
        return self.model_copy(update={"languages": [each.with_base(base) for each in self.languages]})


TaskResult = (
    SubtitleExtractionResult | TranslationResult | SpeechResult | DubbedVideoResult | TrimResult | DubResult
)

RESULT_TYPES: dict[JobType, type[TaskResult]] = {
    JobType.SUBTITLE_EXTRACTION: SubtitleExtractionResult,
    JobType.TRANSLATION: TranslationResult,
    JobType.TTS_GENERATION: SpeechResult,
    JobType.VIDEO_GENERATION: DubbedVideoResult,
    JobType.VIDEO_TRIM: TrimResult,
    JobType.DUB: DubResult,
}


class TaskError(Response):
    """Why a task failed."""

    code: ErrorCode = Field(examples=["processing_error"])
    message: str = Field(
        description="What went wrong, for people.", examples=["오디오 품질이 낮아 처리할 수 없습니다."]
    )
    next: str = Field(description="What to do about it.")


class PartialProgress(Response):
    """What can be had of a running task before its end."""

    segments_count: int = Field(description="How many segments are finished.", examples=[48])
    url: Url = Field(description="Where they are.")


class TaskResponse(Response):
    """A task as it stands. `result` is there when it is completed, `error` when it failed."""

    task_id: TaskId
    video_id: VideoId
    type: JobType
    status: JobStatus
    progress: Progress
    message: str = Field(description="What it is doing, for people.", examples=["Processing audio chunk 2/3"])
    created_at: Timestamp
    updated_at: Timestamp
    reference: ShownReference = None
    parent_id: TaskId | None = Field(
        default=None, exclude_if=is_none, description="The task that this one is a stage of."
    )
    priority: int = Field(description="The higher, the sooner it is done.", examples=[0])
    not_before: Timestamp | None = Field(
        default=None,
        exclude_if=is_none,
        description="When it goes on, while it waits for an engine that cannot be reached.",
    )
    cost: float | None = Field(
        description="What it has come to so far, US dollars; null if something of that has no known price.",
        examples=[0.42],
    )
    completed_at: Timestamp | None = Field(description="When it ended, however; null before.")
    estimated_completion: Timestamp | None = Field(
        description="Null before the work has begun and once the task has ended."
    )
    partial: PartialProgress | None = Field(
        default=None, exclude_if=is_none, description="What is finished of it, while it runs."
    )
    result: TaskResult | None = Field(
        default=None, exclude_if=is_none, description="What was made, by `type`."
    )
    error: TaskError | None = Field(default=None, exclude_if=is_none, description="Why it failed.")


class TaskPage(Response):
    """Tasks, newest first; `next_cursor` leads to the next page and is null on the last."""

    tasks: list[TaskResponse] = Field(description="Newest first.")
    next_cursor: str | None = Field(description="For `cursor`; null on the last page.")


class VideoJob(Response):
    """One line in the list of a video's tasks."""

    job_id: TaskId
    job_type: JobType
    status: JobStatus
    progress: Progress
    created_at: Timestamp
    completed_at: Timestamp | None = Field(description="When it ended, however; null before.")


class VideoJobs(Response):
    """Every task of a video."""

    video_id: VideoId
    jobs: list[VideoJob] = Field(description="In the order they were started.")


class WorkerQueue(Response):
    """What a process does of one kind of job."""

    queue: QueueName = Field(
        description="`api` waits on the network, `cpu` keeps its machine busy, `trim` cuts, `pipeline` waits "
        "for the stages of dubs."
    )
    size: int | None = Field(
        description="How many at once, by the settings or by the machine as it is now; null for no limit.",
        examples=[8],
    )
    running: int = Field(description="How many are under way.", examples=[3])


class WorkerDetails(Response):
    """A process that does jobs."""

    name: str = Field(description="Its `WORKER_NAME`.", examples=["serve-host"])
    started_at: Timestamp = Field(description="When it started.")
    seen_at: Timestamp = Field(description="When it last gave a sign of life.")
    queues: list[WorkerQueue] = Field(description="As they were then.")


class WorkerList(Response):
    """The processes that live."""

    workers: list[WorkerDetails] = Field(description="By their names.")
