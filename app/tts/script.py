"""What a job has to speak: the lines of a translation, and what there was of them before."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from app.subtitles.segments import Segment
from app.translation.storage import TranslatedTrack
from app.tts.models import SpeechSegment
from app.tts.schemas import RegenerateSpeech
from app.tts.speech_task import SpeechTask
from app.tts.storage import Delivery, SpokenTrack, delivery_of
from app.tts.timeline import Placement, Slot


@dataclass(frozen=True, slots=True)
class Line:
    """A segment and how it is to be spoken.

    `wordings` say the same, the longest first. `former` is what there was of the line: one that is `fixed`
    stays as it was, and of another the `settled` wording was chosen then and is not chosen again.
    """

    slot: Slot
    wordings: tuple[str, ...]
    source_text: str | None
    delivery: Delivery
    former: SpeechSegment | None = None
    settled: str | None = None
    fixed: bool = False

    @property
    def id(self) -> int:
        return self.slot.id

    @property
    def stays_silent(self) -> bool:
        """Whether it failed before and is not spoken again."""
        return self.fixed and self.former is not None and self.former.failure is not None

    @property
    def placed_before(self) -> Placement | None:
        """Where it stays if it is fixed."""
        row = self.former
        if row is None or not self.fixed:
            return None
        return Placement(
            id=row.id,
            start=row.placed_start,
            speed=row.speed,
            duration=row.duration,
            overflow=row.overflow,
            borrowed=row.borrowed,
            moved=row.moved,
        )


@dataclass(frozen=True, slots=True)
class Script:
    """All lines in order of time, their `slots`, and the places of those that stay where they are heard
    (`kept`, by id), for a video of `duration` seconds."""

    lines: tuple[Line, ...]
    slots: tuple[Slot, ...]
    kept: Mapping[int, Placement]
    duration: float
    translation: TranslatedTrack
    former: SpokenTrack | None


def script_of(
    request: SpeechTask, translation: TranslatedTrack, former: SpokenTrack | None, duration: float
) -> Script:
    """Everything anew, or the former track with the segments to speak again as they are translated now.

    A file that a user brought may go on after the video's end: nobody would hear that.
    """
    if request.again is None or former is None:
        lines = lines_of(request, translation.voiced, former, duration)
    else:
        again = _again(request, request.again, translation, former)
        lines = tuple(sorted(again, key=lambda line: _place(line.slot)))
    kept = {
        line.id: place
        for line in lines
        if (place := line.placed_before) is not None and not line.stays_silent
    }
    return Script(lines, tuple(line.slot for line in lines), kept, duration, translation, former)


def slots_of(segments: Iterable[Segment], duration: float) -> tuple[Slot, ...]:
    """Those of a script in which all the segments are spoken."""
    heard = (segment for segment in segments if segment.start < duration)
    return tuple(sorted((_slot(segment) for segment in heard), key=_place))


def lines_of(
    request: SpeechTask, segments: Iterable[Segment], former: SpokenTrack | None, duration: float
) -> tuple[Line, ...]:
    """The segments as they are to be spoken anew, in order of time."""
    rows = {row.id: row for row in former.segments} if former else {}
    settles = former is not None and former.row.options == request.options.model_dump(mode="json")
    heard = (segment for segment in segments if segment.start < duration)
    lines = [_line(request, segment, rows.get(segment.id), settles) for segment in heard]
    return tuple(sorted(lines, key=lambda line: _place(line.slot)))


def _slot(segment: Segment) -> Slot:
    return Slot(segment.id, segment.start, segment.end)


def _place(slot: Slot) -> tuple[float, float]:
    return slot.start, slot.end


def _line(request: SpeechTask, segment: Segment, row: SpeechSegment | None, settles: bool) -> Line:
    options = request.options
    delivery = Delivery(
        voice_id=_voice_of(segment.speaker, request),
        speaking_rate=options.speaking_rate,
        pitch=options.pitch,
        volume_gain_db=options.volume_gain_db,
        speaker=segment.speaker,
    )
    if row is None or row.translated_text != segment.text:
        return _to_speak(segment, delivery)
    # A take that a user asked for stays until its words or its voice change.
    before = delivery_of(row)
    taken = replace(delivery, take=before.take) if before.voice_id == delivery.voice_id else delivery
    return _to_speak(segment, taken, row, settles=settles)


def _voice_of(speaker: str | None, request: SpeechTask) -> str:
    return request.voices.get(speaker or "", request.voice_id or "")


def _again(
    request: SpeechTask, again: RegenerateSpeech, translation: TranslatedTrack, former: SpokenTrack
) -> Iterator[Line]:
    """The track's own segments, also where the translation has gained or lost some since."""
    translated = {segment.id: segment for segment in translation.voiced}
    named = set(again.segment_ids or ())
    for row in former.segments:
        if row.id not in named:
            slot = Slot(row.id, row.start_time, row.end_time)
            yield Line(slot, (row.text,), None, delivery_of(row), former=row, fixed=True)
            continue
        segment = translated.get(row.id) or _as_spoken(row)
        before = delivery_of(row)
        if segment.speaker != before.speaker:
            before = replace(before, voice_id=_voice_of(segment.speaker, request), speaker=segment.speaker)
        yield _to_speak(segment, _retaken(before, again), row, settles=True)


def _to_speak(
    segment: Segment, delivery: Delivery, row: SpeechSegment | None = None, *, settles: bool = False
) -> Line:
    return Line(
        slot=_slot(segment),
        wordings=tuple(dict.fromkeys((segment.text, *segment.shorter))),
        source_text=segment.original_text,
        delivery=delivery,
        former=row,
        settled=row.text if row and settles and _is_settled(row, segment, delivery) else None,
    )


def _is_settled(row: SpeechSegment, segment: Segment, delivery: Delivery) -> bool:
    """Whether its words were chosen for the same text, time and pace."""
    before = delivery_of(row)
    return (
        row.failure is None
        and row.translated_text == segment.text
        and (row.start_time, row.end_time) == (segment.start, segment.end)
        and (before.voice_id, before.speaking_rate) == (delivery.voice_id, delivery.speaking_rate)
    )


def _as_spoken(row: SpeechSegment) -> Segment:
    text = row.translated_text or row.text
    return Segment(row.id, row.start_time, row.end_time, text, speaker=delivery_of(row).speaker)


def _retaken(former: Delivery, again: RegenerateSpeech) -> Delivery:
    """As before but for what is given, and another take of it."""
    spoken = replace(former, voice_id=again.voice_id or former.voice_id, take=former.take + 1)
    if again.options is None:
        return spoken
    return replace(
        spoken,
        speaking_rate=again.options.speaking_rate,
        pitch=again.options.pitch,
        volume_gain_db=again.options.volume_gain_db,
    )
