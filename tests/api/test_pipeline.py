"""Whole dubs in one call: what is made, what is kept, and what becomes of the rest when a stage fails."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.conftest import bring_track
from tests.live_server import Json, LiveServer
from tests.loopback.faults import PROSE, Delay
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI

FOREVER = Delay(60.0)
QUICK = {"video": {"subtitle_mode": "none"}}
STAGES = ["subtitle_extraction", "translation", "tts_generation", "video_generation"]


def plan(api: LiveServer, video: str, *languages: str, **more: object) -> Json:
    body = {"target_languages": languages, "dry_run": True, **more}
    answer = api.http.post(f"/api/videos/{video}/dub", json=body)
    assert answer.status_code == 200, answer.text
    planned: Json = answer.json()
    return planned


def stages_of(api: LiveServer, video: str) -> list[Json]:
    jobs = api.http.get(f"/api/videos/{video}/jobs").json()["jobs"]
    tasks = [api.task(job["job_id"]) for job in jobs]
    return [task for task in tasks if "parent_id" in task]


@pytest.fixture(scope="module")
def dubbed(shared_api: LiveServer, clip: Path) -> tuple[str, Json]:
    """A video dubbed into two languages, and the task that did it. Tests only add to it."""
    video = shared_api.upload(clip, source_language="en")
    body = {"target_languages": ["es", "fr"], "options": QUICK, "reference": "order 1", "priority": 3}
    return video, shared_api.run(f"/api/videos/{video}/dub", body)


class TestWhole:
    def test_every_language_is_dubbed(self, shared_api: LiveServer, dubbed: tuple[str, Json]) -> None:
        video, task = dubbed
        assert (task["status"], task["type"], task["reference"]) == ("completed", "dub", "order 1")
        assert not task["result"]["partial"]
        for made, language in zip(task["result"]["languages"], ("es", "fr"), strict=True):
            assert (made["language"], made["status"], len(made["task_ids"])) == (language, "completed", 3)
            assert shared_api.http.get(made["download_url"]).headers["content-type"] == "video/mp4"
            report = shared_api.http.get(f"/api/videos/{video}/dubbed-videos/{language}/report").json()
            assert report["tracks"][0]["unheard_segments"] == []

    def test_each_stage_is_a_task_under_it(self, shared_api: LiveServer, dubbed: tuple[str, Json]) -> None:
        video, task = dubbed
        stages = [stage for stage in stages_of(shared_api, video) if stage["parent_id"] == task["task_id"]]
        assert sorted(stage["type"] for stage in stages) == sorted([STAGES[0], *2 * STAGES[1:]])
        assert {stage["priority"] for stage in stages} == {3}

    def test_a_line_without_a_translation_makes_it_partial(
        self, api: LiveServer, openai_server: LoopbackOpenAI, short_clip: Path
    ) -> None:
        video = api.upload(short_clip, title="1")
        bring_track(api, video, "original", "WEBVTT\n\n00:01.000 --> 00:03.000\nnobody understands this.\n")
        openai_server.fail(Endpoint.CHAT, PROSE, times=3)
        result = api.completed(f"/api/videos/{video}/dub", {"target_languages": ["es"], "options": QUICK})
        assert (result["partial"], result["languages"][0]["partial"]) == (True, True)

    def test_what_is_there_is_kept(self, shared_api: LiveServer, dubbed: tuple[str, Json]) -> None:
        video, _ = dubbed
        before = len(stages_of(shared_api, video))
        again = shared_api.completed(f"/api/videos/{video}/dub", {"target_languages": ["es"]})
        assert again["languages"][0]["task_ids"] == []
        assert len(stages_of(shared_api, video)) == before

    def test_options_of_a_stage_make_it_and_what_follows_again(
        self, shared_api: LiveServer, dubbed: tuple[str, Json]
    ) -> None:
        video, _ = dubbed
        body = {"target_languages": ["fr"], "options": {"speech": {"speaking_rate": 1.1}}}
        again = shared_api.completed(f"/api/videos/{video}/dub", body)
        made = [shared_api.task(task_id)["type"] for task_id in again["languages"][0]["task_ids"]]
        assert made == STAGES[2:]

    def test_what_is_not_asked_for_is_done_as_before(
        self, api: LiveServer, openai_server: LoopbackOpenAI, video: str
    ) -> None:
        chosen = {"speech": {"volume_gain_db": 2.0}, "video": {"subtitle_mode": "soft", "loudness": -20}}
        dub = f"/api/videos/{video}/dub"
        api.completed(dub, {"target_languages": ["es"], "voice_id": "nova", "options": chosen})
        edit = {"segments": [{"id": 0, "text": "Algo muy distinto."}]}
        api.http.put(f"/api/videos/{video}/subtitles/translations/es", json=edit).raise_for_status()
        openai_server.forget()
        api.completed(dub, {"target_languages": ["es"]})
        (call,) = openai_server.requests_to(Endpoint.SPEECH)
        assert (call.fields["voice"], call.fields["input"]) == ("nova", "Algo muy distinto.")
        made = api.http.get(f"/api/videos/{video}/dubbed-videos/es").json()["options"]
        assert (made["subtitle_mode"], made["loudness"]) == ("soft", -20)


class TestPlan:
    def test_before_anything_is_there(self, api: LiveServer, video: str) -> None:
        planned = plan(api, video, "es", "fr")
        assert [stage["stage"] for stage in planned["stages"]] == [STAGES[0], *2 * STAGES[1:]]
        assert {stage["action"] for stage in planned["stages"]} == {"make"}
        assert all(stage["units_ready"] == 0 for stage in planned["stages"])
        heard, *of_spanish = [stage["estimated_seconds"] for stage in planned["stages"]][:4]
        translated, spoken, rendered = of_spanish
        chain = heard + max(translated, spoken) + rendered
        assert planned["estimated_time"] == max(1, round(chain))
        assert api.http.get(f"/api/videos/{video}/jobs").json()["jobs"] == []

    def test_what_is_there_is_told(self, shared_api: LiveServer, dubbed: tuple[str, Json]) -> None:
        video, _ = dubbed
        planned = plan(shared_api, video, "es", "it")
        of_spanish = [stage for stage in planned["stages"] if stage["language"] in (None, "es")]
        assert {stage["action"] for stage in of_spanish} == {"keep"}
        assert all(stage["units_ready"] == stage["units"] > 0 for stage in of_spanish)
        of_italian = [stage for stage in planned["stages"] if stage["language"] == "it"]
        assert [stage["action"] for stage in of_italian] == ["make"] * 3

    def test_what_it_costs(self, api: LiveServer, video: str) -> None:
        planned = plan(api, video, "es")
        heard, translated, spoken, rendered = [stage["estimated_cost"] for stage in planned["stages"]]
        assert heard == pytest.approx(0.006 * 5 / 60, rel=0.02)
        assert 0 < translated < 0.1
        assert 0 < spoken < 0.1
        assert rendered == 0
        assert planned["estimated_cost"] == pytest.approx(heard + translated + spoken)

    def test_units_that_are_there_are_told_one_by_one(
        self, api: LiveServer, video: str, own_lines: Callable[[str], tuple[str, str]]
    ) -> None:
        own_lines("original")
        api.completed(f"/api/videos/{video}/dub", {"target_languages": ["es"], "options": QUICK})
        track = f"/api/videos/{video}/subtitles/translations/es"
        line = api.http.get(track).json()["segments"][0]["id"]
        change = {"segments": [{"id": line, "text": "Something else."}]}
        api.http.put(track, json=change).raise_for_status()

        kept, spoken = plan(api, video, "es")["stages"][1:3]
        assert (kept["action"], kept["estimated_cost"]) == ("keep", 0)
        assert (spoken["action"], spoken["units"], spoken["units_ready"]) == ("make", 2, 1)
        assert 0 < spoken["estimated_cost"] < plan(api, video, "fr")["stages"][2]["estimated_cost"]

        again = plan(api, video, "es", options={"translation": {}})["stages"][1]
        assert (again["action"], again["units_ready"], again["estimated_cost"]) == ("make", 2, 0)

    def test_lines_that_the_voices_of_their_speakers_have_spoken_are_there(
        self, api: LiveServer, video: str, own_lines: Callable[[str], tuple[str, str]]
    ) -> None:
        own_lines("original")
        named = {"segments": [{"id": 0, "speaker": "Anna"}]}
        api.http.put(f"/api/videos/{video}/subtitles/original", json=named).raise_for_status()
        voices = {"voice_id": "onyx", "voices": {"Anna": "nova"}}
        api.completed(f"/api/videos/{video}/dub", {"target_languages": ["es"], "options": QUICK, **voices})
        spoken = plan(api, video, "es", **voices)["stages"][2]
        assert (spoken["action"], spoken["units_ready"], spoken["estimated_cost"]) == ("make", 2, 0)

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"target_languages": []}, "target_languages"),
            ({"target_languages": ["es", "es"]}, "target_languages"),
            ({"target_languages": ["klingon!"]}, "target_languages.0"),
            ({"target_languages": ["es"], "options": {"speech": {"pitch": 99}}}, "options.speech.pitch"),
        ],
    )
    def test_what_cannot_be_is_told_at_once(
        self, api: LiveServer, video: str, body: Json, field: str
    ) -> None:
        answer = api.http.post(f"/api/videos/{video}/dub", json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field


class TestTrouble:
    @pytest.fixture
    def hanging(
        self,
        api: LiveServer,
        openai_server: LoopbackOpenAI,
        video: str,
        own_lines: Callable[[str], tuple[str, str]],
    ) -> Iterator[Json]:
        """A dub whose translation goes on for as long as the test does."""
        own_lines("original")
        body = {"target_languages": ["es"], "options": QUICK}
        openai_server.fail(Endpoint.CHAT, FOREVER, times=4)
        started = api.http.post(f"/api/videos/{video}/dub", json=body).json()
        api.wait(lambda: any(stage["type"] == "translation" for stage in _running(api, video)))
        yield started
        api.http.post(f"/api/tasks/{started['task_id']}/cancel")

    def test_cancelling_it_cancels_its_stages(self, api: LiveServer, video: str, hanging: Json) -> None:
        api.http.post(f"/api/tasks/{hanging['task_id']}/cancel").raise_for_status()
        assert _running(api, video) == []
        statuses = {stage["type"]: stage["status"] for stage in stages_of(api, video)}
        assert statuses == {"translation": "cancelled", "tts_generation": "cancelled"}

    def test_a_stage_that_is_cancelled_fails_its_language(
        self, api: LiveServer, video: str, hanging: Json
    ) -> None:
        stage = next(stage for stage in _running(api, video) if stage["type"] == "translation")
        api.http.post(f"/api/tasks/{stage['task_id']}/cancel").raise_for_status()
        task = api.finished(hanging["task_id"])
        assert (task["status"], task["error"]["code"]) == ("failed", "stage_cancelled")
        assert stage["task_id"] in task["error"]["message"]
        assert {stage["status"] for stage in stages_of(api, video)} == {"cancelled"}

    def test_a_retry_makes_only_what_is_missing(
        self, api: LiveServer, openai_server: LoopbackOpenAI, video: str, hanging: Json
    ) -> None:
        api.http.post(f"/api/tasks/{hanging['task_id']}/cancel").raise_for_status()
        openai_server.recover()
        api.http.post(f"/api/tasks/{hanging['task_id']}/retry").raise_for_status()
        task = api.finished(hanging["task_id"])
        assert task["result"]["languages"][0]["status"] == "completed"
        kinds = [stage["type"] for stage in stages_of(api, video) if stage["status"] == "completed"]
        assert kinds == STAGES[1:]


def _running(api: LiveServer, video: str) -> list[Json]:
    return [stage for stage in stages_of(api, video) if stage["status"] == "processing"]
