"""Which root key is used: the operator's, or one that is made in the data folder."""

from collections.abc import Sequence

from app.core.errors import InvalidSettings
from app.core.settings import Settings
from app.storage.encryption.keyring import Rotation
from app.storage.encryption.root_keys import KeySource, KeyWrapper, RootKeyFile

OPERATORS = "ENCRYPTION_KEY, ENCRYPTION_KEY_FILE or ENCRYPTION_KMS"


class ConfiguredRoots:
    """As the settings say. Where objects are in a bucket no key is made: every machine would make its own."""

    def __init__(self, settings: Settings) -> None:
        self._chosen = KeySource("ENCRYPTION", settings.encryption_key, settings.encryption_kms)
        self._former = KeySource("ENCRYPTION_OLD", settings.encryption_old_key, settings.encryption_old_kms)
        self._may_make = settings.storage_url is None
        folder = settings.data_dir.absolute() / "keys"
        self.file, self._next = RootKeyFile(folder / "root.key"), RootKeyFile(folder / "next.key")

    def chosen(self) -> KeyWrapper | None:
        """The operator's."""
        return self._chosen.load()

    def current(self) -> KeyWrapper | None:
        return self.chosen() or self.file.load()

    def former(self) -> KeyWrapper | None:
        return self._former.load()

    def rotation(self) -> Rotation:
        """To the operator's key, if one is set; else from the operator's old one to the data folder's, or
        from that to another. Raises `InvalidSettings`."""
        chosen, old, own = self.chosen(), self.former(), self.file.load()
        if chosen is not None:
            return Rotation(chosen, _those_of(old, own), lambda: None)
        if old is not None:
            return Rotation(own or self.make(), (old,), lambda: None)
        if own is None:
            raise InvalidSettings(f"ENCRYPTION_KEY: there is no root key yet; set {OPERATORS}")
        return Rotation(_loaded(self._next), (own,), lambda: self.file.replace(self._next))

    def told(self) -> str:
        """Where the root key is, or will be. Raises `InvalidSettings` as the first start would."""
        chosen, own = self.chosen(), self.file.load()
        if chosen is not None:
            return f"{chosen.id}, the operator's"
        if own is not None:
            return f"{own.id}, in {self.file.path}"
        self._check_may_make()
        return f"to be made in {self.file.path}"

    def make(self) -> KeyWrapper:
        self._check_may_make()
        return _loaded(self.file)

    def _check_may_make(self) -> None:
        if not self._may_make:
            raise InvalidSettings(
                "ENCRYPTION_KEY: where objects are in a bucket, every machine needs the same key: "
                f"set {OPERATORS} (`python -m app encryption key` prints a new one)"
            )


def _loaded(file: RootKeyFile) -> KeyWrapper:
    """Made if it is not there yet."""
    file.make()
    key = file.load()
    if key is None:
        raise InvalidSettings(f"{file.path}: was removed")
    return key


def _those_of(*keys: KeyWrapper | None) -> Sequence[KeyWrapper]:
    return tuple(key for key in keys if key is not None)
