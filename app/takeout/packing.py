"""What is in a project, as files of a ZIP that is written while it is sent."""

import json
import re
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from zipstream import ZipStream

from app.accounts.models import ApiKey, User
from app.accounts.schemas import key_details, user_details
from app.audit.models import AuditEntry
from app.core.errors import ErrorCode, Problem
from app.projects.models import Holding, Member, Project, Role
from app.projects.schemas import project_details
from app.render.models import GeneratedVideo
from app.render.report_schemas import REPORT
from app.storage.manager import StorageManager
from app.subtitles.formatter import serialise
from app.subtitles.models import Subtitles
from app.subtitles.segments import Segment
from app.subtitles.storage import load_track as load_original
from app.subtitles.tracks import cues_of
from app.takeout.records import (
    audit_of,
    calls_of,
    links_of,
    memberships_of,
    sign_ins_of,
    tasks_of,
    webhooks_of,
)
from app.translation.models import Translation
from app.translation.storage import load_track as load_translation
from app.tts.models import SpeechSegment
from app.videos.models import Video

READ_BYTES = 1 << 20
UNSAFE = re.compile(r"[^\w.() -]")


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file of the ZIP: its `content`, or the `key` of the object that has it."""

    name: str
    content: bytes = b""
    key: str | None = None


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What is known of a video; `duration` in seconds."""

    video_id: str
    title: str
    description: str | None
    filename: str
    reference: str | None
    source_language: str
    duration: float
    created_at: datetime


_FACTS = TypeAdapter(VideoFacts)


async def files_of_project(session: AsyncSession, project: Project) -> list[PackedFile]:
    """Its videos with their tracks and dubs, its members, tasks, links and webhooks, what it has used, and
    its log."""
    here = f"projects/{project.id}"
    rows = await session.execute(
        select(User.email, Member.role)
        .join(User, User.id == Member.user_id)
        .where(Member.project_id == project.id)
        .order_by(Member.since)
    )
    members = [{"email": email, "role": role} for email, role in rows]
    files = [
        PackedFile(f"{here}/project.json", project_details(project).model_dump_json(indent=2).encode()),
        PackedFile(f"{here}/members.json", _json(members)),
        await _readable(f"{here}/tasks.json", tasks_of(session, project)),
        PackedFile(f"{here}/usage.json", await calls_of(session, project)),
        await _readable(f"{here}/links.json", links_of(session, project)),
        await _readable(f"{here}/webhooks.json", webhooks_of(session, project)),
        PackedFile(f"{here}/audit.json", await audit_of(session, AuditEntry.project_id == project.id)),
    ]
    held = select(Holding.video_id).where(Holding.project_id == project.id)
    for video in await session.scalars(select(Video).where(Video.id.in_(held)).order_by(Video.id)):
        files += await _files_of_video(session, f"{here}/videos/{video.id}", video)
    return files


async def files_of_user(session: AsyncSession, user: User) -> list[PackedFile]:
    """The account with its keys, sign-ins, memberships and log, and every project that the user owns."""
    keys = await session.scalars(select(ApiKey).where(ApiKey.user_id == user.id).order_by(ApiKey.id))
    files = [
        PackedFile("account.json", user_details(user).model_dump_json(indent=2).encode()),
        PackedFile("keys.json", _json([key_details(key).model_dump(mode="json") for key in keys])),
        PackedFile("sign_ins.json", await sign_ins_of(session, user.id)),
        PackedFile("memberships.json", await memberships_of(session, user.id)),
        PackedFile("audit.json", await audit_of(session, AuditEntry.user_id == user.id)),
    ]
    owned = select(Member.project_id).where(Member.user_id == user.id, Member.role == Role.OWNER)
    for project in await session.scalars(select(Project).where(Project.id.in_(owned)).order_by(Project.id)):
        files += await files_of_project(session, project)
    return files


def packed(storage: StorageManager, files: Sequence[PackedFile]) -> Iterator[bytes]:
    """The ZIP, some of it at a time; for a thread. Of what is deleted meanwhile, a file is empty."""
    stream = ZipStream()
    for file in files:
        stream.add(file.content if file.key is None else _content(storage, file.key), file.name)
    yield from stream


async def _files_of_video(session: AsyncSession, here: str, video: Video) -> list[PackedFile]:
    facts = VideoFacts(
        video.id,
        video.title,
        video.description,
        video.filename,
        video.reference,
        video.source_language,
        video.duration,
        video.created_at,
    )
    files = [PackedFile(f"{here}/video.json", _FACTS.dump_json(facts, indent=2))]
    if video.path is not None:
        files.append(PackedFile(f"{here}/original/{UNSAFE.sub('_', video.filename)}", key=video.path))
    files += await _tracks(session, f"{here}/subtitles", video)
    return files + await _spoken_lines(session, here, video) + await _dubs(session, here, video)


async def _tracks(session: AsyncSession, here: str, video: Video) -> list[PackedFile]:
    heard = await session.scalar(select(Subtitles.video_id).where(Subtitles.video_id == video.id))
    languages = await session.scalars(
        select(Translation.target_language)
        .where(Translation.video_id == video.id)
        .order_by(Translation.target_language)
    )
    translations = [
        await _readable(f"{here}/{language}.vtt", _translation(session, video.id, language))
        for language in languages.all()
    ]
    if heard is None:
        return translations
    return [await _readable(f"{here}/original.vtt", _original(session, video.id)), *translations]


async def _original(session: AsyncSession, video_id: str) -> bytes:
    track = await load_original(session, video_id)
    return _vtt(track.segments, track.row.language)


async def _translation(session: AsyncSession, video_id: str, language: str) -> bytes:
    return _vtt((await load_translation(session, video_id, language)).segments, language)


async def _readable(name: str, reading: Awaitable[bytes]) -> PackedFile:
    """What is damaged is named in its place: the rest can be taken along."""
    try:
        return PackedFile(name, await reading)
    except Problem as problem:
        if problem.code is not ErrorCode.CONTENT_DAMAGED:
            raise
        return PackedFile(f"{name}.damaged.txt", str(problem).encode())


async def _spoken_lines(session: AsyncSession, here: str, video: Video) -> list[PackedFile]:
    """As they are placed: a WAV for each."""
    clips = (
        select(SpeechSegment.language, SpeechSegment.id, SpeechSegment.clip)
        .where(SpeechSegment.video_id == video.id, SpeechSegment.clip.is_not(None))
        .order_by(SpeechSegment.language, SpeechSegment.id)
    )
    return [
        PackedFile(f"{here}/speech/{language}/{number}.wav", key=clip)
        for language, number, clip in await session.execute(clips)
    ]


async def _dubs(session: AsyncSession, here: str, video: Video) -> list[PackedFile]:
    """With what was measured in them."""
    files = []
    dubs = select(GeneratedVideo).where(GeneratedVideo.video_id == video.id)
    for dub in await session.scalars(dubs.order_by(GeneratedVideo.audio_language)):
        name = f"{here}/dubs/{dub.audio_language}"
        files.append(PackedFile(f"{name}.{dub.format}", key=dub.path))
        files.append(PackedFile(f"{name}.report.json", key=f"{dub.objects}{REPORT}"))
    return files


def _vtt(segments: Sequence[Segment], language: str) -> bytes:
    return serialise(cues_of(segments), "vtt", language).encode()


def _json(rows: Sequence[object]) -> bytes:
    return json.dumps(rows, indent=2, ensure_ascii=False).encode()


def _content(storage: StorageManager, key: str) -> Iterator[bytes]:
    with suppress(FileNotFoundError), storage.open(key) as file:
        while data := file.read(READ_BYTES):
            yield data
