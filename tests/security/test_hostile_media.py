"""Files made to harm: none makes the server fail, hang, read another file, call anybody or fill its
memory."""

import os
import re
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.live_server import LiveServer
from tests.security.conftest import Bait
from tests.security.mutations import damaged, make_seeds

LONGEST_SECONDS = 10.0
# More of them take longer: HOSTILE_FILES=5000 for a night.
MUTATIONS = int(os.environ.get("HOSTILE_FILES", "200"))
AT_ONCE = 4
# Looking at what was accepted costs more than finding out whether it is.
LOOKED_AT = 6
GROWTH_MEGABYTES = 200

Craft = Callable[[Bait], str]


def dash(bait: Bait) -> str:
    return f"""<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT5S" minBufferTime="PT1S"
 profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4">
<Representation id="1" bandwidth="1" codecs="avc1"><BaseURL>file://{bait.secret}</BaseURL></Representation>
<Representation id="2" bandwidth="2" codecs="avc1"><BaseURL>{bait.url}/dash.mp4</BaseURL></Representation>
</AdaptationSet></Period></MPD>"""


def hls(address: Callable[[Bait], str]) -> Craft:
    def playlist(bait: Bait) -> str:
        return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address(bait)}\n#EXT-X-ENDLIST\n"

    return playlist


def encrypted_hls(bait: Bait) -> str:
    key = f'#EXT-X-KEY:METHOD=AES-128,URI="{bait.url}/key"'
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{key}\n#EXTINF:1,\n{bait.secret}\n#EXT-X-ENDLIST\n"


def concat(bait: Bait) -> str:
    return f"ffconcat version 1.0\nfile '{bait.secret}'\nfile '{bait.url}/next.mp4'\n"


def svg(bait: Bait) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="64" '
        f'height="48"><image xlink:href="file://{bait.secret}"/><image xlink:href="{bait.url}/x.png"/></svg>'
    )


def entities(bait: Bait) -> str:
    declared = f'<!ENTITY s SYSTEM "file://{bait.secret}"><!ENTITY u SYSTEM "{bait.url}">'
    return f"<!DOCTYPE x [{declared}]><x>&s;&u;</x>"


def sdp(bait: Bait) -> str:
    port = bait.url.rpartition(":")[2]
    return f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n"


def script(bait: Bait) -> str:
    return f"#!/bin/sh\ncat {bait.secret}; curl {bait.url}\n"


CRAFTED: dict[str, Craft] = {
    "manifest.mp4": dash,
    "manifest.mpd": dash,
    "playlist": hls(lambda bait: f"file://{bait.secret}"),
    "playlist.mp4": hls(lambda bait: str(bait.secret)),
    "playlist.m3u8": hls(lambda bait: f"{bait.url}/segment.ts"),
    "chained.ts": hls(lambda bait: f"concat:{bait.secret}|{bait.url}/end"),
    "piped.mkv": hls(lambda bait: f"subfile,,start,0,end,0,,:{bait.secret}"),
    "encrypted.m3u8": encrypted_hls,
    "list.txt": concat,
    "list.mp4": concat,
    "picture.svg": svg,
    "picture.mp4": svg,
    "entities.xml": entities,
    "session.sdp": sdp,
    "session.avi": sdp,
    "script.mp4": script,
}


def referring_movie(bait: Bait) -> bytes:
    """A QuickTime movie whose samples are said to be in another file."""
    alias = bait.secret.as_posix().encode()
    url = b"url " + bytes(4) + b"file://" + alias + b"\0"
    entry = struct.pack(">I", len(url) + 4) + url
    dref = _box(b"dref", bytes(4) + struct.pack(">I", 1) + entry)
    dinf = _box(b"dinf", dref)
    minf = _box(b"minf", _box(b"vmhd", bytes(12)) + dinf)
    media = _box(b"mdia", _box(b"hdlr", bytes(8) + b"vide" + bytes(12)) + minf)
    return _box(b"ftyp", b"qt  " + bytes(8)) + _box(b"moov", _box(b"trak", media)) + _box(b"mdat", bytes(64))


def subtitled_avi(bait: Bait) -> bytes:
    """An AVI whose subtitles are a playlist: players that look into them open what it names."""
    playlist = hls(lambda bait: f"file://{bait.secret}")(bait).encode()
    gab2 = b"GAB2\0\2\0" + struct.pack("<I", 0) + b"\4\0" + struct.pack("<I", len(playlist)) + playlist
    header = struct.pack(
        "<4s4sIHHIIIIIIIIHHHH", b"txts", bytes(4), 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0
    )
    strl = _list(b"strl", _chunk(b"strh", header) + _chunk(b"strf", b""))
    hdrl = _list(b"hdrl", _chunk(b"avih", struct.pack("<14I", 40000, *([0] * 5), 1, *([0] * 7))) + strl)
    movi = _list(b"movi", _chunk(b"00tx", gab2))
    return b"RIFF" + struct.pack("<I", len(hdrl + movi) + 4) + b"AVI " + hdrl + movi


@pytest.mark.parametrize("name", CRAFTED)
def test_a_text_that_leads_elsewhere_is_no_video(target: LiveServer, bait: Bait, name: str) -> None:
    answer = _sent(target, name, CRAFTED[name](bait).encode())
    assert answer.status_code == 415, answer.text
    assert answer.json()["code"] == "not_a_video"
    assert bait.calls == []


@pytest.mark.parametrize("padding", [b"\0" * 16, b"\xff" * 4096, b"G" + b"\0" * 187], ids=["0", "ff", "ts"])
def test_a_playlist_behind_bytes_that_are_no_text_is_no_video(
    target: LiveServer, bait: Bait, padding: bytes
) -> None:
    for content in (padding + dash(bait).encode(), dash(bait).encode() + padding * 300):
        answer = _sent(target, "hidden.mp4", content)
        assert answer.status_code in (415, 422), answer.text
    assert bait.calls == []


@pytest.mark.parametrize("craft", [referring_movie, subtitled_avi])
def test_a_movie_that_refers_to_another_file_is_refused(
    target: LiveServer, bait: Bait, craft: Callable[[Bait], bytes]
) -> None:
    answer = _sent(target, "movie.mov", craft(bait))
    assert answer.status_code in (415, 422), answer.text
    assert bait.mark not in answer.text
    assert bait.calls == []


def test_damaged_media_do_no_harm(target: LiveServer, bait: Bait, tmp_path: Path) -> None:
    before = _peak_megabytes(target.pid)
    seeds = make_seeds(tmp_path)
    assert len(seeds) >= 6

    def send(number: int, name: str, content: bytes) -> httpx.Response:
        answer = _sent(target, name, content)
        if answer.status_code == 201 and number % LOOKED_AT == 0:
            _look_at(target, answer.headers["location"])
        return answer

    with ThreadPoolExecutor(AT_ONCE) as senders:
        files = enumerate(damaged(seeds, MUTATIONS))
        answers = list(senders.map(lambda item: send(item[0], item[1].name, item[1].content), files))

    statuses = [answer.status_code for answer in answers]
    assert len(statuses) >= 200
    assert set(statuses) <= {201, 415, 422}, statuses
    # Or the damage was none, or there was nothing left to damage.
    assert statuses.count(201) > 20
    assert len(statuses) - statuses.count(201) > 20
    assert _peak_megabytes(target.pid) - before < GROWTH_MEGABYTES
    assert target.http.get("/readyz").is_success
    assert "Traceback" not in target.log(-200_000)
    assert bait.calls == []


def _look_at(target: LiveServer, location: str) -> None:
    begun = time.monotonic()
    answer = target.http.get(f"{location}/thumbnail")
    assert answer.status_code in (200, 422), answer.text
    assert time.monotonic() - begun < LONGEST_SECONDS


def _sent(target: LiveServer, name: str, content: bytes) -> httpx.Response:
    begun = time.monotonic()
    answer = target.http.post("/api/videos/upload", files={"video": (name, content)})
    seconds = time.monotonic() - begun
    assert answer.status_code < 500, (name, answer.text)
    assert seconds < LONGEST_SECONDS, (name, seconds)
    return answer


def _peak_megabytes(pid: int) -> float:
    """The most memory that the process has ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _list(kind: bytes, content: bytes) -> bytes:
    return _chunk(b"LIST", kind + content)
