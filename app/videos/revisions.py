"""What was made from what, and whether that is still the newest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.videos.models import Artifact, ArtifactKind, Source, sources_from_json
from app.videos.schemas import Origin
from app.videos.storage import artifacts_of

_Newest = Mapping[tuple[ArtifactKind, str | None], int]


@dataclass(frozen=True, slots=True)
class Lineage:
    """The revision of something made from a video, and what it was made from."""

    revision: int
    made_from: tuple[Origin, ...] = ()

    @property
    def stale(self) -> bool:
        """Whether something it was made from has changed since."""
        return any(origin.revision < origin.newest for origin in self.made_from)


async def lineage_of(
    session: AsyncSession, video_id: str, kind: ArtifactKind, language: str | None = None
) -> Lineage:
    """Of the one that is there; the original subtitles are found without their language."""
    artifacts = await artifacts_of(session, video_id)
    wanted = (kind, language)
    return next(lineage(found, artifacts) for found in artifacts if _place(found) == wanted)


def lineage(artifact: Artifact, artifacts: Sequence[Artifact]) -> Lineage:
    """`artifacts` are all of the video."""
    newest = {_place(other): other.revision for other in artifacts}
    sources = sources_from_json(artifact.made_from)
    return Lineage(artifact.revision, tuple(_origin(source, newest) for source in sources))


def _place(artifact: Artifact) -> tuple[ArtifactKind, str | None]:
    return artifact.kind, None if artifact.kind is ArtifactKind.SUBTITLES else artifact.language


def _origin(source: Source, newest: _Newest) -> Origin:
    return Origin(
        kind=source.kind,
        language=source.language,
        revision=source.revision,
        newest=newest.get((source.kind, source.language), source.revision),
    )
