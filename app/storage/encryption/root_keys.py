"""Root keys: what wraps the data keys, and is kept apart from everything that they protect."""

import base64
import hashlib
import importlib
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from app.core.errors import InvalidSettings
from app.storage.encryption.layout import KEY_BYTES, NONCE_BYTES

FINGERPRINT_DIGITS = 16


class KeyWrapper(Protocol):
    """A root key, wherever it is: in this process, or in a key management service that never gives it out.
    Calls may block."""

    @property
    def id(self) -> str:
        """Tells it from every other, of letters, digits, dots and dashes; no secret."""
        ...

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """The key as only this root key can read it, bound to the context."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Raises `ValueError` if that is not what was wrapped in this context."""
        ...


class RootKey:
    """One of 32 bytes that the operator or the data folder keeps. Its `id` is a fingerprint."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self.id = hashlib.sha256(b"fingerprint of a root key" + key).hexdigest()[:FINGERPRINT_DIGITS]

    def wrap(self, key: bytes, context: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
        except InvalidTag as error:
            raise ValueError("the wrapped key was changed") from error


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where a root key comes from: at the most one of them is set. `named` begins the names of the settings,
    for messages; `kms` names a factory of a `KeyWrapper`, as `package.module:factory`."""

    named: str
    key: SecretStr | None = None
    kms: str | None = None

    def load(self) -> KeyWrapper | None:
        """None if nothing is set. Raises `InvalidSettings`."""
        if self.key is not None and self.kms is not None:
            raise InvalidSettings(f"{self.named}_KEY, {self.named}_KMS: only one of them can be set")
        if self.key is not None:
            return RootKey(_decoded(self.key.get_secret_value(), f"{self.named}_KEY"))
        return None if self.kms is None else _made_by(self.kms, f"{self.named}_KMS")


class RootKeyFile:
    """A root key that is made when it is first needed, in a folder that nobody else can read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> KeyWrapper | None:
        """None if it was not made. Raises `InvalidSettings`."""
        if not self.path.exists():
            return None
        if stat.S_IMODE(self.path.stat().st_mode) & 0o077:
            raise InvalidSettings(f"{self.path}: others may read the root key; chmod 600 it")
        return RootKey(_decoded(_text_of(self.path, str(self.path)), str(self.path)))

    def make(self) -> None:
        """Unless it is there, or somebody else makes it at the same time."""
        if self.path.exists():
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.parent.chmod(0o700)
        new = self.path.with_name(f"{self.path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(new_key() + "\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                self.path.hardlink_to(new)
        finally:
            new.unlink()
        self.settle()

    def replace(self, new: "RootKeyFile") -> None:
        """With what the other holds, which is gone then."""
        new.path.replace(self.path)
        self.settle()

    def settle(self) -> None:
        """What was done to it outlasts a loss of power."""
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def new_key() -> str:
    """One that ENCRYPTION_KEY can be set to."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _decoded(text: str, name: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError as error:
        raise InvalidSettings(f"{name}: is not base64") from error
    if len(key) != KEY_BYTES:
        raise InvalidSettings(f"{name}: has to be {KEY_BYTES} bytes in base64; it is {len(key)}")
    return key


def _text_of(path: Path, name: str) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InvalidSettings(f"{name}: cannot read {path}: {reason}") from error


def _made_by(factory: str, name: str) -> KeyWrapper:
    module, _, function = factory.partition(":")
    try:
        wrapper: KeyWrapper = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidSettings(f"{name}: cannot use {factory}: {error}") from error
    return wrapper
