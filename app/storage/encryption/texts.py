"""Texts in the database, sealed with a data key and bound to their column."""

from binascii import Error, a2b_base64, b2a_base64
from secrets import token_bytes

from cryptography.exceptions import InvalidTag

from app.storage.encryption.keyring import ID_BYTES, DataKey, Keyring
from app.storage.encryption.layout import NONCE_BYTES
from app.storage.encryption.sealing import damaged

# Another form of sealed texts gets another number. No text of a user's begins with a control character.
MARK = "\x02sealed1:"


class Texts:
    """Seals what is a few words or a few kilobytes: every text has a nonce of its own, drawn at random."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, purpose: str, plain: bytes) -> str:
        key = self._keyring.newest
        nonce = token_bytes(NONCE_BYTES)
        sealed = key.cipher(purpose).encrypt(nonce, plain, None)
        return MARK + b2a_base64(key.raw_id + nonce + sealed, newline=False).decode()

    def open(self, purpose: str, sealed: str) -> bytes:
        """Raises `Problem(CONTENT_DAMAGED)`."""
        if not sealed.startswith(MARK):
            raise damaged(purpose)
        try:
            content = a2b_base64(sealed[len(MARK) :], strict_mode=True)
            key = self._key_of(content, purpose)
            nonce = content[ID_BYTES : ID_BYTES + NONCE_BYTES]
            return key.cipher(purpose).decrypt(nonce, content[ID_BYTES + NONCE_BYTES :], None)
        except (Error, InvalidTag, ValueError) as error:
            raise damaged(purpose) from error

    def is_sealed(self, text: str) -> bool:
        """By its looks; with which key is not said."""
        return text.startswith(MARK)

    def _key_of(self, content: bytes, purpose: str) -> DataKey:
        key = self._keyring.find(content[:ID_BYTES])
        if key is None:
            raise damaged(purpose)
        return key
