"""Translations over HTTP: what is asked of the engine, what is kept, and what users bring."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.conftest import CUES
from tests.api.walk import Walk
from tests.live_server import Json, LiveServer
from tests.loopback.engines import SuffixTranslator
from tests.loopback.faults import (
    BAD_REQUEST,
    EMPTY_LINE,
    HTML_PAGE,
    MISSING_LINE,
    RATE_LIMITED,
    Fault,
    changed_lines,
)
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI

Bring = Callable[..., None]


@pytest.fixture
def subtitled(video: str, bring: Bring) -> str:
    """A video with two lines of Korean subtitles, as its user says."""
    bring(video, "original")
    return video


def translate(api: LiveServer, video: str, **request: object) -> Json:
    body = {"target_language": "es"} | request
    api.completed(f"/api/videos/{video}/translate-subtitles", body)
    return track_of(api, video, str(body["target_language"]))


def track_of(api: LiveServer, video: str, language: str) -> Json:
    path = f"/api/videos/{video}/subtitles/translations/{language}"
    body: Json = api.http.get(path).raise_for_status().json()
    return body


def reworded(texts: dict[int, str]) -> Fault:
    """A chat answer with these texts for these ids, without shorter wordings."""
    return changed_lines(
        lambda lines: [
            line | {"text": texts[line["id"]], "shorter": []} if line["id"] in texts else line
            for line in lines
        ]
    )


def without(number: int) -> Fault:
    return changed_lines(lambda lines: [line for line in lines if line["id"] != number])


def test_each_line_keeps_its_id_and_times(api: LiveServer, subtitled: str) -> None:
    track = translate(api, subtitled)
    assert track["segments"] == [
        {
            "id": 0,
            "start": 0.5,
            "end": 2.0,
            "text": "Oneos smallos stepos.",
            "shorter": ["Oneos smallos", "Oneos"],
            "original_text": "One small step.",
            "speaker": None,
        },
        {
            "id": 1,
            "start": 2.5,
            "end": 4.0,
            "text": "Andos aos giantos leapos.",
            "shorter": ["Andos aos giantos", "Andos aos"],
            "original_text": "And a giant leap.",
            "speaker": None,
        },
    ]


def test_the_options_reach_the_engine(api: LiveServer, openai_server: LoopbackOpenAI, subtitled: str) -> None:
    options = {
        "terminology": {"giant": "Gigante"},
        "tone": "formal",
        "context": "달 착륙",
        "preserve_format": False,
    }
    track = translate(api, subtitled, options=options)
    assert "Gigante" in track["segments"][1]["text"]
    assert track["metadata"]["missed_terms"] == []
    asked = str([request.fields for request in openai_server.requests_to(Endpoint.CHAT)])
    assert "formal" in asked
    assert "달 착륙" in asked


@pytest.mark.parametrize(
    ("asked", "used"),
    [("gpt-4", "gpt-5.4-mini"), ("gpt-3.5-turbo", "gpt-5.4-mini"), ("gpt-5.4-mini", "gpt-5.4-mini")],
)
def test_the_model_asked_for_and_the_one_that_ran(
    api: LiveServer, subtitled: str, asked: str, used: str
) -> None:
    track = translate(api, subtitled, model=asked)
    assert (track["translation_model"], track["model_used"]) == (asked, used)


def test_a_model_that_no_server_has_fails_the_task(api: LiveServer, subtitled: str) -> None:
    task = api.run(
        f"/api/videos/{subtitled}/translate-subtitles", {"target_language": "es", "model": "gpt-99"}
    )
    assert task["status"] == "failed"
    assert "gpt-99" in task["error"]["message"]


def test_language_codes_are_bcp_47(api: LiveServer, subtitled: str) -> None:
    track = translate(api, subtitled, target_language="PT-br")
    assert track["target_language"] == "pt-BR"
    links = api.http.get(f"/api/videos/{subtitled}").json()["subtitles"]["translations"]
    assert [link["language"] for link in links] == ["pt-BR"]


def test_several_languages_live_side_by_side(api: LiveServer, subtitled: str) -> None:
    for language in ("ja", "de"):
        translate(api, subtitled, target_language=language)
    links = api.http.get(f"/api/videos/{subtitled}").json()["subtitles"]["translations"]
    assert [link["language"] for link in links] == ["de", "ja"]


def test_a_second_translation_follows_the_edited_original(api: LiveServer, subtitled: str) -> None:
    before = translate(api, subtitled)
    edit = {"segments": [{"id": 0, "text": "Two small steps."}]}
    api.http.put(f"/api/videos/{subtitled}/subtitles/original", json=edit).raise_for_status()
    after = translate(api, subtitled)
    assert after["segments"][0]["text"] == "Twoos smallos stepsos."
    assert after["segments"][1] == before["segments"][1]
    assert after["metadata"]["created_at"] == before["metadata"]["created_at"]
    assert after["metadata"]["updated_at"] > before["metadata"]["updated_at"]


@pytest.mark.parametrize("fault", [MISSING_LINE, EMPTY_LINE, RATE_LIMITED])
def test_what_an_engine_gets_wrong_moves_no_line(
    api: LiveServer,
    openai_server: LoopbackOpenAI,
    subtitled: str,
    own_lines: Callable[[str], tuple[str, str]],
    fault: Fault,
) -> None:
    translate(api, subtitled, target_language="fr")  # so that the title is known and only lines are asked
    lines = own_lines("original")
    openai_server.forget()
    openai_server.fail(Endpoint.CHAT, fault)
    track = translate(api, subtitled, target_language="fr")
    assert len(openai_server.requests_to(Endpoint.CHAT)) == 2
    assert [line["original_text"] for line in track["segments"]] == list(lines)
    for line, original in zip(track["segments"], lines, strict=True):
        assert line["text"] == SuffixTranslator.do(original, "fr")


@pytest.mark.parametrize("fault", [HTML_PAGE, BAD_REQUEST])
def test_lines_that_no_answer_came_to_are_left_over_and_asked_for_the_next_time(
    api: LiveServer,
    openai_server: LoopbackOpenAI,
    subtitled: str,
    own_lines: Callable[[str], tuple[str, str]],
    fault: Fault,
) -> None:
    translate(api, subtitled, target_language="fr")  # the title is known, and so is the engine
    lines = own_lines("original")
    openai_server.fail(Endpoint.CHAT, fault, times=100)
    track = translate(api, subtitled, target_language="fr")
    assert track["metadata"]["untranslated_segments"] == [0, 1]
    assert [line["text"] for line in track["segments"]] == list(lines)

    openai_server.forget()
    track = translate(api, subtitled, target_language="fr")
    assert track["metadata"]["untranslated_segments"] == []
    assert [line["text"] for line in track["segments"]] == [SuffixTranslator.do(line, "fr") for line in lines]


ONE_CUE = "WEBVTT\n\n00:00.500 --> 00:02.000\n{}\n"


@pytest.mark.parametrize(
    ("line", "answer"), [("nobody answers this.", ""), ("we only say this.", "Мы говорим.")]
)
def test_the_only_line_is_asked_for_again_and_then_listed(
    api: LiveServer, openai_server: LoopbackOpenAI, short_clip: Path, bring: Bring, line: str, answer: str
) -> None:
    video = api.upload(short_clip, title="1")
    bring(video, "original", ONE_CUE.format(line))
    openai_server.fail(Endpoint.CHAT, reworded({0: answer}), times=100)
    result = api.completed(f"/api/videos/{video}/translate-subtitles", {"target_language": "es"})
    assert (result["partial"], result["untranslated_segments"]) == (True, [0])
    assert [segment["text"] for segment in track_of(api, video, "es")["segments"]] == [answer or line]
    assert len(openai_server.requests_to(Endpoint.CHAT)) == 3
    openai_server.forget()


def test_a_server_that_answers_with_web_pages_is_told_from_an_engine(
    api: LiveServer, openai_server: LoopbackOpenAI, short_clip: Path, bring: Bring
) -> None:
    video = api.upload(short_clip, title="A web page")
    bring(video, "original", CUES.format("Nobody has said this.", "Nor has anybody said that."))
    openai_server.fail(Endpoint.CHAT, HTML_PAGE, times=1000)
    task = api.run(f"/api/videos/{video}/translate-subtitles", {"target_language": "it"})
    assert (task["status"], task["error"]["code"]) == ("failed", "engine_bad_answer")
    assert "OPENAI_BASE_URL" in task["error"]["next"]
    assert len(openai_server.requests_to(Endpoint.CHAT)) <= 20
    openai_server.forget()


def test_what_stays_wrong_is_listed(
    api: LiveServer, openai_server: LoopbackOpenAI, short_clip: Path, bring: Bring
) -> None:
    video = api.upload(short_clip, title="1")
    lines = ("we miss a giant here.", "page 1984 is here.")
    bring(video, "original", CUES.format(*lines))
    openai_server.fail(Endpoint.CHAT, reworded({0: "sin nada", 1: "aquí"}), times=3)
    body = {"target_language": "es", "options": {"terminology": {"giant": "gigante"}}}
    result = api.completed(f"/api/videos/{video}/translate-subtitles", body)
    assert (result["missed_terms"], result["doubtful_segments"]) == ([0], [1])
    assert result["untranslated_segments"] == []
    track = track_of(api, video, "es")
    listed = {"untranslated_segments": [], "missed_terms": [0], "doubtful_segments": [1]}
    assert track["metadata"] == track["metadata"] | listed
    assert [line["text"] for line in track["segments"]] == ["sin nada", "aquí"]


@pytest.mark.parametrize(
    ("edit", "listed"),
    [
        ({"text": "de 1984"}, []),
        ({"deleted": True}, []),
        ({"end": 3.9}, [1]),
    ],
    ids=["text", "deleted", "end"],
)
def test_a_line_whose_text_is_edited_is_listed_no_more(
    api: LiveServer,
    openai_server: LoopbackOpenAI,
    subtitled: str,
    bring: Bring,
    edit: Json,
    listed: list[int],
) -> None:
    bring(subtitled, "original", CUES.format("this is fine.", "page 1984 is here."))
    openai_server.fail(Endpoint.CHAT, reworded({1: "aquí"}), times=4)
    assert translate(api, subtitled)["metadata"]["doubtful_segments"] == [1]
    openai_server.forget()
    changes = {"segments": [{"id": 1} | edit]}
    api.http.put(f"/api/videos/{subtitled}/subtitles/translations/es", json=changes).raise_for_status()
    assert track_of(api, subtitled, "es")["metadata"]["doubtful_segments"] == listed


def test_a_sentence_over_several_lines_is_translated_whole(
    api: LiveServer, openai_server: LoopbackOpenAI, video: str, bring: Bring
) -> None:
    bring(video, "original", CUES.format("When it rains in the", "mountains, we stay at home."))
    track = translate(api, video)
    (request,) = [request for request in openai_server.requests_to(Endpoint.CHAT) if request.lines[0].id == 0]
    assert [line.text for line in request.lines] == ["When it rains in the mountains, we stay at home."]
    assert request.user_message["lines"] == [
        {"id": 0, "text": "When it rains in the mountains, we stay at home.", "seconds": 3.5}
    ]
    texts = [line["text"] for line in track["segments"]]
    assert " ".join(texts) == "Whenos itos rainsos inos theos mountainsos, weos stayos atos homeos."
    assert track["segments"][0]["original_text"] == "When it rains in the"
    assert all(line["text"] and not line["shorter"] for line in track["segments"])


def test_a_sentence_of_one_word_is_translated_line_by_line(
    api: LiveServer, openai_server: LoopbackOpenAI, short_clip: Path, bring: Bring
) -> None:
    video = api.upload(short_clip, title="1")
    bring(video, "original", CUES.format("Well of course that", "is quite right."))
    openai_server.fail(Endpoint.CHAT, reworded({0: "Naturalmente."}))
    track = translate(api, video)
    assert [[line.id for line in request.lines] for request in openai_server.requests_to(Endpoint.CHAT)] == [
        [0],
        [0, 1],
    ]
    assert [line["text"] for line in track["segments"]] == [
        "Wellos ofos courseos thatos",
        "isos quiteos rightos.",
    ]


def test_a_lost_sentence_leaves_its_lines_and_no_others(
    api: LiveServer, openai_server: LoopbackOpenAI, video: str, bring: Bring
) -> None:
    lines = ("When it snows in the", "mountains, we stay at home.", "It is warm.")
    bring(video, "original", CUES.format(*lines) + f"\n00:04.100 --> 00:04.900\n{lines[2]}\n")
    openai_server.fail(Endpoint.CHAT, without(0), times=4)
    track = translate(api, video)
    assert track["metadata"]["untranslated_segments"] == [0, 1]
    assert [line["text"] for line in track["segments"]] == [*lines[:2], "Itos isos warmos."]


def test_a_line_moved_in_time_is_not_translated_again(
    api: LiveServer, openai_server: LoopbackOpenAI, subtitled: str
) -> None:
    translate(api, subtitled, target_language="it")
    edit = {"segments": [{"id": 0, "end": 1.7}]}
    api.http.put(f"/api/videos/{subtitled}/subtitles/original", json=edit).raise_for_status()
    openai_server.forget()
    assert translate(api, subtitled, target_language="it")["segments"][0]["end"] == 1.7
    assert openai_server.requests_to(Endpoint.CHAT) == []


def test_the_title_is_translated_with_the_subtitles(api: LiveServer, short_clip: Path, bring: Bring) -> None:
    video = api.upload(short_clip, title="Moon landing")
    bring(video, "original")
    assert translate(api, video)["title"] == "Moonos landingos"


def test_editing(api: LiveServer, subtitled: str) -> None:
    before = translate(api, subtitled)
    path = f"/api/videos/{subtitled}/subtitles/translations/es"
    etag = api.http.get(path).headers["etag"]
    changes = {
        "segments": [{"id": 1, "text": "Un salto."}, {"id": 4, "start": 4.1, "end": 4.9, "text": "Fin."}]
    }
    saved = api.http.put(path, json=changes, headers={"If-Match": etag})
    assert saved.json() == {"success": True, "message": "The translated subtitles were updated successfully."}
    assert saved.headers["etag"] != etag
    after = track_of(api, subtitled, "es")["segments"]
    assert after[0] == before["segments"][0]
    assert after[1] == before["segments"][1] | {"text": "Un salto.", "shorter": []}
    assert after[2] == {
        "id": 4,
        "start": 4.1,
        "end": 4.9,
        "text": "Fin.",
        "shorter": [],
        "original_text": None,
        "speaker": None,
    }
    assert api.http.put(path, json=changes, headers={"If-Match": etag}).status_code == 412


def test_changes_that_cannot_be_name_the_segment(api: LiveServer, subtitled: str) -> None:
    before = translate(api, subtitled)
    path = f"/api/videos/{subtitled}/subtitles/translations/es"
    answer = api.http.put(path, json={"segments": [{"id": 1, "start": 1.0}]})
    assert (answer.status_code, answer.json()["code"]) == (422, "segment_overlap")
    assert answer.json()["errors"][0]["field"] == "segments.0.start"
    assert track_of(api, subtitled, "es") == before


def test_bringing_a_translation(api: LiveServer, subtitled: str, bring: Bring) -> None:
    content = "1\n00:00:00,400 --> 00:00:01,900\nUn pasito.\n\n2\n00:00:04,500 --> 00:00:04,900\nFin.\n"
    bring(subtitled, "translations/es", content, "application/x-subrip")
    track = track_of(api, subtitled, "es")
    assert [line["text"] for line in track["segments"]] == ["Un pasito.", "Fin."]
    assert [line["original_text"] for line in track["segments"]] == ["One small step.", None]
    assert (track["translation_model"], track["model_used"], track["title"]) == (None, None, None)


def test_bringing_a_translation_of_a_video_without_subtitles(
    api: LiveServer, video: str, bring: Bring
) -> None:
    bring(video, "translations/es")
    assert len(track_of(api, video, "es")["segments"]) == 2
    assert api.http.get(f"/api/videos/{video}").json()["subtitles"]["original"] is None


def test_a_translation_that_is_not_there(api: LiveServer, subtitled: str) -> None:
    path = f"/api/videos/{subtitled}/subtitles/translations/es"
    for answer in (
        api.http.get(path),
        api.http.get(f"{path}/download"),
        api.http.put(path, json={"segments": [{"id": 0, "text": "x"}]}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "translation_not_ready")


def test_a_track_without_lines(api: LiveServer, subtitled: str) -> None:
    gone = {"segments": [{"id": 0, "deleted": True}, {"id": 1, "deleted": True}]}
    api.http.put(f"/api/videos/{subtitled}/subtitles/original", json=gone).raise_for_status()
    answer = api.http.post(f"/api/videos/{subtitled}/translate-subtitles", json={"target_language": "es"})
    assert (answer.status_code, answer.json()["code"]) == (409, "track_empty")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "target_language"),
        ({"target_language": "auto"}, "target_language"),
        ({"target_language": "english"}, "target_language"),
        ({"target_language": 5}, "target_language"),
        ({"target_language": "es", "model": ""}, "model"),
        ({"target_language": "es", "options": {"tone": "rude"}}, "options.tone"),
        ({"target_language": "es", "options": {"preserve_format": "yes"}}, "options.preserve_format"),
        ({"target_language": "es", "options": {"terminology": ["a"]}}, "options.terminology"),
        ({"target_language": "es", "options": {"terminology": {"a": 1}}}, "options.terminology.a"),
        ({"target_language": "es", "options": {"context": "x" * 2001}}, "options.context"),
        ({"target_language": "es", "options": {"style": "x"}}, "options.style"),
    ],
)
def test_requests_that_cannot_be(walk: Walk, body: Json, field: str) -> None:
    answer = walk.server.http.post(walk.path("/translate-subtitles"), json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
