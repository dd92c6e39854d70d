"""A real talking head, from English to Spanish, by the built-in engines over HTTP."""

import re
import sqlite3
import unicodedata
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.media.audio import read_audio
from app.media.probe import probe
from app.translation.engines.local import DATA_DIR
from tests.e2e.dubbing import fetch, render, speak
from tests.e2e.watching import frame_at, level_db, onsets, peak, picture_clock, picture_packets
from tests.live_server import LiveServer
from tests.media.clips import shape, sound

pytestmark = pytest.mark.skipif(
    not (DATA_DIR / "modes" / "eng-spa.mode").is_file(), reason="apertium-eng-spa is not installed"
)

FRAME = 1 / 30
TILE = 8
VISIBLE = 10


@dataclass(frozen=True)
class Dubbed:
    """One video all the way: what was said of its speech, and its files."""

    video_id: str
    source: Path
    lines: list[dict[str, Any]]
    voice: Path
    plain: Path
    subtitled: Path


@pytest.fixture(scope="module")
def jordi(local_api: LiveServer, shared_media: Path, tmp_path_factory: pytest.TempPathFactory) -> Dubbed:
    folder = tmp_path_factory.mktemp("jordi")
    source = shared_media / "speech" / "en_talkinghead_jordi.mp4"
    video_id = local_api.upload(source)
    here = f"/api/videos/{video_id}"
    local_api.completed(f"{here}/extract-subtitles")
    local_api.completed(f"{here}/translate-subtitles", {"target_language": "es"})
    speak(local_api, video_id, "es")
    return Dubbed(
        video_id,
        source,
        lines=spoken_lines(local_api, video_id),
        voice=fetch(local_api, f"{here}/audio?language=es", folder / "voice.wav"),
        plain=render(local_api, video_id, "es", folder / "plain.mp4", include_subtitles=False),
        subtitled=render(local_api, video_id, "es", folder / "subtitled.mp4"),
    )


def spoken_lines(api: LiveServer, video_id: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = api.http.get(f"/api/videos/{video_id}/tts/es").json()["segments"]
    return lines


def spoken_units(api: LiveServer) -> int:
    """How many lines were ever spoken by an engine, by the server's own books, which follow a moment
    later."""
    with closing(sqlite3.connect(api.data_dir / "app.sqlite")) as database:
        count: int = database.execute("SELECT count(*) FROM memo WHERE kind = 'speech'").fetchone()[0]
    return count


def words(text: str) -> set[str]:
    """In lower case and without accents, which listeners do not agree on."""
    letters = unicodedata.normalize("NFD", text.lower())
    return set(re.findall(r"\w+", "".join(letter for letter in letters if not unicodedata.combining(letter))))


def test_both_dubs_are_as_long_as_the_source(jordi: Dubbed) -> None:
    source = probe(jordi.source)
    for dub in (jordi.plain, jordi.subtitled):
        assert probe(dub).duration == pytest.approx(source.duration, abs=FRAME)
        assert shape(dub).sound_end == pytest.approx(source.duration, abs=FRAME)
        assert picture_clock(dub) == pytest.approx(picture_clock(jordi.source), abs=0.001)


def test_without_subtitles_the_picture_is_copied_untouched(jordi: Dubbed) -> None:
    assert picture_packets(jordi.plain) == picture_packets(jordi.source)


def test_every_line_is_heard_when_it_is_planned(jordi: Dubbed) -> None:
    heard = onsets(read_audio(jordi.voice.read_bytes()))
    for line in jordi.lines:
        assert min(abs(onset - line["placed_start"]) for onset in heard) < 0.04, line
        assert line["placed_start"] == pytest.approx(line["start"], abs=0.001)
        assert 1.0 <= line["speed"] <= 1.3
        assert line["overflow"] == 0


def test_the_dub_is_loud_and_clear(jordi: Dubbed) -> None:
    heard = sound(jordi.subtitled)
    assert 0.3 < peak(heard) < 1.0
    assert -30 < level_db(heard) < -15


def test_spanish_is_heard_that_resembles_the_translation(local_api: LiveServer, jordi: Dubbed) -> None:
    dub_id = local_api.upload(jordi.subtitled)
    local_api.completed(f"/api/videos/{dub_id}/extract-subtitles")
    heard = local_api.http.get(f"/api/videos/{dub_id}/subtitles/original").json()
    assert heard["language"] == "es"
    said = words(" ".join(line["text"] for line in jordi.lines))
    assert len(said & words(" ".join(line["text"] for line in heard["segments"]))) >= 0.8 * len(said)


def test_a_subtitle_is_seen_and_nothing_else_changes(jordi: Dubbed) -> None:
    rows, columns = drawn_tiles(jordi, second=6.0)
    height, width = frame_at(jordi.source, 6.0).shape
    assert rows.min() > 0.8 * height
    assert rows.max() < 0.98 * height
    assert (columns.min() + columns.max()) / 2 == pytest.approx(width / 2, abs=0.02 * width)
    assert 0.3 * width < columns.max() - columns.min() < 0.9 * width


def test_between_two_lines_there_is_no_subtitle(jordi: Dubbed) -> None:
    rows, _ = drawn_tiles(jordi, second=4.4)
    assert not rows.size


def drawn_tiles(jordi: Dubbed, second: float) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The middles, in pixels, of the tiles of the picture where the dub differs from its source."""
    changed = np.abs(frame_at(jordi.subtitled, second) - frame_at(jordi.source, second))
    height, width = (side // TILE * TILE for side in changed.shape)
    tiles = changed[:height, :width].reshape(height // TILE, TILE, width // TILE, TILE).mean(axis=(1, 3))
    rows, columns = np.nonzero(tiles > VISIBLE)
    return rows * TILE + TILE // 2, columns * TILE + TILE // 2


def test_an_edited_line_is_the_only_one_spoken_again(
    local_api: LiveServer, jordi: Dubbed, tmp_path: Path
) -> None:
    here = f"/api/videos/{jordi.video_id}"
    before = [
        fetch(local_api, line["url"], tmp_path / f"{line['id']}.wav").read_bytes() for line in jordi.lines
    ]
    spoken = spoken_units(local_api)
    edit = {"segments": [{"id": jordi.lines[0]["id"], "text": "Buenas tardes."}]}
    local_api.http.put(f"{here}/subtitles/translations/es", json=edit).raise_for_status()
    speak(local_api, jordi.video_id, "es")
    lines = spoken_lines(local_api, jordi.video_id)
    after = [fetch(local_api, line["url"], tmp_path / "again.wav").read_bytes() for line in lines]
    local_api.wait(lambda: spoken_units(local_api) > spoken)
    assert spoken_units(local_api) == spoken + 1
    assert after[0] != before[0]
    assert after[1:] == before[1:]
    assert [line["placed_start"] for line in lines] == [line["placed_start"] for line in jordi.lines]
