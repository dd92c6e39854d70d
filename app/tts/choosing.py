"""Which wording of each line is spoken first: told by the script alone, so that whoever speaks lines before
all are there chooses the same."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from app.tts.script import Line
from app.tts.timeline import Slot, TimingLimits, room
from app.tts.wording import LengthEstimate, Pace, best_wording

# Lines that are spoken to learn the pace of a voice nobody has heard.
FIRST_LINES = 4


@dataclass(frozen=True, slots=True)
class WordingChoice:
    """By the `slots` of all lines of a video of `duration` seconds, and by how fast the voices speak."""

    slots: Sequence[Slot]
    duration: float
    limits: TimingLimits
    estimate: LengthEstimate

    def wording(self, line: Line, index: int) -> str:
        """What is said in the slot of that `index`."""
        if line.settled is not None:
            return line.settled
        space = room(self.slots, index, video_duration=self.duration, limits=self.limits)
        return best_wording(line.wordings, lambda text: self.estimated(line, text), space)

    def estimated(self, line: Line, text: str) -> float:
        """Seconds."""
        return self.estimate.seconds(text, line.delivery.voice_id, line.delivery.speaking_rate)

    def is_open(self, line: Line) -> bool:
        """Whether there are several wordings and the pace of the voice, which decides, is not known."""
        return (
            line.settled is None
            and len(line.wordings) > 1
            and not self.estimate.knows(line.delivery.voice_id)
        )

    def first_lines(self, lines: Iterable[Line]) -> dict[str, list[Line]]:
        """Of each voice nobody has heard the first open lines, which show its pace for all after them."""
        first: dict[str, list[Line]] = {}
        for line in lines:
            if self.is_open(line):
                of_voice = first.setdefault(line.delivery.voice_id, [])
                if len(of_voice) < FIRST_LINES:
                    of_voice.append(line)
        return first

    def having_heard(self, spoken: Iterable[tuple[str, Pace]]) -> "WordingChoice":
        """Once first lines are spoken: their voices and what each said."""
        return replace(self, estimate=self.estimate.having_heard(spoken))
