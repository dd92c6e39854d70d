"""Which wording of each line is spoken first: told by the script alone, so that whoever speaks lines before
all are there chooses the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.tts.schemas import SpeechOptions
from app.tts.script import Line
from app.tts.timeline import Placement, Slot, TimingLimits, room
from app.tts.wording import LengthEstimate, Pace, best_wording

# Lines that are spoken to learn the pace of a voice nobody has heard.
FIRST_LINES = 4
# A voice is hardly so many times slower or faster than is usual in its language.
_STRANGEST_PACE = 1.5


@dataclass(frozen=True, slots=True)
class WordingChoice:
    """By the `slots` of all lines of a video of `duration` seconds, the places of those that are `kept` (by
    id), and how fast the voices speak."""

    slots: Sequence[Slot]
    duration: float
    limits: TimingLimits
    estimate: LengthEstimate
    kept: Mapping[int, Placement] = field(default_factory=dict)

    def wording(self, line: Line, index: int) -> str:
        """What is said in the slot of that `index`."""
        return self._fitting(line, index) if line.settled is None else line.settled

    def estimated(self, line: Line, text: str) -> float:
        """Seconds."""
        return self.estimate.seconds(text, line.delivery.voice_id, line.delivery.speaking_rate)

    def is_open(self, line: Line, index: int) -> bool:
        """Whether it hangs on the pace of a voice nobody has heard which of its wordings fits."""
        if line.settled is not None or self.estimate.knows(line.delivery.voice_id):
            return False
        return self._fitting(line, index, _STRANGEST_PACE) != self._fitting(line, index, 1 / _STRANGEST_PACE)

    def first_lines(self, lines: Iterable[Line]) -> dict[str, list[Line]]:
        """Of all lines, or those up to some, the first open ones of each voice nobody has heard, which show
        its pace for the others."""
        first: dict[str, list[Line]] = {}
        for index, line in enumerate(lines):
            if self.is_open(line, index):
                of_voice = first.setdefault(line.delivery.voice_id, [])
                if len(of_voice) < FIRST_LINES:
                    of_voice.append(line)
        return first

    def having_heard(self, spoken: Iterable[tuple[str, Pace]]) -> "WordingChoice":
        """Once first lines are spoken: their voices and what each said."""
        return replace(self, estimate=self.estimate.having_heard(spoken))

    def _fitting(self, line: Line, index: int, slowness: float = 1.0) -> str:
        space = room(self.slots, index, video_duration=self.duration, limits=self.limits, kept=self.kept)
        return best_wording(line.wordings, lambda text: slowness * self.estimated(line, text), space)


def limits_of(options: SpeechOptions) -> TimingLimits:
    """A job that was started before there were such limits goes by the usual ones."""
    usual = TimingLimits()
    return TimingLimits(
        soft_speed=options.soft_speed or usual.soft_speed,
        max_speed=options.max_speed or usual.max_speed,
        max_shift=usual.max_shift if options.max_shift is None else options.max_shift,
        min_gap=options.silence_padding,
    )
