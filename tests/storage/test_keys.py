"""Keys: who has the right one reads, nobody else does, and they can be replaced at any time."""

import asyncio
import stat
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.core.errors import InvalidSettings
from app.core.settings import Settings
from app.storage.encryption.key_store import KeyStore, WrappedKey
from app.storage.encryption.keyring import Keyring, Rotation
from app.storage.encryption.root_keys import KeyWrapper, RootKey, new_key
from app.storage.encryption.setup import Encryption
from app.storage.manager import StorageManager
from tests.bucket import Bucket
from tests.storage.places import FixedRoots, Place

KEY, CONTENT = "videos/vid_1/upload", b"what a user brought"
FIRST, SECOND = RootKey(b"1" * 32), RootKey(b"2" * 32)


class Interrupted(Exception):
    """The process has died."""


class InterruptedStore(KeyStore):
    """Lets some writes happen, and no more."""

    def __init__(self, place: Place, writes: int) -> None:
        super().__init__(place.backend)
        self._writes = writes

    def _count(self) -> None:
        if not self._writes:
            raise Interrupted
        self._writes -= 1

    async def add(self, key: WrappedKey) -> None:
        self._count()
        await super().add(key)

    async def remove(self, key: WrappedKey) -> None:
        self._count()
        await super().remove(key)


def settings(folder: Path, **given: object) -> Settings:
    return Settings.model_validate({"data_dir": folder, **given})


def kms() -> KeyWrapper:
    """What ENCRYPTION_KMS can name."""
    return RootKey(b"K" * 32)


async def reads(storage: StorageManager) -> bool:
    return await storage.read_bytes(KEY) == CONTENT


async def started(folder: Path, **given: object) -> StorageManager:
    """As a process of these settings has it."""
    encryption = Encryption(settings(folder, **given))
    await encryption.start()
    return StorageManager(folder, "test", None, encryption.object_keys)


async def with_two_data_keys(place: Place) -> None:
    """In which an object is sealed with the older one."""
    await (await place.sealed(FixedRoots(FIRST))).put_bytes(KEY, CONTENT)
    keyring = place.keyring(FixedRoots(FIRST))
    await keyring.load()
    await keyring.begin()


def refused(folder: Path, match: str, **given: object) -> None:
    with pytest.raises(InvalidSettings, match=match) as caught:
        asyncio.run(started(folder, **given))
    assert "\n" not in str(caught.value)


async def test_a_change_of_any_byte_of_a_wrapped_key_is_found(place: Place) -> None:
    await place.sealed()
    (wrapped,) = KeyStore(place.backend).read()
    for index in range(len(wrapped.content)):
        changed = bytearray(wrapped.content)
        changed[index] ^= 1
        await place.backend.put(wrapped.name, bytes(changed))
        with pytest.raises(InvalidSettings, match="damaged"):
            await place.keyring().load()
    for cut in (b"", wrapped.content[:-1], wrapped.content[:12], wrapped.content + b"x"):
        await place.backend.put(wrapped.name, cut)
        with pytest.raises(InvalidSettings, match="damaged"):
            await place.keyring().load()


async def test_a_wrapped_key_in_the_place_of_another_is_found(place: Place) -> None:
    await with_two_data_keys(place)
    one, other = KeyStore(place.backend).read()
    await place.backend.put(one.name, other.content)
    with pytest.raises(InvalidSettings, match="damaged"):
        await place.keyring(FixedRoots(FIRST)).load()


async def test_another_root_key_is_told_and_makes_nothing(place: Place) -> None:
    await place.sealed(FixedRoots(FIRST))
    with pytest.raises(InvalidSettings, match=f"{FIRST.id}, not to this one .{SECOND.id}"):
        await place.keyring(FixedRoots(SECOND)).load()
    assert len(KeyStore(place.backend).read()) == 1


async def test_what_was_sealed_before_a_new_data_key_can_be_read_after(place: Place) -> None:
    running = await place.sealed(FixedRoots(FIRST))
    await with_two_data_keys(place)
    later = await place.sealed(FixedRoots(FIRST))
    assert await reads(later)
    await later.put_bytes("memo/ab/abc", b"sealed with the new key")
    assert await running.read_bytes("memo/ab/abc") == b"sealed with the new key"
    ids = {key.id for key in KeyStore(place.backend).read()}
    newest = max(ids)
    assert bytes.fromhex(newest) in bytes(await place.backend.whole("memo/ab/abc"))
    assert bytes.fromhex(newest) not in bytes(await place.backend.whole(KEY))


async def test_a_rotation_can_be_interrupted_at_any_moment(place: Place) -> None:
    await with_two_data_keys(place)
    running = await place.sealed(FixedRoots(FIRST))
    roots = [FIRST, *(RootKey(bytes([number]) * 32) for number in range(6))]
    settled: list[str] = []
    for writes, (former, new) in enumerate(pairwise(roots)):
        rotation = Rotation(new, (former,), lambda: settled.append("settled"))
        if writes < 4:
            with pytest.raises(Interrupted):
                await Keyring(InterruptedStore(place, writes), FixedRoots(former)).rotate(rotation)
        assert await reads(running)
        assert await reads(await place.sealed(FixedRoots(new, former)))
        if writes <= 2:  # nothing has gone yet
            assert await reads(await place.sealed(FixedRoots(former)))
        await place.keyring(FixedRoots(former)).rotate(rotation)
        assert await reads(await place.sealed(FixedRoots(new)))
        with pytest.raises(InvalidSettings):
            await place.keyring(FixedRoots(former)).load()
        assert {key.root for key in KeyStore(place.backend).read()} == {new.id}
    assert len(KeyStore(place.backend).read()) == 2


async def test_a_rotation_does_not_touch_objects(place: Place) -> None:
    await with_two_data_keys(place)
    before = bytes(await place.backend.whole(KEY))
    await place.keyring(FixedRoots(FIRST)).rotate(Rotation(SECOND, (FIRST,), lambda: None))
    assert bytes(await place.backend.whole(KEY)) == before


async def test_a_rotation_from_the_wrong_key_gives_nothing_up(place: Place) -> None:
    await with_two_data_keys(place)
    with pytest.raises(InvalidSettings):
        await place.keyring(FixedRoots(FIRST)).rotate(Rotation(SECOND, (RootKey(b"3" * 32),), lambda: None))
    assert await reads(await place.sealed(FixedRoots(FIRST)))


async def test_the_key_is_made_for_nobody_else_to_read(tmp_path: Path) -> None:
    await (await started(tmp_path)).put_bytes(KEY, CONTENT)
    path = tmp_path / "keys" / "root.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]
    assert await reads(await started(tmp_path))


async def test_processes_that_start_at_once_agree_on_a_key(tmp_path: Path) -> None:
    storages = await asyncio.gather(*(started(tmp_path) for _ in range(8)))
    for number, storage in enumerate(storages):
        await storage.put_bytes(f"memo/{number}", CONTENT)
    for storage in (*storages, await started(tmp_path)):
        for number in range(len(storages)):
            assert await storage.read_bytes(f"memo/{number}") == CONTENT


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    asyncio.run(started(tmp_path))
    (tmp_path / "keys" / "root.key").chmod(0o640)
    refused(tmp_path, "chmod 600")


def test_without_the_key_no_other_is_made(tmp_path: Path) -> None:
    asyncio.run(started(tmp_path))
    (tmp_path / "keys" / "root.key").unlink()
    refused(tmp_path, "ENCRYPTION_KEY: the stored keys belong to")
    assert not (tmp_path / "keys" / "root.key").exists()


@pytest.mark.parametrize("named", ["key", "kms"])
async def test_the_key_can_be_the_operators(named: str, tmp_path: Path) -> None:
    sources: dict[str, dict[str, object]] = {
        "key": {"encryption_key": SecretStr(new_key())},
        "kms": {"encryption_kms": f"{__name__}:kms"},
    }
    given = sources[named]
    data = tmp_path / "data"
    await (await started(data, **given)).put_bytes(KEY, CONTENT)
    assert await reads(await started(data, **given))
    assert not (data / "keys").exists()
    with pytest.raises(InvalidSettings, match="belong to"):
        await started(data)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"encryption_key": "short"}, "ENCRYPTION_KEY: "),
        ({"encryption_key": "c2hvcnQ="}, "has to be 32 bytes"),
        ({"encryption_kms": "no.such.module:factory"}, "ENCRYPTION_KMS: cannot use"),
        ({"encryption_kms": "json:no_such_function"}, "ENCRYPTION_KMS: cannot use"),
        ({"encryption_key": "c2hvcnQ=", "encryption_kms": "json:dumps"}, "only one of them"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_in_a_line(
    given: dict[str, object], match: str, tmp_path: Path
) -> None:
    refused(tmp_path, match, **given)


def test_a_bucket_is_not_sealed_with_a_key_of_one_machine(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ENCRYPTION_KEY")
    refused(tmp_path, "ENCRYPTION_KEY: where objects are in a bucket", storage_url=bucket.new())
    assert not (tmp_path / "keys").exists()


def test_what_is_sealed_is_not_served_as_it_rests(tmp_path: Path) -> None:
    asyncio.run(started(tmp_path))
    refused(tmp_path, "ENCRYPTION: ", encryption="off")


async def test_what_is_readable_is_not_mixed_with_what_is_sealed(tmp_path: Path) -> None:
    await (await started(tmp_path, encryption="off")).put_bytes(KEY, CONTENT)
    with pytest.raises(InvalidSettings, match="encryption apply"):
        await started(tmp_path)
    assert await reads(await started(tmp_path, encryption="off"))
