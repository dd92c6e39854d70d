"""Errors over HTTP: problem+json with a code, a message and what to do, in the reader's language."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from string import Formatter

import httpx
import pytest

from app.core.errors import ErrorCode, http_status
from app.core.locales import LOCALES, Catalogue, catalogue
from tests.api.walk import Walk
from tests.live_server import Json, LiveServer

HANGUL = re.compile("[가-힣]")


def problem_in(answer: httpx.Response, status: int, code: str) -> Json:
    """The body of an error, once it is what every error is."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: Json = answer.json()
    assert set(body) - {"errors"} == {"type", "title", "status", "code", "detail", "next", "instance"}
    assert body["status"] == status
    assert body["instance"] == answer.request.url.path
    assert all(body[name] for name in ("title", "detail", "next"))
    assert not re.search(r"\{[a-z_]+\}", body["title"] + body["detail"])
    for error in body.get("errors", ()):
        assert set(error) == {"field", "message", "type"}
    return body


def asked_in(accept_language: str | None, server: LiveServer, path: str) -> httpx.Response:
    request = server.http.build_request("GET", path)
    del request.headers["Accept-Language"]
    if accept_language is not None:
        request.headers["Accept-Language"] = accept_language
    return server.http.send(request)


class TestNotFound:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", ""),
            ("DELETE", ""),
            ("POST", "/trim"),
            ("GET", "/file"),
            ("GET", "/preview"),
            ("GET", "/thumbnail"),
            ("GET", "/jobs"),
            ("POST", "/extract-subtitles"),
            ("GET", "/subtitles/original"),
            ("PUT", "/subtitles/original"),
            ("GET", "/subtitles/original/download"),
            ("POST", "/translate-subtitles"),
            ("GET", "/subtitles/translations/en"),
            ("PUT", "/subtitles/translations/en"),
            ("GET", "/subtitles/translations/en/download"),
            ("POST", "/generate-tts"),
            ("GET", "/tts/en"),
            ("POST", "/tts/en"),
            ("GET", "/tts/en/segments/0/audio"),
            ("GET", "/audio?language=en"),
            ("POST", "/generate-dubbed-video"),
            ("GET", "/dubbed-videos/en"),
            ("GET", "/dubbed-videos/en/file"),
            ("GET", "/dubbed-videos/en/download"),
            ("GET", "/dubbed-videos/en/thumbnail"),
        ],
    )
    def test_a_video_that_is_not_there(self, api: LiveServer, method: str, path: str) -> None:
        bodies: Json = {
            "/trim": {"start_time": 0, "end_time": 1},
            "/translate-subtitles": {"target_language": "en"},
            "/generate-tts": {"language": "en"},
            "/generate-dubbed-video": {"language": "en"},
        }
        edit = {"segments": [{"id": 0, "text": "x"}]}
        body = edit if method == "PUT" else bodies.get(path)
        answer = api.http.request(method, f"/api/videos/vid_of_nobody{path}", json=body)
        problem = problem_in(answer, 404, "video_not_found")
        assert "vid_of_nobody" in problem["detail"]

    def test_an_address_that_is_not_there(self, api: LiveServer) -> None:
        problem = problem_in(api.http.get("/api/movies"), 404, "route_not_found")
        assert "/api/movies" in problem["detail"]

    def test_a_method_that_is_not_possible(self, api: LiveServer) -> None:
        answer = api.http.patch("/api/videos")
        problem = problem_in(answer, 405, "method_not_allowed")
        assert "PATCH" in problem["detail"]
        assert "GET" in answer.headers["allow"]


class TestNotReady:
    """409 says which stage is to be run."""

    @pytest.mark.parametrize(
        ("path", "body", "code", "stage"),
        [
            ("translate-subtitles", {"target_language": "en"}, "subtitles_not_ready", "extract-subtitles"),
            ("generate-tts", {"language": "en"}, "translation_not_ready", "translate-subtitles"),
            ("generate-dubbed-video", {"language": "en"}, "speech_not_ready", "generate-tts"),
        ],
    )
    @pytest.mark.parametrize("language", ["ko", "en"])
    def test_the_stages(
        self, api: LiveServer, video: str, path: str, body: Json, code: str, stage: str, language: str
    ) -> None:
        answer = api.http.post(
            f"/api/videos/{video}/{path}", json=body, headers={"Accept-Language": language}
        )
        problem = problem_in(answer, 409, code)
        assert f"POST /api/videos/{video}/{stage}" in problem["next"]


class TestInput:
    def test_every_field_at_fault_is_named(self, api: LiveServer, video: str) -> None:
        body = {"language": "en", "options": {"pitch": 99, "speed": 1}, "audio_format": "ogg"}
        answer = api.http.post(f"/api/videos/{video}/generate-tts", json=body)
        problem = problem_in(answer, 422, "invalid_request")
        named = {error["field"]: error["type"] for error in problem["errors"]}
        assert named == {
            "options.pitch": "less_than_equal",
            "options.speed": "extra_forbidden",
            "audio_format": "literal_error",
        }
        assert all(field in problem["detail"] for field in named)

    @pytest.mark.parametrize("content", ["{", "{'language': 'en'}", '{"language": "en",}', ""])
    def test_what_is_not_json(self, api: LiveServer, video: str, content: str) -> None:
        answer = api.http.post(
            f"/api/videos/{video}/generate-tts",
            content=content,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 422
        assert answer.json()["code"] in ("invalid_json", "invalid_request")

    def test_json_that_is_called_something_else(self, api: LiveServer, video: str) -> None:
        """As curl sends it when the header is forgotten."""
        answer = api.http.post(
            f"/api/videos/{video}/generate-tts",
            content='{"language": "en"}',
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        problem = problem_in(answer, 415, "unsupported_media_type")
        assert "application/json" in problem["next"]

    @pytest.mark.parametrize("content", ["[]", "5", '"en"', "null", "NaN"])
    def test_json_that_is_no_object(self, api: LiveServer, video: str, content: str) -> None:
        answer = api.http.post(
            f"/api/videos/{video}/generate-tts",
            content=content,
            headers={"Content-Type": "application/json"},
        )
        problem = problem_in(answer, 422, "invalid_request")
        assert problem["errors"][0]["field"] == "body"

    @pytest.mark.parametrize("language", ["english", "e", "x" * 40, "%00", "en/../..", "und"])
    def test_languages_in_paths(self, api: LiveServer, video: str, language: str) -> None:
        answer = api.http.get(f"/api/videos/{video}/subtitles/translations/{language}")
        assert answer.status_code in (404, 422)

    @pytest.mark.parametrize(
        "text", ["\u0000", "\ud800", "\ufffe\uffff", "\u202e", "🙂🇰🇷", "'; DROP TABLE videos; --"]
    )
    def test_odd_letters_are_kept_or_refused(
        self, api: LiveServer, video: str, bring: Callable[..., None], text: str
    ) -> None:
        bring(video, "original")
        body = json.dumps({"segments": [{"id": 0, "text": f"a{text}"}]})
        answer = api.http.put(
            f"/api/videos/{video}/subtitles/original",
            content=body,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code in (200, 422), answer.text
        assert api.http.get(f"/api/videos/{video}/subtitles/original").is_success


class TestEngines:
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("extract-subtitles", None),
            ("translate-subtitles", {"target_language": "en"}),
            ("generate-tts", {"language": "en"}),
        ],
    )
    def test_an_engine_that_is_not_configured(
        self, strict_api: LiveServer, short_clip: Path, path: str, body: Json | None
    ) -> None:
        video = strict_api.upload(short_clip)
        for track in ("original?language=ko", "translations/en"):
            strict_api.http.put(
                f"/api/videos/{video}/subtitles/{track}",
                content="1\n00:00:01,000 --> 00:00:02,000\nHello\n",
                headers={"Content-Type": "application/x-subrip"},
            ).raise_for_status()
        answer = strict_api.http.post(f"/api/videos/{video}/{path}", json=body)
        problem = problem_in(answer, 503, "engine_not_configured")
        assert "OPENAI_API_KEY" in problem["next"]

    def test_voices_of_no_engine(self, strict_api: LiveServer) -> None:
        problem = problem_in(strict_api.http.get("/api/tts/voices"), 503, "engine_not_configured")
        assert "OPENAI_API_KEY" in problem["next"]


class TestBrowsers:
    """A front end of another origin sees answers, errors and the headers it needs."""

    def test_a_preflight(self, strict_api: LiveServer) -> None:
        headers = {
            "Origin": "https://dub.example",
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "if-match,content-type",
        }
        answer = strict_api.http.options("/api/videos/vid/subtitles/original", headers=headers)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://dub.example"
        assert "PUT" in answer.headers["access-control-allow-methods"]
        assert "if-match" in answer.headers["access-control-allow-headers"]

    def test_an_error(self, strict_api: LiveServer) -> None:
        answer = strict_api.http.get("/api/videos/vid", headers={"Origin": "https://dub.example"})
        problem_in(answer, 404, "video_not_found")
        assert answer.headers["access-control-allow-origin"] == "https://dub.example"
        assert {"ETag", "Location"} <= set(answer.headers["access-control-expose-headers"].split(", "))

    def test_another_origin(self, strict_api: LiveServer) -> None:
        answer = strict_api.http.get("/api/videos", headers={"Origin": "https://elsewhere.example"})
        assert "access-control-allow-origin" not in answer.headers


class TestLanguages:
    @pytest.mark.parametrize(
        ("header", "korean"),
        [
            (None, True),
            ("ko", True),
            ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", True),
            ("fr-FR, ko; q=0.5, en; q=0.4", True),
            ("en", False),
            ("en-GB,en;q=0.9,ko;q=0.1", False),
            ("ko;q=0.1, en;q=0.9", False),
            ("ko;q=0, en", False),
            ("fr", True),
            ("*", True),
            ("", True),
            (",;q=,=;", True),
            ("1234567890", True),
            ("en-" + "x" * 5000, False),
            ("ko;q=nan", True),
        ],
    )
    def test_accept_language(self, api: LiveServer, header: str | None, korean: bool) -> None:
        """Without a known language it is Korean."""
        answer = asked_in(header, api, "/api/videos/vid_of_nobody")
        problem = problem_in(answer, 404, "video_not_found")
        assert bool(HANGUL.search(problem["detail"])) == korean
        assert bool(HANGUL.search(problem["title"])) == korean
        assert bool(HANGUL.search(problem["next"])) == korean

    def test_the_default_can_be_set(self, strict_api: LiveServer) -> None:
        answer = asked_in(None, strict_api, "/api/movies")
        assert answer.json()["title"] == "No such address"

    def test_the_specification_s_own_sentence(self) -> None:
        said = catalogue("ko").error(ErrorCode.PROCESSING_ERROR, {}).detail
        assert said == "오디오 품질이 낮아 처리할 수 없습니다."

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "필수 항목입니다"),
            ({"language": "en", "x": 1}, "알 수 없는 필드입니다"),
            ({"language": "xxxxxxxxxxx"}, "'xxxxxxxxxxx'은(는) 언어 코드가 아닙니다"),
            ({"language": "en", "options": {"pitch": 11}}, "10 이하여야 합니다"),
            ({"language": "en", "options": {"pitch": "1"}}, "숫자여야 합니다"),
            ({"language": "en", "options": []}, "객체여야 합니다"),
            ({"language": "en", "audio_format": "ogg"}, "다음 중 하나여야 합니다: 'mp3' or 'wav'"),
        ],
    )
    def test_what_is_wrong_with_a_field_is_told_in_korean(
        self, api: LiveServer, walk: Walk, body: Json, message: str
    ) -> None:
        answer = api.http.post(walk.path("/generate-tts"), json=body, headers={"Accept-Language": "ko"})
        problem = problem_in(answer, 422, "invalid_request")
        assert [error["message"] for error in problem["errors"]] == [message]


class TestCatalogues:
    def test_every_code_has_texts_in_every_language(self) -> None:
        for locale in LOCALES:
            assert set(catalogue(locale).errors) == set(ErrorCode)

    @pytest.mark.parametrize("code", ErrorCode)
    def test_the_texts_of_a_code_say_the_same(self, code: ErrorCode) -> None:
        english, korean = (catalogue(locale).errors[code] for locale in ("en", "ko"))
        for name in ("title", "detail", "next"):
            one, other = getattr(english, name), getattr(korean, name)
            assert placeholders(one) == placeholders(other)
            assert HANGUL.search(other) or placeholders(other)
            assert not HANGUL.search(one)

    @pytest.mark.parametrize("table", ["tasks", "answers"])
    def test_the_other_texts_say_the_same(self, table: str) -> None:
        english, korean = (getattr(catalogue(locale), table) for locale in ("en", "ko"))
        assert set(english) == set(korean)
        for key, text in english.items():
            assert placeholders(text) == placeholders(korean[key])

    def test_english_validation_messages_have_korean_ones(self) -> None:
        assert set(catalogue("en").validation) <= set(catalogue("ko").validation)

    @pytest.mark.parametrize("code", ErrorCode)
    def test_every_code_has_a_status(self, code: ErrorCode) -> None:
        assert 400 <= http_status(code) < 600


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_catalogues_are_read() -> None:
    assert all(isinstance(catalogue(locale), Catalogue) for locale in LOCALES)
