"""Lines that still take too long, said in fewer words and spoken again."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.core.errors import ErrorCode, Problem
from app.core.sharing import each_of
from app.translation.engines.base import LongLine
from app.translation.rewriting import Rewriter
from app.tts.reading import LINES_IN_FLIGHT, Performance, concerns_one_line
from app.tts.script import Script
from app.tts.speaking import Speaker
from app.tts.timeline import Placement, TimingLimits, plan_timeline, room
from app.tts.wording import fits_better, most_characters, said, shorter_wording

# Two shorter wordings that came with the translation, and two that are asked for.
MOST_ROUNDS = 4
_NO_MORE_THAN_SOFT = 1e-6
OF_MONEY = frozenset((ErrorCode.COST_LIMIT_REACHED, ErrorCode.QUOTA_REACHED, ErrorCode.PRICE_UNKNOWN))

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rewording:
    """Takes shorter wordings for lines that would have to be spoken faster than the soft speed: first those
    that came with the translation, then up to `rewrites` a line asked for by its measured length."""

    speaker: Speaker
    rewriter: Rewriter
    script: Script
    limits: TimingLimits
    rewrites: int
    report: Callable[[int], None]

    async def fitted(
        self, performed: Sequence[Performance]
    ) -> tuple[tuple[Performance, ...], tuple[Placement, ...]]:
        """The versions that fit best, and where they are placed."""
        lines = list(performed)
        placements = await asyncio.to_thread(self.plan, lines)
        for _ in range(MOST_ROUNDS):
            tight = [index for index in range(len(lines)) if self.is_tight(lines, placements, index)]
            if not tight:
                break
            self.report(len(tight))
            for index, performance in zip(tight, await self._all_shorter(lines, tight), strict=True):
                lines[index] = performance
            placements = await asyncio.to_thread(self.plan, lines)
        return tuple(lines), placements

    def plan(self, lines: Sequence[Performance]) -> tuple[Placement, ...]:
        """Where each would be placed as it is. Blocking."""
        return plan_timeline(
            self.script.slots,
            [performance.length for performance in lines],
            video_duration=self.script.duration,
            limits=self.limits,
            kept=self.script.kept,
            reserved={performance.line.id for performance in lines if performance.is_silent},
        )

    def _room(self, index: int) -> float:
        return room(
            self.script.slots,
            index,
            video_duration=self.script.duration,
            limits=self.limits,
            kept=self.script.kept,
        )

    def is_tight(self, lines: Sequence[Performance], placements: Sequence[Placement], index: int) -> bool:
        """Whether the line had better be said in fewer words, and perhaps can be."""
        performance, placement = lines[index], placements[index]
        if performance.version is None or performance.done or not self._may_be_shorter(performance):
            return False
        hurried = placement.speed > self.limits.soft_speed + _NO_MORE_THAN_SOFT or placement.overflow > 0
        return hurried and performance.length > self._room(index)

    def _may_be_shorter(self, performance: Performance) -> bool:
        return performance.rewrites < self.rewrites or any(_shorter_untried(performance))

    async def _all_shorter(self, lines: Sequence[Performance], tight: Sequence[int]) -> list[Performance]:
        async def shorter(index: int) -> Performance:
            return await self._shorter(lines[index], self._room(index))

        return await each_of(tight, shorter, at_once=LINES_IN_FLIGHT)

    async def _shorter(self, performance: Performance, space: float) -> Performance:
        """The line in fewer words if there are any, or else `done` with it."""
        untried = [text for text in performance.line.wordings if text not in performance.tried]
        text = shorter_wording(untried, performance.text, performance.length, space)
        if text is None and performance.rewrites < self.rewrites:
            text = await self._rewritten(performance, space)
            performance = replace(performance, rewrites=performance.rewrites + 1)
        if text is None or text in performance.tried:
            text = min(_shorter_untried(performance), key=len, default=None)
        if text is None:
            return replace(performance, done=True)
        return await self._spoken(performance, text, space)

    async def _rewritten(self, performance: Performance, space: float) -> str | None:
        """A line that cannot be rewritten is only spoken fast: that is no reason to fail."""
        translation = self.script.translation.row
        line = LongLine(
            text=performance.text,
            source_text=performance.line.source_text,
            source_language=translation.source_language,
            target_language=translation.target_language,
            most_characters=most_characters(performance.text, performance.length, space),
        )
        try:
            return await self.rewriter.shorten(line, translation.translation_model)
        except Problem as problem:
            if problem.code in OF_MONEY:
                raise
            logger.warning("line %s is not rewritten: %s", performance.line.id, problem)
            return None

    async def _spoken(self, performance: Performance, text: str, space: float) -> Performance:
        tried = performance.tried | {text}
        try:
            version = await self.speaker.speak(text, performance.line.delivery)
        except Problem as problem:
            if not concerns_one_line(problem):
                raise
            return replace(performance, done=True)
        counted = replace(
            performance,
            attempts=performance.attempts + 1,
            cost=_sum(performance.cost, version.cost),
            tried=tried,
        )
        if not fits_better(version.length, performance.length, space):
            return counted
        return replace(counted, text=text, length=version.length, version=version)


def _shorter_untried(performance: Performance) -> list[str]:
    """Wordings that came with the translation and have fewer words than the one that is spoken."""
    untried = (text for text in performance.line.wordings if text not in performance.tried)
    return [text for text in untried if len(said(text)) < len(said(performance.text))]


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second
