"""The job of the videos feature: making the file of a cut video."""

import asyncio
from dataclasses import dataclass

from app.jobs.models import JobType
from app.jobs.schemas import TrimResult
from app.jobs.task import RunningJob, TaskDefinition
from app.media.ffmpeg import FFmpegWrapper
from app.media.probe import probe
from app.projects.quotas import publish_objects
from app.storage.manager import StorageManager
from app.videos import storage as rows
from app.videos.editing import cut
from app.videos.metadata import metadata_of
from app.videos.models import VideoStatus
from app.videos.service import TrimTask, VideoProcessor


@dataclass(frozen=True, slots=True)
class VideoTrim:
    """Cuts a video exactly and gives the new one its file."""

    videos: VideoProcessor
    storage: StorageManager
    ffmpeg: FFmpegWrapper

    def definition(self) -> TaskDefinition[TrimTask]:
        return TaskDefinition(JobType.VIDEO_TRIM, TrimTask, self.run)

    async def run(self, job: RunningJob[TrimTask]) -> None:
        request = job.request
        source = await self.videos.source(request.source_id, job.scratch)
        out = job.scratch / "trimmed.mp4"
        await cut(
            self.ffmpeg,
            source.path,
            source.info,
            request.start_time,
            request.end_time,
            out,
            on_progress=job.span(0.0, 0.95, "cutting"),
        )
        info = await asyncio.to_thread(probe, out)
        job.report(0.97, "storing")
        key = f"{job.objects}source"
        stored = await self.storage.put_file(key, out)
        metadata = metadata_of(info, stored.size)
        async with job.completing() as completion:
            video = await rows.get_video(completion.session, job.video_id)
            video.path, video.status = key, VideoStatus.UPLOADED
            video.duration, video.file_size = metadata.duration, metadata.file_size
            await publish_objects(completion.session, video.id, {key: stored.size})
            video.format, video.media, video.resolution = metadata.format, metadata.media, metadata.resolution
            await completion.finish(
                TrimResult(
                    video_id=request.source_id,
                    trimmed_video_id=video.id,
                    url=f"/api/videos/{video.id}/file",
                    duration=metadata.duration,
                )
            )
