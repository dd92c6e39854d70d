"""How many calls at once: as many as the engine stands."""


class Window:
    """Grows by one with every windowful of successes, up to `most`; halves when the engine is congested.

    It halves once in a round trip: what a call met that had set out before the last halving is old news.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = float(most)
        self._halvings = 0

    @property
    def size(self) -> int:
        return int(self._size)

    @property
    def age(self) -> int:
        """Which stretch between two halvings it is."""
        return self._halvings

    def widen(self) -> None:
        """A call succeeded."""
        self._size = min(self._most, self._size + 1 / self._size)

    def halve(self, age: int) -> None:
        """A call that set out at this `age` was refused or got no answer in time."""
        if age == self._halvings:
            self._size = max(1.0, self._size / 2)
            self._halvings += 1
