"""Sums over the book of calls and over what the memo keeps."""

from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.core.caller import Caller
from app.ledger.models import UsageEntry
from app.memo.models import MemoEntry
from app.projects.access import videos_within_reach
from app.usage.schemas import (
    Grouping,
    MemoKind,
    MemoReport,
    MemoSums,
    UsageGroup,
    UsageReport,
    UsageSums,
)

_KEYS: dict[Grouping, InstrumentedAttribute[Any]] = {
    "day": UsageEntry.day,
    "model": UsageEntry.model,
    "video": UsageEntry.video_id,
}
_VIDEO = cast("InstrumentedAttribute[str]", UsageEntry.video_id)
_SUMS = (
    func.count().label("calls"),
    func.coalesce(func.sum(UsageEntry.input_tokens), 0).label("input_tokens"),
    func.coalesce(func.sum(UsageEntry.output_tokens), 0).label("output_tokens"),
    func.coalesce(func.sum(UsageEntry.audio_seconds), 0.0).label("audio_seconds"),
    func.coalesce(func.sum(UsageEntry.characters), 0).label("characters"),
    func.coalesce(func.sum(UsageEntry.cost), 0.0).label("cost"),
    (func.count() - func.count(UsageEntry.cost)).label("unpriced_calls"),
)
_MEMO_SUMS = (
    func.count().label("entries"),
    func.coalesce(func.sum(MemoEntry.size), 0).label("bytes"),
    func.coalesce(func.sum(MemoEntry.hits), 0).label("hits"),
    func.coalesce(func.sum(MemoEntry.hits * MemoEntry.cost), 0.0).label("saved_cost"),
    func.coalesce(func.sum(MemoEntry.hits * MemoEntry.seconds), 0.0).label("saved_seconds"),
)


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Calls on days (UTC) from `first` to `last`, both included, and for one video; None leaves all in. They
    are for videos within the `caller`'s reach."""

    caller: Caller
    first: date | None = None
    last: date | None = None
    video_id: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = [videos_within_reach(self.caller, _VIDEO)]
        if self.first is not None:
            conditions.append(UsageEntry.day >= self.first)
        if self.last is not None:
            conditions.append(UsageEntry.day <= self.last)
        if self.video_id is not None:
            conditions.append(UsageEntry.video_id == self.video_id)
        return conditions


async def report_usage(session: AsyncSession, group_by: Grouping, calls: CallFilter) -> UsageReport:
    conditions, key = calls.conditions(), _KEYS[group_by]
    grouped = select(key.label("key"), *_SUMS).where(*conditions).group_by(key).order_by(key)
    groups = (await session.execute(grouped)).mappings().all()
    total = (await session.execute(select(*_SUMS).where(*conditions))).mappings().one()
    return UsageReport(
        group_by=group_by,
        groups=[_group(row) for row in groups],
        total=UsageSums.model_validate(dict(total)),
    )


def _group(row: RowMapping) -> UsageGroup:
    key = row["key"]
    return UsageGroup.model_validate({**row, "key": key if key is None else str(key)})


async def report_memo(session: AsyncSession) -> MemoReport:
    by_kind = (
        select(MemoEntry.kind.label("kind"), *_MEMO_SUMS).group_by(MemoEntry.kind).order_by(MemoEntry.kind)
    )
    kinds = (await session.execute(by_kind)).mappings().all()
    total = (await session.execute(select(*_MEMO_SUMS))).mappings().one()
    return MemoReport(
        kinds=[MemoKind.model_validate(dict(row)) for row in kinds],
        total=MemoSums.model_validate(dict(total)),
    )
