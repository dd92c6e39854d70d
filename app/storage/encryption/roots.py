"""Which root key is used: the operator's, or one that is made in the data folder."""

from app.core.errors import InvalidSettings
from app.core.settings import Settings
from app.storage.encryption.root_keys import KeySource, KeyWrapper, RootKeyFile

OPERATORS = "ENCRYPTION_KEY, ENCRYPTION_KEY_FILE or ENCRYPTION_KMS"


class ConfiguredRoots:
    """As the settings say. Where objects are in a bucket no key is made: every machine would make its own."""

    def __init__(self, settings: Settings) -> None:
        self._chosen = KeySource(
            "ENCRYPTION", settings.encryption_key, settings.encryption_key_file, settings.encryption_kms
        )
        self._former = KeySource(
            "ENCRYPTION_OLD",
            settings.encryption_old_key,
            settings.encryption_old_key_file,
            settings.encryption_old_kms,
        )
        self._may_make = settings.storage_url is None
        self.file = RootKeyFile(settings.data_dir.absolute() / "keys" / "root.key")

    def chosen(self) -> KeyWrapper | None:
        """The operator's."""
        return self._chosen.load()

    def current(self) -> KeyWrapper | None:
        return self.chosen() or self.file.load()

    def former(self) -> KeyWrapper | None:
        return self._former.load()

    def make(self) -> KeyWrapper:
        if not self._may_make:
            raise InvalidSettings(
                "ENCRYPTION_KEY: where objects are in a bucket, every machine needs the same key: "
                f"set {OPERATORS} (`python -m app encryption key` prints a new one)"
            )
        self.file.make()
        made = self.file.load()
        if made is None:
            raise InvalidSettings(f"{self.file.path}: was removed")
        return made
