"""Whether an engine is worth asking: some fail at a line now and then, others can do none."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.core.errors import ErrorCode, Problem

MOST_FAILURES_AT_FIRST = 3
MOST_FAILURES_IN_A_ROW = 10
# What another question may not meet.
_OF_ONE_QUESTION = frozenset((ErrorCode.ENGINE_BAD_ANSWER, ErrorCode.ENGINE_REFUSED))


@dataclass(slots=True)
class Trust:
    """In the engine of one job, by what has become of the questions to it, many at a time."""

    _ever_answered: bool = False
    _failures_in_a_row: int = 0
    _under_way: int = 0

    @property
    def is_lost(self) -> bool:
        """Whether nothing more is to be expected of the engine, good as it once was."""
        return self._failures_in_a_row >= MOST_FAILURES_IN_A_ROW

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around one question."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def answered(self) -> None:
        self._ever_answered = True
        self._failures_in_a_row = 0

    def failed(self, problem: Problem) -> None:
        """Raises the problem if it concerns all questions: always so what is wrong with the account or the
        connection, and the rest where the engine has answered none of the first few, and none is left that
        it may yet answer, or of many."""
        self._failures_in_a_row += 1
        is_hopeless = self._failures_in_a_row >= MOST_FAILURES_AT_FIRST and not self._under_way
        is_no_engine = not self._ever_answered and (is_hopeless or self.is_lost)
        if problem.code not in _OF_ONE_QUESTION or is_no_engine:
            raise problem
