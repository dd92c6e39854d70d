"""What a unit of work is told from others by."""

import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of work by what determines its result: equal units have equal results.

    `kind` names the work, `engine` and `model` who does it, `content` is the hash or text worked on, and
    `parameters` everything else that changes the outcome.
    """

    kind: str
    engine: str
    model: str
    content: str
    parameters: tuple[tuple[str, str | float | bool | None], ...] = ()

    @property
    def key(self) -> str:
        material = [self.kind, self.engine, self.model, self.content, sorted(self.parameters)]
        return hashlib.sha256(json.dumps(material, ensure_ascii=False).encode()).hexdigest()

    @property
    def object_key(self) -> str:
        """Where its result is stored, once it has been made."""
        return object_key(self.key)


def digest(material: object) -> str:
    """For a unit's `content`, where many things determine a result; `material` is what JSON can say."""
    return hashlib.sha256(json.dumps(material).encode()).hexdigest()


def object_key(key: str) -> str:
    """Where the result of the unit of that key is stored."""
    return f"memo/{key[:2]}/{key}"
