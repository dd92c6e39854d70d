"""So many requests and tokens in a minute, for all processes together."""

import asyncio
import logging
from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import seen_through
from app.core.database import Database, database_time, insert_into, take_turn
from app.core.errors import Problem
from app.core.gate.allowance import MINUTE
from app.core.gate.gate import GateLimits
from app.ledger.models import SpentSecond

TURN = "minutes"

logger = logging.getLogger(__name__)


class SharedMinutes:
    """What every process spends is noted by the second, and in no minute is it more than the limits allow.

    What one alone needs beyond a limit goes through once nothing was spent for a minute. Where the database
    does not answer, each process keeps the limits for itself.
    """

    def __init__(self, database: Database, limits: GateLimits) -> None:
        self._database = database
        self._requests = limits.requests_per_minute
        self._tokens = limits.tokens_per_minute
        self._turn = asyncio.Lock()

    async def spend(self, tokens: int) -> int | None:
        """One request that is expected to take so many tokens, once there is room for it. Returns the second
        it is noted under, None if it is not."""
        if self._requests is None and self._tokens is None:
            return None
        async with self._turn:
            while True:
                try:
                    now, delay = await seen_through(self._try(tokens))
                except (SQLAlchemyError, Problem) as error:
                    logger.warning("a call is not counted with those of other processes: %s", error)
                    return None
                if delay <= 0:
                    return int(now)
                await asyncio.sleep(delay)

    async def correct(self, second: int, tokens: int) -> None:
        """So many tokens more, or fewer, than were expected."""
        try:
            async with self._database.write() as session:
                spent = update(SpentSecond).where(SpentSecond.second == second)
                await session.execute(spent.values(tokens=SpentSecond.tokens + tokens))
        except (SQLAlchemyError, Problem) as error:
            logger.warning("the tokens of a call are not told to other processes: %s", error)

    async def _try(self, tokens: int) -> tuple[float, float]:
        """Spends if there is room. The time, and in how many seconds there may be room if there is none."""
        async with self._database.write() as session:
            await take_turn(session, TURN)
            now = (await database_time(session)).timestamp()
            last = await session.scalars(select(SpentSecond).where(SpentSecond.second > now - MINUTE - 1))
            spent = sorted(last, key=lambda row: row.second)
            delay = max(
                _delay([(row.second, row.requests) for row in spent], self._requests, 1, now),
                _delay([(row.second, row.tokens) for row in spent], self._tokens, tokens, now),
            )
            if delay <= 0:
                await _note(session, int(now), tokens)
        return now, delay


def _delay(spent: Sequence[tuple[int, int]], limit: int | None, amount: int, now: float) -> float:
    """In how many seconds so much may be spent. A second counts until its last moment is a minute ago."""
    if limit is None:
        return 0.0
    excess = sum(spending for _, spending in spent) - max(0, limit - amount)
    delay = 0.0
    for second, spending in spent:
        if excess <= 0:
            break
        excess -= spending
        delay = second + 1 + MINUTE - now
    return delay


async def _note(session: AsyncSession, second: int, tokens: int) -> None:
    insert = insert_into(session, SpentSecond).values(second=second, requests=1, tokens=tokens)
    more = {"requests": SpentSecond.requests + 1, "tokens": SpentSecond.tokens + tokens}
    await session.execute(insert.on_conflict_do_update(index_elements=[SpentSecond.second], set_=more))
    await session.execute(delete(SpentSecond).where(SpentSecond.second < second - 2 * MINUTE))
