"""A transcript in the shapes that OpenAI's API answers in."""

from collections.abc import Sequence

from app.subtitles.engines.base import Transcript, TranscriptSegment

_LANGUAGE_NAMES = {"en": "english", "ko": "korean", "ja": "japanese", "es": "spanish", "de": "german"}
_ONE_SPEAKER = "A"


def plain(transcript: Transcript) -> dict[str, object]:
    """`json`."""
    return {"text": _text(transcript), "usage": {"type": "duration", "seconds": round(_end(transcript))}}


def verbose(transcript: Transcript, granularities: Sequence[str]) -> dict[str, object]:
    """`verbose_json`."""
    language = transcript.language or "en"
    answer: dict[str, object] = plain(transcript) | {
        "task": "transcribe",
        "language": _LANGUAGE_NAMES.get(language, language),
        "duration": _end(transcript),
    }
    if "segment" in granularities:
        answer["segments"] = [_segment(*entry) for entry in enumerate(transcript.segments)]
    if "word" in granularities:
        answer["words"] = [
            {"word": word.text, "start": word.start, "end": word.end}
            for segment in transcript.segments
            for word in segment.words
        ]
    return answer


def diarized(transcript: Transcript) -> dict[str, object]:
    """`diarized_json`: segments with the speaker's label, and neither words nor a language."""
    segments = [
        {
            "type": "transcript.text.segment",
            "id": f"seg_{index}",
            "start": segment.start,
            "end": segment.end,
            "text": f" {segment.text}",
            "speaker": segment.speaker or _ONE_SPEAKER,
        }
        for index, segment in enumerate(transcript.segments)
    ]
    return plain(transcript) | {"task": "transcribe", "duration": _end(transcript), "segments": segments}


def _text(transcript: Transcript) -> str:
    return " ".join(segment.text for segment in transcript.segments)


def _end(transcript: Transcript) -> float:
    return transcript.segments[-1].end if transcript.segments else 0.0


def _segment(index: int, segment: TranscriptSegment) -> dict[str, object]:
    return {
        "id": index,
        "seek": 0,
        "start": segment.start,
        "end": segment.end,
        "text": f" {segment.text}",
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": segment.average_log_probability,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech_probability,
    }
