"""Everything an operator can set, from the environment or `.env`."""

import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, HttpUrl, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import from_json
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app.core.errors import InvalidSettings
from app.core.secret_settings import Secret, SecretFiles, secret_settings

EngineChoice = Literal["auto", "openai", "local"]
Locale = Literal["ko", "en"]

DATABASES = ("sqlite", "postgresql", "postgres")
STORES = ("s3", "gs", "az")
OFF = "off"
IN_MEMORY = "memory://"
FACTORY = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"

RETIRED_MODELS = {
    "whisper-tiny": "whisper-1",
    "whisper-base": "whisper-1",
    "whisper-small": "whisper-1",
    "whisper-medium": "whisper-1",
    "whisper-large": "whisper-1",
    "whisper-large-v2": "whisper-1",
    "whisper-large-v3": "whisper-1",
    "gpt-4": "gpt-5.4-mini",
    "gpt-3.5-turbo": "gpt-5.4-mini",
}


def _server_name() -> str:
    """Stable, so that a server that comes back knows its own jobs."""
    return f"serve-{socket.gethostname()}"


class Settings(BaseSettings):
    """Read once at start by the composition root; nothing else looks at the environment."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True, frozen=True)

    data_dir: Path = Path("storage")
    database_url: Annotated[str | None, Secret()] = None
    storage_url: str | None = None
    encryption: Literal["on", "off"] = "on"
    encryption_key: Annotated[SecretStr | None, Secret()] = None
    encryption_kms: str | None = Field(default=None, pattern=FACTORY)
    encryption_old_key: Annotated[SecretStr | None, Secret()] = None
    encryption_old_kms: str | None = Field(default=None, pattern=FACTORY)
    host: str = "127.0.0.1"
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    port: int = Field(default=8000, ge=0, le=65535)
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    public_url: HttpUrl | None = None
    default_locale: Locale = "ko"

    rate_limit: str = "600/minute"
    rate_limit_address: str = "1200/minute"
    rate_limit_sign_in: str = "10/minute"
    rate_limit_upload: str = "60/hour"
    rate_limit_storage: Annotated[str, Secret()] = IN_MEMORY
    max_upload_bytes: int = Field(default=8 * 1024**3, gt=0)

    ffmpeg_binary: Path | None = None
    ffmpeg_timeout_seconds: float = Field(default=6 * 3600.0, gt=0)

    openai_api_key: Annotated[SecretStr | None, Secret()] = None
    openai_base_url: Annotated[HttpUrl | None, Secret()] = None
    openai_transcription_model: str = "whisper-1"
    openai_translation_model: str = "gpt-5.4-mini"
    openai_speech_model: str = "gpt-4o-mini-tts"
    openai_model_aliases: Annotated[dict[str, str], NoDecode] = RETIRED_MODELS
    openai_max_concurrency: int = Field(default=8, ge=1, le=256)
    openai_timeout_seconds: float = Field(default=120.0, gt=0)
    openai_max_retries: int = Field(default=6, ge=0, le=20)
    openai_retry_seconds: float = Field(default=120.0, gt=0)
    openai_requests_per_minute: int | None = Field(default=None, ge=1)
    openai_tokens_per_minute: int | None = Field(default=None, ge=1)
    prices_file: Path | None = None

    transcription_engine: EngineChoice = "auto"
    translation_engine: EngineChoice = "auto"
    speech_engine: EngineChoice = "auto"
    whisper_model: str = "base"

    speech_soft_speed: float = Field(default=1.2, ge=1.0, le=2.0)
    speech_max_speed: float = Field(default=1.3, ge=1.0, le=2.0)
    speech_max_shift: float = Field(default=0.3, ge=0.0, le=2.0)
    speech_rewrites: int = Field(default=2, ge=0, le=2)

    pause_seconds: float = Field(default=30.0, gt=0)
    pause_hours: float = Field(default=24.0, ge=0)
    webhook_private_addresses: bool = False
    project_most_bytes: int | None = Field(default=None, ge=0)
    project_most_minutes: float | None = Field(default=None, ge=0)
    project_most_cost: float | None = Field(default=None, ge=0)
    project_most_jobs: int | None = Field(default=None, ge=0)
    history_days: float = Field(default=30, ge=0)
    memo_max_bytes: int = Field(default=20 * 1024**3, ge=0)

    api_jobs: int | None = Field(default=None, ge=1)
    cpu_jobs: int | None = Field(default=None, ge=1)
    worker_name: str = Field(default_factory=_server_name, pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        environments = (env_settings, dotenv_settings)
        return init_settings, *environments, SecretFiles(settings_cls, *environments)

    @field_validator("cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("rate_limit", "rate_limit_address", "rate_limit_sign_in", "rate_limit_upload")
    @classmethod
    def _check_rate(cls, value: str) -> str:
        """Like `600/minute` or `100 per 2 hours`, or `off`."""
        from limits import parse_many

        if value != OFF:
            try:
                quotas = parse_many(value)
            except ValueError as error:
                raise ValueError("is not like 600/minute, and not off") from error
            if len(quotas) > 1 or quotas[0].amount < 1:
                raise ValueError("has to be one limit of at least 1")
        return value

    @field_validator("rate_limit_storage")
    @classmethod
    def _check_rate_storage(cls, value: str) -> str:
        scheme = value.partition("://")[0]
        if value != IN_MEMORY and scheme not in ("redis", "rediss"):
            raise ValueError("has to be memory:// or begin with redis:// or rediss://")
        if value != IN_MEMORY and find_spec("redis") is None:
            raise ValueError("needs the package redis, which the extra redis brings")
        return value

    @field_validator("openai_model_aliases", mode="before")
    @classmethod
    def _parse_aliases(cls, value: object) -> object:
        return from_json(value) if isinstance(value, str) else value

    @field_validator("speech_max_speed")
    @classmethod
    def _check_speeds(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("speech_soft_speed", 1.0):
            raise ValueError("has to be at least SPEECH_SOFT_SPEED")
        return value

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str | None) -> str | None:
        try:
            known = value is None or make_url(value).get_backend_name() in DATABASES
        except ArgumentError as error:
            raise ValueError(str(error)) from error
        if not known:
            raise ValueError("has to begin with sqlite:/// or postgresql://")
        return value

    @field_validator("storage_url")
    @classmethod
    def _check_storage_url(cls, value: str | None) -> str | None:
        if value is not None and value.partition("://")[0] not in STORES:
            raise ValueError("has to begin with s3://, gs:// or az://")
        return value

    @property
    def openai_configured(self) -> bool:
        """A key, or a base URL for a compatible server that may need none."""
        return self.openai_api_key is not None or self.openai_base_url is not None

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of the application's database, with a driver that does not block."""
        url = self.database_url or f"sqlite:///{self.data_dir.absolute() / 'app.sqlite'}"
        drivers = {
            "sqlite": "sqlite+aiosqlite",
            "postgres": "postgresql+psycopg",
            "postgresql": "postgresql+psycopg",
        }
        scheme, separator, rest = url.partition("://")
        return drivers.get(scheme, scheme) + separator + rest


def load_settings() -> Settings:
    """Raises `InvalidSettings` with one line naming the first bad setting."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"][:1])
        shown = "" if name in secret_settings(Settings) else f" (it is {first['input']!r})"
        raise InvalidSettings(
            f"{name.upper()}: {first['msg'].removeprefix('Value error, ')}{shown}"
        ) from error
