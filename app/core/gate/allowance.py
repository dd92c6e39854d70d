"""So many requests, or tokens, in a minute."""

import math
from collections import deque
from dataclasses import dataclass

MINUTE = 60.0


@dataclass(slots=True)
class Expense:
    """What was spent, and when, in seconds of the gate's clock."""

    amount: int
    at: float


class Allowance:
    """In no stretch of 60 s is more spent than `per_minute`; None is no limit.

    Whoever needs more than that alone goes through once nothing was spent for a minute.
    """

    def __init__(self, per_minute: int | None) -> None:
        self._limit = math.inf if per_minute is None else per_minute
        self._expenses: deque[Expense] = deque()
        self._spent = 0

    def delay(self, amount: int, now: float) -> float:
        """In how many seconds so much may be spent."""
        while self._expenses and self._expenses[0].at + MINUTE <= now:
            self._spent -= self._expenses.popleft().amount
        excess = self._spent - max(0, self._limit - amount)
        delay = 0.0
        for expense in self._expenses:
            if excess <= 0:
                break
            excess -= expense.amount
            delay = expense.at + MINUTE - now
        return delay

    def spend(self, amount: int, now: float) -> Expense:
        expense = Expense(amount, now)
        self._expenses.append(expense)
        self._spent += amount
        return expense

    def correct(self, expense: Expense, amount: int) -> None:
        """What it came to in truth."""
        if self._expenses and expense.at >= self._expenses[0].at:
            self._spent += amount - expense.amount
        expense.amount = amount
