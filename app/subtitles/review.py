"""Checking and mending a track over HTTP, whatever its language."""

import asyncio
from collections.abc import Sequence
from itertools import groupby

from app.core.locales import Catalogue
from app.subtitles.mending import mend
from app.subtitles.readability import Finding, ReadingRules, check, rules_for
from app.subtitles.schemas import (
    ReadabilityCheck,
    ReadabilityFinding,
    ReadingLimits,
    TrackFixed,
    UnreadableSegment,
)
from app.subtitles.segments import Segment
from app.videos.models import Video


def rules_of(video: Video, language: str) -> ReadingRules:
    """The rules for subtitles of the video in a language (BCP 47)."""
    return rules_for(language, float(video.info.video.frame_rate) or None)


async def mended(segments: Sequence[Segment], video: Video, language: str) -> tuple[Segment, ...]:
    """As `mend` does, beside the event loop."""
    return await asyncio.to_thread(mend, segments, rules_of(video, language), duration=video.duration)


async def checked(
    segments: Sequence[Segment], video: Video, language: str, texts: Catalogue
) -> ReadabilityCheck:
    """What is not readable in a track, told in the reader's language."""
    rules = rules_of(video, language)
    findings = await asyncio.to_thread(check, segments, rules)
    return ReadabilityCheck(
        language=language,
        rules=_limits(rules),
        findings_count=len(findings),
        segments=[
            UnreadableSegment(id=segment_id, findings=[_finding(one, texts) for one in found])
            for segment_id, found in groupby(findings, key=lambda finding: finding.segment_id)
        ],
    )


async def fixed(
    before: Sequence[Segment],
    after: Sequence[Segment],
    video: Video,
    language: str,
    texts: Catalogue,
    *,
    saved: bool,
) -> TrackFixed:
    """What became of a track that is mended."""
    former = {segment.id: segment for segment in before}
    kept = [(former[segment.id], segment) for segment in after if segment.id in former]
    same_words = [(old, new) for old, new in kept if old.text.split() == new.text.split()]
    return TrackFixed(
        saved=saved,
        added_segments=len(after) - len(kept),
        removed_segments=len(former) - len(kept),
        rewrapped_segments=sum(old.text != new.text for old, new in same_words),
        retimed_segments=sum((old.start, old.end) != (new.start, new.end) for old, new in kept),
        findings_before=len(await asyncio.to_thread(check, before, rules_of(video, language))),
        remaining=await checked(after, video, language, texts),
    )


def _limits(rules: ReadingRules) -> ReadingLimits:
    return ReadingLimits(
        characters_per_line=rules.characters_per_line,
        lines=rules.lines,
        characters_per_second=rules.characters_per_second,
        least_seconds=round(rules.least_seconds, 3),
        most_seconds=rules.most_seconds,
        least_gap=round(rules.least_gap, 3),
    )


def _finding(finding: Finding, texts: Catalogue) -> ReadabilityFinding:
    details = {"measured": finding.measured, "limit": finding.limit, "other_id": finding.other_id or 0}
    return ReadabilityFinding(
        rule=finding.rule,
        measured=finding.measured,
        limit=finding.limit,
        other_id=finding.other_id,
        message=texts.finding(finding.rule, details),
    )
