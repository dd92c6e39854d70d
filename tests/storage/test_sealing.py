"""What rests sealed opens as it was written, or not at all, wherever it rests."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.errors import ErrorCode, Problem
from app.storage.encryption.layout import CHUNK_BYTES, SEALED_CHUNK_BYTES, Layout
from app.storage.encryption.object_keys import HEADER_BYTES
from app.storage.manager import StorageManager
from tests.storage.places import Place

KEY, OTHER = "videos/vid_1/one", "videos/vid_1/other"
SMALL = b"a few words"
CONTENT = os.urandom(4 * CHUNK_BYTES + 100)
SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 4 * CHUNK_BYTES + 100)

Reading = Callable[[StorageManager, Path], Awaitable[object]]


async def read_whole(storage: StorageManager, folder: Path) -> bytes:
    return await storage.read_bytes(KEY)


async def stream_start(storage: StorageManager, folder: Path) -> bytes:
    """What a player asks for first."""
    return b"".join([part async for part in storage.stream(KEY, 0, 10)])


async def fetch(storage: StorageManager, folder: Path) -> bytes:
    return (await storage.fetch(KEY, folder)).read_bytes()


async def look_in(storage: StorageManager, folder: Path) -> bytes:
    def look() -> bytes:
        with storage.open(KEY) as file:
            return file.read()

    return await asyncio.to_thread(look)


EVERY_WAY = (read_whole, fetch, look_in)


async def refused(reading: Awaitable[object]) -> None:
    with pytest.raises(Problem) as caught:
        await reading
    assert caught.value.code is ErrorCode.CONTENT_DAMAGED
    assert caught.value.details == {"name": KEY}


async def stored(place: Place, key: str = KEY) -> bytes:
    return bytes(await place.backend.whole(key))


def flipped(content: bytes) -> Iterator[bytes]:
    """With each of its bytes changed in turn."""
    for index in range(len(content)):
        yield content[:index] + bytes([content[index] ^ 0x01]) + content[index + 1 :]


def without_chunks(content: bytes) -> Iterator[bytes]:
    """Cut off after the header and after every chunk but the last; and at odd places."""
    for chunks in range((len(content) - HEADER_BYTES) // SEALED_CHUNK_BYTES + 1):
        yield content[: HEADER_BYTES + chunks * SEALED_CHUNK_BYTES]
    yield from (b"", content[:1], content[: HEADER_BYTES - 1], content[:-1], content[:-100])


def longer(content: bytes) -> Iterator[bytes]:
    yield content + b"x"
    yield content + content[HEADER_BYTES:]
    yield content + content[-SEALED_CHUNK_BYTES:]


def rearranged(content: bytes) -> Iterator[bytes]:
    """With two full chunks exchanged, one said twice, or one left out."""
    header, body = content[:HEADER_BYTES], content[HEADER_BYTES:]
    chunks = [body[at : at + SEALED_CHUNK_BYTES] for at in range(0, len(body), SEALED_CHUNK_BYTES)]
    for first, second in ((0, 1), (1, 3), (2, 3)):
        other = list(chunks)
        other[first], other[second] = other[second], other[first]
        yield header + b"".join(other)
    yield header + b"".join([chunks[0], *chunks[:1], *chunks[2:]])
    yield header + b"".join([*chunks[:1], *chunks[2:]])


async def test_a_change_of_any_byte_of_an_object_is_found(place: Place, tmp_path: Path) -> None:
    storage = await place.sealed()
    await storage.put_bytes(KEY, SMALL)
    sealed = await stored(place)
    assert SMALL not in sealed
    for changed in flipped(sealed):
        await place.backend.put(KEY, changed)
        for reading in (read_whole, stream_start):
            await refused(reading(storage, tmp_path))
    await place.backend.put(KEY, sealed)
    assert await storage.read_bytes(KEY) == SMALL


@pytest.mark.parametrize("mutations", [without_chunks, longer, rearranged])
async def test_what_was_cut_off_added_or_exchanged_is_found(
    mutations: Callable[[bytes], Iterator[bytes]], place: Place, tmp_path: Path
) -> None:
    storage = await place.sealed()
    await storage.put_bytes(KEY, CONTENT)
    sealed = await stored(place)
    for changed in mutations(sealed):
        await place.backend.put(KEY, changed)
        for reading in EVERY_WAY:
            await refused(reading(storage, tmp_path))
        assert not (tmp_path / "one").exists()
    await place.backend.put(KEY, sealed)
    for reading in EVERY_WAY:
        assert await reading(storage, tmp_path) == CONTENT


@pytest.mark.parametrize("mutations", [without_chunks, longer])
async def test_an_object_of_another_length_is_not_even_begun(
    mutations: Callable[[bytes], Iterator[bytes]], place: Place, tmp_path: Path
) -> None:
    storage = await place.sealed()
    await storage.put_bytes(KEY, CONTENT)
    for changed in mutations(await stored(place)):
        await place.backend.put(KEY, changed)
        await refused(stream_start(storage, tmp_path))


async def test_an_object_in_the_place_of_another_is_found(place: Place, tmp_path: Path) -> None:
    storage = await place.sealed()
    for key in (KEY, OTHER):
        await storage.put_bytes(key, key.encode())
    await place.backend.put(KEY, await stored(place, OTHER))
    for reading in (*EVERY_WAY, stream_start):
        await refused(reading(storage, tmp_path))
    assert await storage.read_bytes(OTHER) == OTHER.encode()


async def test_what_was_never_sealed_is_not_taken_for_an_object(place: Place, tmp_path: Path) -> None:
    storage = await place.sealed()
    for plain in (b"", SMALL, CONTENT):
        await place.plain().put_bytes(KEY, plain)
        for reading in (*EVERY_WAY, stream_start):
            await refused(reading(storage, tmp_path))


async def test_equal_objects_do_not_look_alike(place: Place) -> None:
    storage = await place.sealed()
    for key in (KEY, OTHER):
        await storage.put_bytes(key, CONTENT)
    one, other = await stored(place), await stored(place, OTHER)
    assert one[HEADER_BYTES:] != other[HEADER_BYTES:]
    assert CONTENT[:64] not in one


@pytest.mark.parametrize("size", SIZES)
async def test_every_way_in_leads_to_every_way_out(size: int, place: Place, tmp_path: Path) -> None:
    storage, content = await place.sealed(), CONTENT[:size]
    source = tmp_path / "source"
    source.write_bytes(content)

    async def put_bytes() -> None:
        await storage.put_bytes(KEY, content)

    async def put_file() -> None:
        await storage.put_file(KEY, source)

    async def write() -> None:
        async with storage.writer(KEY) as writer:
            for start in range(0, size, 50_000):
                await writer.write(content[start : start + 50_000])

    for putting in (put_bytes, put_file, write):
        await putting()
        assert (await storage.head(KEY)).size == size
        for reading in EVERY_WAY:
            assert await reading(storage, tmp_path) == content
        await storage.delete(KEY)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_range_is_that_part_of_the_object(data: st.DataObject, tmp_path: Path) -> None:
    storage = await Place(tmp_path, None).sealed()
    near = st.builds(
        lambda chunks, off: max(0, chunks * CHUNK_BYTES + off), st.integers(0, 40), st.integers(-2, 2)
    )
    size = data.draw(near)
    start = data.draw(near | st.integers(0, size))
    end = data.draw(near | st.integers(start, max(start, size)))
    content = (CONTENT * 10)[:size]
    await storage.put_bytes(KEY, content)
    parts = [part async for part in storage.stream(KEY, start, end)]
    assert b"".join(parts) == content[start : max(start, end)]

    def look() -> bytes:
        with storage.open(KEY) as file:
            file.seek(start)
            return file.read(max(0, end - start))

    assert await asyncio.to_thread(look) == content[start : max(start, end)]


@given(size=st.integers(0, 1 << 40), header=st.integers(0, 1000))
def test_the_size_of_an_object_follows_from_what_it_takes_up(size: int, header: int) -> None:
    layout = Layout(size, header)
    assert Layout.of_stored(layout.stored, header) == layout


@given(stored=st.integers(0, 3 * SEALED_CHUNK_BYTES))
def test_no_object_takes_up_what_cannot_be(stored: int) -> None:
    layout = Layout.of_stored(stored, HEADER_BYTES)
    rest = (stored - HEADER_BYTES) % SEALED_CHUNK_BYTES
    possible = stored >= HEADER_BYTES + 16 and (rest == 0 or rest > 16 or stored == HEADER_BYTES + 16)
    assert (layout is not None) == possible
