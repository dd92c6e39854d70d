"""OpenAI's protocol over the application's own engines: what a request is, and what answers it."""

import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from pathlib import Path
from typing import cast

from starlette.responses import JSONResponse, Response

from app.media.audio import Audio, encode, to_int16, write_wav
from app.media.clip import clip_seconds
from app.subtitles.engines.base import Transcriber, TranscriptionOptions
from app.translation.engines.base import Line, LongLine, TranslationBatch, TranslationStyle, Translator
from app.tts.engines.base import SpeechRequest, TTSClient
from tests.loopback import transcripts
from tests.loopback.faults import Refusal

DIARIZING_MODEL = "gpt-4o-transcribe-diarize"
MODELS = ("whisper-1", "gpt-transcribe", DIARIZING_MODEL, "gpt-5.4-mini", "gpt-4o-mini-tts", "tts-1")
VOICES = (
    *("alloy", "ash", "ballad", "coral", "echo", "fable", "onyx"),
    *("nova", "sage", "shimmer", "verse", "marin", "cedar"),
)
RESPONSE_FORMATS = ("json_schema", "json_object", "text")
PROMPT_TOKENS, CHARACTERS_PER_TOKEN = 700, 3
_MAX_UPLOAD = 25 * 1024**2
_MAX_SPEECH_INPUT = 4096
_LONGEST_UNCHUNKED_SECONDS = 30.0
_UNKNOWN_SIZE = b"\xff\xff\xff\xff"


class Endpoint(StrEnum):
    TRANSCRIPTIONS = "/v1/audio/transcriptions"
    CHAT = "/v1/chat/completions"
    SPEECH = "/v1/audio/speech"
    MODELS = "/v1/models"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in, whatever became of it; `fields` are the JSON body's or the form's."""

    endpoint: Endpoint
    fields: Mapping[str, object]
    headers: Mapping[str, str]
    file_name: str = ""
    file: bytes = field(default=b"", repr=False)

    @property
    def model(self) -> str:
        return str(self.fields.get("model", ""))

    @property
    def user_message(self) -> Mapping[str, object]:
        """The JSON in the last message of a chat. Raises `ValueError` if it is none."""
        messages = cast(Sequence[Mapping[str, str]], self.fields["messages"])
        content: Mapping[str, object] = json.loads(messages[-1]["content"])
        return content

    @property
    def lines(self) -> tuple[Line, ...]:
        """What a chat asked to be translated; none where it asked for something else."""
        entries = cast(Sequence[Mapping[str, object]], self.user_message.get("lines", ()))
        return tuple(Line(cast(int, entry["id"]), cast(str, entry["text"])) for entry in entries)


class Refused(Exception):
    """The request is not what the API takes."""

    def __init__(self, message: str, *, status: int = 400, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.refusal = Refusal(status, code, message)


@dataclass(frozen=True)
class OpenAIProtocol:
    """The four endpoints. None for `api_key`, `models` or `voices` takes any; `speech_format` is what
    speech is always answered in, whatever was asked for, as some servers do."""

    transcriber: Transcriber
    translator: Translator
    speech: TTSClient
    api_key: str | None
    models: Sequence[str] | None
    voices: Sequence[str] | None
    response_formats: Sequence[str]
    speech_format: str | None

    async def answer(self, request: Request) -> Response:
        """Raises `Refused`."""
        if self.api_key is not None and request.headers.get("authorization") != f"Bearer {self.api_key}":
            raise Refused("Incorrect API key provided.", status=401, code="invalid_api_key")
        if request.endpoint is Endpoint.MODELS:
            data = [{"id": model, "object": "model"} for model in self.models or ()]
            return JSONResponse({"object": "list", "data": data})
        if self.models is not None and request.model not in self.models:
            message = f"The model `{request.model}` does not exist or you do not have access to it."
            raise Refused(message, status=404, code="model_not_found")
        match request.endpoint:
            case Endpoint.TRANSCRIPTIONS:
                return await self._transcription(request)
            case Endpoint.CHAT:
                return await self._chat(request)
            case Endpoint.SPEECH:
                return await self._spoken(request)

    async def _transcription(self, request: Request) -> Response:
        _check_transcription(request)
        options = TranscriptionOptions(
            model=self.transcriber.model_for(None),
            language=cast(str | None, request.fields.get("language")),
            temperature=float(cast(str, request.fields.get("temperature", "0"))),
            words=True,
        )
        with tempfile.TemporaryDirectory() as folder:
            audio = Path(folder, "audio").with_suffix(Path(request.file_name).suffix)
            await asyncio.to_thread(audio.write_bytes, request.file)
            if "diarize" in request.model:
                _check_chunking(request, await asyncio.to_thread(clip_seconds, audio))
            transcript = await self.transcriber.transcribe(audio, options)
        wanted = request.fields.get("response_format", "json")
        if wanted == "json":
            return JSONResponse(transcripts.plain(transcript))
        if wanted == "diarized_json":
            return JSONResponse(transcripts.diarized(transcript))
        granularities = cast(Sequence[str], request.fields.get("timestamp_granularities[]", ["segment"]))
        return JSONResponse(transcripts.verbose(transcript, granularities))

    async def _chat(self, request: Request) -> Response:
        self._check_chat(request)
        if "most_characters" in request.user_message:
            return await self._shortened(request)
        asked = request.user_message
        style = TranslationStyle(
            terminology=tuple(cast(Mapping[str, str], asked.get("terminology", {})).items())
        )
        batch = TranslationBatch(
            source_language=cast(str, asked["source_language"]),
            target_language=cast(str, asked["target_language"]),
            lines=request.lines,
            style=style,
            shorter_wordings=cast(int, asked.get("shorter_wordings", 0)),
        )
        lines = await self.translator.translate(batch, self.translator.model_for(None))
        content = [{"id": line.id, "text": line.text, "shorter": list(line.shorter)} for line in lines]
        return completion(request.model, json.dumps({"lines": content}))

    async def _shortened(self, request: Request) -> Response:
        asked = request.user_message
        line = LongLine(
            text=cast(str, asked["text"]),
            source_text=cast(str | None, asked.get("source_text")),
            source_language=cast(str, asked["source_language"]),
            target_language=cast(str, asked["target_language"]),
            most_characters=cast(int, asked["most_characters"]),
        )
        text = await self.translator.shorten(line, self.translator.model_for(None))
        return completion(request.model, json.dumps({"text": text or line.text}))

    async def _spoken(self, request: Request) -> Response:
        _check_speech(request)
        voice = str(request.fields["voice"])
        if self.voices is not None and voice not in self.voices:
            raise Refused(f"'{voice}' is not one of the voices.")
        spoken = SpeechRequest(str(request.fields["input"]), "en", voice, self.speech.model)
        audio = await self.speech.speak(spoken)
        kind = self.speech_format or str(request.fields.get("response_format", "mp3"))
        return Response(_encoded(audio, kind), media_type=f"audio/{kind}")

    def _check_chat(self, request: Request) -> None:
        if "temperature" in request.fields and request.model.startswith("gpt-5"):
            raise Refused("Unsupported parameter: 'temperature'.", code="unsupported_parameter")
        wanted = cast(Mapping[str, object], request.fields.get("response_format", {"type": "text"}))
        if wanted["type"] not in self.response_formats:
            raise Refused(f"response_format {wanted['type']} is not supported.")
        if wanted["type"] == "json_schema":
            given = cast(Mapping[str, Mapping[str, object]], wanted)["json_schema"]
            _check_strict(cast(Mapping[str, object], given["schema"]))
        try:
            lines = request.lines
            if not lines and "most_characters" not in request.user_message:
                raise KeyError("lines")
        except (ValueError, KeyError) as error:
            raise Refused("The last message is no JSON with lines to translate.") from error
        if len({line.id for line in lines}) != len(lines):
            raise Refused("An id was given to two lines.")


def completion(model: str, content: str, finish_reason: str = "stop") -> Response:
    """A chat completion with one choice."""
    message = {"role": "assistant", "content": content, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model}
    usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": ceil(len(content) / CHARACTERS_PER_TOKEN)}
    usage["total_tokens"] = sum(usage.values())
    return JSONResponse(body | {"choices": [choice], "usage": usage})


def _check_transcription(request: Request) -> None:
    if not request.file:
        raise Refused("There is no audio in the request.")
    if len(request.file) > _MAX_UPLOAD:
        raise Refused("Maximum content size limit exceeded.", status=413)
    wanted = request.fields.get("response_format", "json")
    if wanted not in ("json", "verbose_json", "diarized_json"):
        raise Refused(f"response_format '{wanted}' is not one this server writes.")
    if wanted == "verbose_json" and request.model.startswith("gpt-"):
        raise Refused(f"response_format 'verbose_json' is not compatible with model '{request.model}'.")
    if wanted == "diarized_json" and "diarize" not in request.model:
        raise Refused(f"response_format 'diarized_json' is not compatible with model '{request.model}'.")
    if wanted != "verbose_json" and "timestamp_granularities[]" in request.fields:
        raise Refused("timestamp_granularities need response_format 'verbose_json'.")


def _check_chunking(request: Request, seconds: float) -> None:
    if seconds > _LONGEST_UNCHUNKED_SECONDS and "chunking_strategy" not in request.fields:
        raise Refused("chunking_strategy is required for diarization models.")


def _check_speech(request: Request) -> None:
    length = len(str(request.fields.get("input", "")))
    if not 1 <= length <= _MAX_SPEECH_INPUT:
        raise Refused(f"input must have 1 to {_MAX_SPEECH_INPUT} characters, not {length}.")
    if request.fields.get("response_format", "mp3") not in ("mp3", "wav", "pcm"):
        raise Refused("response_format is not one this server speaks.")


def _check_strict(schema: Mapping[str, object]) -> None:
    """The rules the API has for strict schemas: every property required and no others allowed."""
    if schema.get("type") == "object":
        properties = cast(Mapping[str, Mapping[str, object]], schema["properties"])
        if schema.get("additionalProperties") is not False or set(properties) != set(
            cast(Sequence[str], schema.get("required", ()))
        ):
            raise Refused("Invalid schema for response_format.", code="invalid_json_schema")
        for inner in properties.values():
            _check_strict(inner)
    elif schema.get("type") == "array":
        _check_strict(cast(Mapping[str, object], schema["items"]))


def _encoded(audio: Audio, kind: str) -> bytes:
    if kind == "pcm":
        return to_int16(audio.samples).tobytes()
    if kind == "mp3":
        return encode(audio, "mp3", audio.sample_rate)
    wav = write_wav(audio)
    # The API streams its WAV and so leaves both sizes in the header unknown.
    return wav[:4] + _UNKNOWN_SIZE + wav[8:40] + _UNKNOWN_SIZE + wav[44:]
