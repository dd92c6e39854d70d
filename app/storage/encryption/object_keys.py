"""The key of an object: in its header, sealed with a data key and bound to the object's name."""

from dataclasses import dataclass
from secrets import token_bytes

from cryptography.exceptions import InvalidTag

from app.storage.encryption.keyring import ID_BYTES, Keyring
from app.storage.encryption.layout import KEY_BYTES, NONCE_BYTES, TAG_BYTES
from app.storage.encryption.sealing import ObjectCipher, damaged

# Another form of objects gets another number.
MARK = b"sealed\x00\x01"
PURPOSE = "keys of objects"
PREFIX_BYTES = len(MARK) + ID_BYTES
HEADER_BYTES = PREFIX_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES


@dataclass(frozen=True, slots=True)
class NewObjectKey:
    """As it is stored, and as it is used."""

    header: bytes
    cipher: ObjectCipher


class ObjectKeys:
    """Makes them and finds them again."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def new(self, name: str) -> NewObjectKey:
        """For the object of that name, whose header begins it."""
        data_key = self._keyring.newest
        key, nonce = token_bytes(KEY_BYTES), token_bytes(NONCE_BYTES)
        prefix = MARK + data_key.raw_id
        sealed = data_key.cipher(PURPOSE).encrypt(nonce, key, _context(prefix, name))
        return NewObjectKey(prefix + nonce + sealed, ObjectCipher(key, name))

    def is_at_hand(self, header: bytes) -> bool:
        """Whether `of_header` does not block."""
        return self._keyring.knows(header[len(MARK) : PREFIX_BYTES])

    def of_header(self, header: bytes, name: str) -> ObjectCipher:
        """Raises `Problem(CONTENT_DAMAGED)` if this is not what was written for the object of that name."""
        prefix, rest = header[:PREFIX_BYTES], header[PREFIX_BYTES:HEADER_BYTES]
        nonce, sealed = rest[:NONCE_BYTES], rest[NONCE_BYTES:]
        data_key = self._keyring.find(prefix[len(MARK) :]) if prefix.startswith(MARK) else None
        if data_key is None:
            raise damaged(name)
        try:
            key = data_key.cipher(PURPOSE).decrypt(nonce, sealed, _context(prefix, name))
        except InvalidTag as error:
            raise damaged(name) from error
        return ObjectCipher(key, name)


def _context(prefix: bytes, name: str) -> bytes:
    return prefix + name.encode()
