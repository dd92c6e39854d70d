"""Settings that are secrets: told in the environment, or in the file that `<NAME>_FILE` names there."""

from collections.abc import Mapping
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from app.core.errors import InvalidSettings

LARGEST_BYTES = 64 * 1024
SUFFIX = "_file"


class Secret:
    """Marks a setting, as in `Annotated[str, Secret()]`: it may come from a file and is never repeated."""


def secret_settings(kind: type[BaseSettings]) -> frozenset[str]:
    """The names of the fields that are marked."""
    fields = kind.model_fields.items()
    return frozenset(
        name for name, field in fields if any(isinstance(mark, Secret) for mark in field.metadata)
    )


class SecretFiles(PydanticBaseSettingsSource):
    """What the files contain that `environments` name, without the line break at its end.

    Raises `InvalidSettings` for a file that cannot be read, and where a secret is told twice.
    """

    def __init__(self, kind: type[BaseSettings], *environments: PydanticBaseSettingsSource) -> None:
        super().__init__(kind)
        self._told = _together(environments)
        self._secrets = secret_settings(kind)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        path = self._told.get(field_name + SUFFIX) if field_name in self._secrets else None
        if path is None:
            return None, field_name, False
        setting = (field_name + SUFFIX).upper()
        if self._told.get(field_name) is not None:
            raise InvalidSettings(f"{setting}: {field_name.upper()} is set too; leave one of them out")
        return _content(Path(path), setting), field_name, False

    def __call__(self) -> dict[str, object]:
        values = {
            name: self.get_field_value(self.settings_cls.model_fields[name], name)[0]
            for name in self._secrets
        }
        return {name: value for name, value in values.items() if value is not None}


def _together(environments: tuple[PydanticBaseSettingsSource, ...]) -> Mapping[str, str]:
    """The first of them that tells a variable counts."""
    told: dict[str, str] = {}
    for source in environments:
        if isinstance(source, EnvSettingsSource):
            told = {name: value for name, value in source.env_vars.items() if value} | told
    return told


def _content(path: Path, setting: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
        text = content.decode().rstrip("\r\n")
    except OSError as error:
        raise InvalidSettings(f"{setting}: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidSettings(f"{setting}: {path} is not text") from error
    if not text or len(content) > LARGEST_BYTES:
        raise InvalidSettings(f"{setting}: {path} is {'too long' if text else 'empty'}")
    return text
