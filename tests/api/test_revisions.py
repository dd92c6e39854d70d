"""Revisions: what was made from an older one says so, stays, and is no longer stale once it is made again."""

from collections.abc import Callable

import pytest

from tests.api.conftest import CUES, LINES, bring_track
from tests.live_server import Json, LiveServer

OwnLines = Callable[[str], tuple[str, str]]


class Dubbing:
    """A short video that is translated, spoken and dubbed step by step."""

    def __init__(self, api: LiveServer, video: str) -> None:
        self.api = api
        self.here = f"/api/videos/{video}"

    def get(self, path: str) -> Json:
        body: Json = self.api.http.get(f"{self.here}{path}").raise_for_status().json()
        return body

    def translate(self) -> None:
        self.api.completed(f"{self.here}/translate-subtitles", {"target_language": "en"})

    def speak(self) -> None:
        self.api.completed(f"{self.here}/generate-tts", {"language": "en"})

    def dub(self, mode: str = "soft") -> None:
        body = {"language": "en", "options": {"subtitle_mode": mode}}
        self.api.completed(f"{self.here}/generate-dubbed-video", body)

    def edit(self, track: str, text: str = "Something else.", line: int = 0) -> None:
        answer = self.api.http.put(
            f"{self.here}/subtitles/{track}", json={"segments": [{"id": line, "text": text}]}
        )
        answer.raise_for_status()

    def stale(self) -> tuple[bool, bool, bool]:
        """Of the translation, the speech and the dub."""
        return (
            self.get("/subtitles/translations/en")["stale"],
            self.get("/tts/en")["stale"],
            self.get("/dubbed-videos/en")["stale"],
        )


@pytest.fixture
def dubbing(api: LiveServer, video: str, own_lines: OwnLines) -> Dubbing:
    own_lines("original")
    return Dubbing(api, video)


@pytest.fixture
def dubbed(dubbing: Dubbing) -> Dubbing:
    dubbing.translate()
    dubbing.speak()
    dubbing.dub()
    return dubbing


def test_an_edit_makes_stale_what_was_made_from_it_until_that_is_made_again(dubbed: Dubbing) -> None:
    assert dubbed.stale() == (False, False, False)
    dubbed.edit("original")
    assert dubbed.stale() == (True, False, False)
    dubbed.translate()
    assert dubbed.stale() == (False, True, True)
    dubbed.speak()
    assert dubbed.stale() == (False, False, True)
    dubbed.dub()
    assert dubbed.stale() == (False, False, False)


def test_what_it_was_made_from_is_told(dubbed: Dubbing) -> None:
    dubbed.edit("original")
    translation = dubbed.get("/subtitles/translations/en")
    original = dubbed.get("/subtitles/original")
    assert (original["revision"], translation["revision"]) == (2, 1)
    assert translation["made_from"] == [{"kind": "subtitles", "language": None, "revision": 1, "newest": 2}]
    assert dubbed.get("/dubbed-videos/en")["made_from"] == [
        {"kind": "speech", "language": "en", "revision": 1, "newest": 1},
        {"kind": "translation", "language": "en", "revision": 1, "newest": 1},
    ]


def test_what_is_stale_can_still_be_had(dubbed: Dubbing) -> None:
    dubbed.edit("original")
    dubbed.edit("translations/en")
    assert dubbed.stale() == (True, True, True)
    for path in ("/subtitles/translations/en/download", "/audio?language=en", "/dubbed-videos/en/download"):
        assert dubbed.api.http.get(f"{dubbed.here}{path}").status_code == 200


def test_the_video_shows_it(dubbed: Dubbing) -> None:
    dubbed.edit("translations/en")
    dubbed.edit("original")
    video = dubbed.get("")
    (translation,), (dub,) = video["subtitles"]["translations"], video["dubbed_versions"]
    assert (translation["revision"], translation["stale"]) == (2, True)
    assert (dub["revision"], dub["stale"]) == (1, True)
    assert (video["subtitles"]["original"]["revision"], video["subtitles"]["original"]["stale"]) == (2, False)


def test_a_dub_without_subtitles_is_made_from_the_speech_alone(dubbed: Dubbing) -> None:
    dubbed.dub(mode="none")
    dubbed.edit("translations/en")
    assert dubbed.stale() == (False, True, False)


def test_lines_spoken_again_are_a_new_track_once_none_is_left_that_should_be(dubbed: Dubbing) -> None:
    for line in (0, 1):
        dubbed.edit("translations/en", line=line)
    for line, stale in ((0, True), (1, False)):
        again = {"segment_ids": [line]}
        answer = dubbed.api.http.post(f"{dubbed.here}/tts/en", json=again).raise_for_status()
        assert (answer.json()["stale"], answer.json()["revision"]) == (stale, 2 + line)
    assert dubbed.stale() == (False, False, True)


def test_a_dub_in_one_call_makes_what_is_stale_but_keeps_a_translation_that_may_hold_edits(
    dubbed: Dubbing,
) -> None:
    dubbed.edit("original")
    dubbed.edit("translations/en")
    dubbed.api.completed(f"{dubbed.here}/dub", {"target_languages": ["en"]})
    assert dubbed.stale() == (True, False, False)
    assert dubbed.get("/subtitles/translations/en")["segments"][0]["text"] == "Something else."


def test_a_translation_that_a_user_brought_is_made_from_nothing(dubbing: Dubbing, video: str) -> None:
    dubbing.translate()
    bring_track(dubbing.api, video, "translations/en", CUES.format(*LINES))
    dubbing.edit("original")
    translation = dubbing.get("/subtitles/translations/en")
    assert (translation["stale"], translation["made_from"]) == (False, [])


def test_a_client_with_a_copy_hears_that_it_has_become_stale(dubbing: Dubbing) -> None:
    dubbing.translate()
    path = f"{dubbing.here}/subtitles/translations/en"
    http = dubbing.api.http
    fresh = http.get(path).headers["etag"]
    assert http.get(path, headers={"If-None-Match": fresh}).status_code == 304
    dubbing.edit("original")
    answer = http.get(path, headers={"If-None-Match": fresh})
    assert (answer.status_code, answer.json()["stale"]) == (200, True)
    body = {"segments": [{"id": 0, "text": "Still the same track."}]}
    for etag, status in ((answer.headers["etag"], 200), (fresh, 412)):
        assert http.put(path, json=body, headers={"If-Match": etag}).status_code == status
