"""JSON out of a chat model, whatever of the protocol its server understands."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING

from app.core.errors import ErrorCode, Problem
from app.core.openai_client import OpenAIClient
from app.ledger.usage import Usage, UsageRecorder

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
    from openai.types.chat.completion_create_params import ResponseFormat

# Some servers leave it in the answer, where it may have been cut off as well.
_REASONING = re.compile(r"^.*</think>|^\s*<think>.*", re.DOTALL)
_UNSUPPORTED = re.compile(
    r"response_format|json_schema|json_object|max_completion_tokens|unsupported|not supported", re.IGNORECASE
)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_ENOUGH_REFUSALS = 2
_BYTES_PER_TOKEN = 4
# A price is expected with something to spare, but not for the longest answer: a usual one takes an eighth.
_BYTES_PER_PAID_TOKEN = 3
_USUAL_SHARE = 1 / 8
_NO_CONTENT = object()


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is told and sent, the `schema` of its answer, and the tokens the answer may take."""

    instructions: str
    message: Mapping[str, object]
    name: str
    schema: Mapping[str, object]
    most_tokens: int


@dataclass(frozen=True, slots=True)
class _Way:
    """How to ask for an answer. Without a `limited` length a model that cannot stop writes until its
    context is full, which takes minutes on small machines."""

    kind: str
    limited: bool = False


# From the strictest to what every server can do.
_WAYS = (_Way("json_schema", limited=True), _Way("json_schema"), _Way("json_object"), _Way("text"))


@dataclass(frozen=True)
class ChatModel:
    """Asks in the strictest way that works with a model.

    Some compatible servers refuse a JSON schema or the length we ask for, and some models think longer
    than that: such a way is left out from then on. Not so after a single refusal that may have had another
    reason: it takes a second one in a row.
    """

    client: OpenAIClient
    ledger: UsageRecorder
    _refusals: Counter[tuple[str, _Way]] = field(default_factory=Counter)

    async def ask(self, question: Question, model: str) -> str:
        """What the model wrote, without its reasoning. Raises the `Problem`s of `OpenAIClient.call`."""
        refusals: dict[_Way, int] = {}
        for way in self._ways(model):
            try:
                answer = await self._ask(question, model, way)
            except Problem as problem:
                if problem.code is not ErrorCode.ENGINE_REFUSED or way is _WAYS[-1]:
                    raise
                unsupported = _UNSUPPORTED.search(str(problem.details.get("reason")))
                refusals[way] = _ENOUGH_REFUSALS if unsupported else 1
                continue
            if way.limited and answer.thought_too_long:
                refusals[way] = _ENOUGH_REFUSALS
                continue
            self._learn(model, refusals, way)
            return answer.text
        raise AssertionError("the last way returns or raises")

    def _learn(self, model: str, refusals: Mapping[_Way, int], accepted: _Way) -> None:
        """Only from questions that were answered in the end: the others were not refused for the way."""
        for way, times in refusals.items():
            self._refusals[model, way] += times
        self._refusals[model, accepted] = 0

    def _ways(self, model: str) -> list[_Way]:
        strict = [way for way in _WAYS[:-1] if self._refusals[model, way] < _ENOUGH_REFUSALS]
        return [*strict, _WAYS[-1]]

    async def _ask(self, question: Question, model: str, way: _Way) -> "_Answer":
        from openai import omit

        expected = expected_usage(question, model)

        def read(completion: "ChatCompletion") -> tuple[_Answer, Usage]:
            return _answer(model, completion), _used(completion, expected)

        async with self.ledger.spending(expected) as spending:
            answer, used = await self.client.call(
                model,
                lambda sdk: sdk.chat.completions.create(
                    model=model,
                    messages=_messages(question),
                    response_format=_response_format(question, way),
                    max_completion_tokens=question.most_tokens if way.limited else omit,
                ),
                read,
                tokens=_expected_tokens(question),
            )
            await spending.settle(used)
        return answer


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the model wrote, without its reasoning."""

    text: str
    cut_off: bool

    @property
    def thought_too_long(self) -> bool:
        return self.cut_off and not self.text.strip()


def strict_object(**properties: object) -> dict[str, object]:
    """A JSON schema of an object with all of these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def json_objects(text: str) -> Sequence[Mapping[str, object]]:
    """The outermost JSON objects that are complete, among other text or in JSON cut off half-way."""
    return list(_decoded(text)) or list(_decoded(_TRAILING_COMMA.sub(r"\1", text)))


def _decoded(text: str) -> Iterator[Mapping[str, object]]:
    decoder = json.JSONDecoder()
    position = text.find("{")
    while position != -1:
        try:
            value, end = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError):
            end = position + 1
        else:
            yield value
        position = text.find("{", end)


def _expected_tokens(question: Question) -> int:
    """As servers count beforehand: all that the answer may take."""
    message = json.dumps(question.message, ensure_ascii=False)
    return len((question.instructions + message).encode()) // _BYTES_PER_TOKEN + question.most_tokens


def _messages(question: Question) -> list["ChatCompletionMessageParam"]:
    return [
        {"role": "system", "content": question.instructions},
        {"role": "user", "content": json.dumps(question.message, ensure_ascii=False)},
    ]


def _response_format(question: Question, way: _Way) -> "ResponseFormat":
    if way.kind == "json_schema":
        schema = dict(question.schema)
        return {
            "type": "json_schema",
            "json_schema": {"name": question.name, "strict": True, "schema": schema},
        }
    return {"type": "json_object"} if way.kind == "json_object" else {"type": "text"}


def expected_usage(question: Question, model: str) -> Usage:
    """Of a call that asks it."""
    sent = question.instructions + json.dumps([question.message, question.schema], ensure_ascii=False)
    return Usage(
        "openai",
        "translation",
        model,
        input_tokens=ceil(len(sent.encode()) / _BYTES_PER_PAID_TOKEN),
        output_tokens=ceil(question.most_tokens * _USUAL_SHARE),
    )


def _used(completion: "ChatCompletion", expected: Usage) -> Usage:
    usage = getattr(completion, "usage", None)
    return replace(
        expected,
        input_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
    )


def _count(usage: object, name: str) -> int | None:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) else None


def _answer(model: str, completion: "ChatCompletion") -> _Answer:
    """The SDK takes any JSON for what it expects."""
    choices = getattr(completion, "choices", None)
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = getattr(choice, "message", None)
    content = getattr(message, "content", _NO_CONTENT) or ""
    if not isinstance(content, str):
        raise Problem(ErrorCode.ENGINE_BAD_ANSWER, model=model, reason="it is no chat completion")
    cut_off = getattr(choice, "finish_reason", None) == "length"
    return _Answer(text=_REASONING.sub("", content), cut_off=cut_off)
