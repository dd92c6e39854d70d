"""Voices that only the server behind the engine knows."""

from collections.abc import Callable
from pathlib import Path

from tests.live_server import LiveServer
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI

UNLISTED = "af_bella+af_sky"
CUES = "WEBVTT\n\n00:00.500 --> 00:02.000\nOne small step.\n"


def test_a_compatible_server_is_asked_and_its_refusal_told(
    api: LiveServer, openai_server: LoopbackOpenAI, video: str, bring: Callable[..., None]
) -> None:
    bring(video, "original")
    bring(video, "translations/en")
    task = api.run(f"/api/videos/{video}/generate-tts", {"language": "en", "voice_id": UNLISTED})
    assert openai_server.requests_to(Endpoint.SPEECH)[0].fields["voice"] == UNLISTED
    assert task["error"]["code"] == "engine_refused"
    assert UNLISTED in task["error"]["message"]


def test_the_built_in_engines_have_no_others(local_api: LiveServer, short_clip: Path) -> None:
    video = local_api.upload(short_clip)
    subtitles = f"/api/videos/{video}/subtitles"
    for track in ("original?language=en", "translations/es"):
        local_api.http.put(
            f"{subtitles}/{track}", content=CUES, headers={"Content-Type": "text/vtt"}
        ).raise_for_status()
    for body, field in (
        ({"voice_id": UNLISTED}, "voice_id"),
        ({"voices": {"Anna": UNLISTED}}, "voices.Anna"),
    ):
        answer = local_api.http.post(f"/api/videos/{video}/generate-tts", json={"language": "es"} | body)
        assert (answer.status_code, answer.json()["code"]) == (422, "voice_not_found")
        assert [error["field"] for error in answer.json()["errors"]] == [field]
