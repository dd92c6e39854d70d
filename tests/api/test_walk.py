"""Section 2 of the specification, endpoint by endpoint: each documented field, its type and its value."""

import re

import pytest

from app.projects.models import HOME
from tests.api.shapes import AMOUNT, MOMENT, TASK_ID, TEXT, VIDEO_ID, url
from tests.api.walk import DUB, SOURCE, TARGET, VOICE, Walk
from tests.live_server import Json

LINES = (
    "The train leaves the station at noon.",
    "Nobody saw the grey cat on the roof.",
    "We should open the window a little.",
)
CONFIDENCE = pytest.approx(2.718281828**-0.2)
DURATION = pytest.approx(9.0, abs=0.05)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def walk(request: pytest.FixtureRequest) -> Walk:
    """On SQLite and a folder, and on PostgreSQL and a bucket."""
    taken: Walk = request.getfixturevalue("walk_alone" if request.param == "sqlite" else "walk_on_postgres")
    return taken


def test_upload(walk: Walk) -> None:
    answer = walk.answers["upload"]
    assert answer.status_code == 201
    assert answer.headers["location"] == walk.path()
    assert answer.json() == {
        "video_id": VIDEO_ID,
        "title": "비디오 제목",
        "duration": DURATION,
        "resolution": "320x180",
        "status": "uploaded",
        "created_at": MOMENT,
        "source_language": SOURCE,
    }


def test_a_new_video(walk: Walk) -> None:
    assert walk.json("new video") == {
        "video_id": walk.video_id,
        "project_id": HOME,
        "title": "비디오 제목",
        "description": "비디오 설명",
        "url": url(walk.path("/file")),
        "thumbnail_url": url(walk.path("/thumbnail")),
        "preview_url": url(walk.path("/preview")),
        "duration": DURATION,
        "resolution": "320x180",
        "status": "uploaded",
        "created_at": MOMENT,
        "source_language": SOURCE,
        "detected_language": None,
        "filename": "three bursts.mp4",
        "file_size": pytest.approx(700_000, rel=0.5),
        "format": "mp4",
        "subtitles": {"original": None, "translations": []},
        "dubbed_versions": [],
    }


def test_a_video_with_everything_made_from_it(walk: Walk) -> None:
    video = walk.json("video")
    assert video["status"] == "processed"
    assert video["detected_language"] == SOURCE
    assert video["subtitles"] == {
        "original": link(walk, SOURCE, "/subtitles/original", revision=2),
        "translations": [link(walk, TARGET, f"/subtitles/translations/{TARGET}", revision=2)],
    }
    assert video["dubbed_versions"] == [link(walk, TARGET, f"/dubbed-videos/{TARGET}/download", revision=1)]


def link(walk: Walk, language: str, path: str, revision: int) -> Json:
    return {"language": language, "url": url(walk.path(path)), "revision": revision, "stale": False}


def origin(kind: str, language: str | None, revision: int, newest: int) -> Json:
    return {"kind": kind, "language": language, "revision": revision, "newest": newest}


@pytest.mark.parametrize(
    ("step", "more"),
    [
        ("extraction", {}),
        ("translation", {"target_language": TARGET}),
        ("speech", {"language": TARGET}),
        ("dub", {"language": TARGET}),
    ],
)
def test_starting_a_task(walk: Walk, step: str, more: dict[str, str]) -> None:
    answer = walk.answers[step]
    body = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/tasks/{body['task_id']}"
    assert body.pop("status") in ("queued", "processing")
    assert isinstance(body["estimated_time"], int)
    assert 1 <= body.pop("estimated_time") < 100
    assert body == {"task_id": TASK_ID, "video_id": walk.video_id, **more}


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("extraction", "subtitle_extraction"),
        ("translation", "translation"),
        ("speech", "tts_generation"),
        ("dub", "video_generation"),
    ],
)
def test_a_completed_task(walk: Walk, step: str, kind: str) -> None:
    task = walk.json(f"{step} task")
    assert task.pop("result")
    assert task == {
        "task_id": walk.json(step)["task_id"],
        "video_id": walk.video_id,
        "type": kind,
        "status": "completed",
        "progress": 100,
        "message": "Done",
        "priority": 0,
        "cost": 0.0 if step == "dub" else AMOUNT,
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "completed_at": MOMENT,
        "estimated_completion": None,
    }


def test_the_results_of_tasks(walk: Walk) -> None:
    assert walk.json("extraction task")["result"] == {
        "video_id": walk.video_id,
        "subtitles_url": url(walk.path("/subtitles/original")),
        "detected_language": SOURCE,
        "segments_count": 3,
    }
    assert walk.json("translation task")["result"] == {
        "video_id": walk.video_id,
        "subtitles_url": url(walk.path(f"/subtitles/translations/{TARGET}")),
        "source_language": SOURCE,
        "target_language": TARGET,
        "segments_count": 3,
        "untranslated_segments": [],
        "partial": False,
        "doubtful_segments": [],
        "missed_terms": [],
    }
    assert walk.json("speech task")["result"] == {
        "audio_url": url(walk.path(f"/audio?language={TARGET}")),
        "language": TARGET,
        "voice_id": VOICE,
        "duration": pytest.approx(sum(line["duration"] for line in walk.json("spoken")["segments"])),
        "segments_count": 3,
        "overflowing_segments": [],
        "moved_segments": [],
        "partial": False,
        "failed_segments": [],
    }
    assert walk.json("dub task")["result"] == {
        "video_id": walk.video_id,
        "language": TARGET,
        "languages": [TARGET],
        "url": url(walk.path(f"/dubbed-videos/{TARGET}/file")),
        "download_url": url(walk.path(f"/dubbed-videos/{TARGET}/download")),
        "duration": DURATION,
        "file_size": len(walk.answers["dubbed download"].content),
    }


def test_the_original_subtitles(walk: Walk) -> None:
    track = walk.json("subtitles")
    lines = track.pop("segments")
    assert [line["text"] for line in lines] == list(LINES)
    assert [line["id"] for line in lines] == [0, 1, 2]
    assert all(set(line) == {"id", "start", "end", "text", "confidence", "speaker"} for line in lines)
    assert all(line["confidence"] == CONFIDENCE for line in lines)
    assert [line["start"] for line in lines] == pytest.approx([0.5, 3.4, 6.5], abs=0.1)
    assert track == {
        "video_id": walk.video_id,
        "language": SOURCE,
        "detected_language": SOURCE,
        "whisper_model": "whisper-large-v2",
        "model_used": "whisper-1",
        "revision": 1,
        "metadata": {
            "word_count": 22,
            "segment_count": 3,
            "total_duration": DURATION,
            "average_confidence": CONFIDENCE,
            "estimated_times": False,
            "left_out": [],
        },
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
    assert walk.answers["subtitles"].headers["etag"]


@pytest.mark.parametrize("track", ["subtitles", "translated"])
def test_tracks_as_files(walk: Walk, track: str) -> None:
    srt, vtt = walk.answers[f"{track} srt"], walk.answers[f"{track} vtt"]
    assert srt.headers["content-type"] == "application/x-subrip; charset=utf-8"
    assert re.match(r"1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\nThe", srt.text)
    assert vtt.headers["content-type"] == "text/vtt; charset=utf-8"
    assert vtt.text.startswith("WEBVTT\n")
    assert re.search(r"\n00:00:0\d\.\d{3} --> 00:00:0\d\.\d{3}\nThe", vtt.text)


@pytest.mark.parametrize(
    ("track", "name"),
    [
        ("subtitles", "%EB%B9%84%EB%94%94%EC%98%A4%20%EC%A0%9C%EB%AA%A9.ko.srt"),
        ("translated", "%EB%B9%84%EB%94%94%EC%98%A4um%20%EC%A0%9C%EB%AA%A9um.en.srt"),
    ],
)
def test_downloading_a_track(walk: Walk, track: str, name: str) -> None:
    answer = walk.answers[f"{track} download"]
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-disposition"].endswith(f"filename*=UTF-8''{name}")
    assert answer.text == walk.answers[f"{track} srt"].text


def test_editing_the_original_subtitles(walk: Walk) -> None:
    assert walk.json("subtitles edit") == {
        "success": True,
        "message": "자막이 성공적으로 업데이트되었습니다.",
    }
    first, *others = walk.json("edited subtitles")["segments"]
    edited = {"id": 0, "start": 0.0, "end": 2.5, "text": "The train is late."}
    assert first == edited | {"confidence": None, "speaker": None}
    assert others == walk.json("subtitles")["segments"][1:]


def test_the_translation(walk: Walk) -> None:
    track = walk.json("translated")
    lines = track.pop("segments")
    originals = walk.json("edited subtitles")["segments"]
    assert lines[0] == {
        "id": 0,
        "start": 0.0,
        "end": 2.5,
        "text": "Theum Express isum lateum.",
        "shorter": ["Theum Express isum", "Theum Express"],
        "original_text": "The train is late.",
        "speaker": None,
    }
    assert [line["original_text"] for line in lines] == [line["text"] for line in originals]
    assert [(line["start"], line["end"]) for line in lines] == [
        (line["start"], line["end"]) for line in originals
    ]
    assert track == {
        "video_id": walk.video_id,
        "source_language": SOURCE,
        "target_language": TARGET,
        "translation_model": "gpt-4",
        "model_used": "gpt-5.4-mini",
        "title": "비디오um 제목um",
        "revision": 1,
        "stale": False,
        "made_from": [origin("subtitles", None, 2, 2)],
        "metadata": {
            "word_count": sum(len(line["text"].split()) for line in lines),
            "segment_count": 3,
            "total_duration": DURATION,
            "created_at": MOMENT,
            "updated_at": MOMENT,
            "untranslated_segments": [],
            "missed_terms": [],
            "doubtful_segments": [],
        },
    }


def test_editing_the_translation(walk: Walk) -> None:
    assert walk.json("translated edit") == {
        "success": True,
        "message": "번역된 자막이 성공적으로 업데이트되었습니다.",
    }
    before, after = walk.json("translated")["segments"], walk.json("edited translation")["segments"]
    assert after[1] == before[1] | {"text": "Nobody saw it.", "shorter": []}
    assert [after[0], after[2]] == [before[0], before[2]]


def test_the_voices(walk: Walk) -> None:
    voices = walk.json("voices")["voices"]
    assert VOICE in [voice["voice_id"] for voice in voices]
    for voice in voices:
        assert voice == {
            "voice_id": TEXT,
            "name": TEXT,
            "language": TARGET,
            "gender": "female",
            "preview_url": url(f"/api/tts/voices/{voice['voice_id']}/preview?language={TARGET}"),
        }


def test_the_speech(walk: Walk) -> None:
    speech = walk.json("spoken")
    lines = speech.pop("segments")
    subtitles = walk.json("edited translation")["segments"]
    for line, subtitle in zip(lines, subtitles, strict=True):
        assert line["text"] in (subtitle["text"], *subtitle["shorter"])
        assert line == {
            "id": subtitle["id"],
            "start": subtitle["start"],
            "end": subtitle["end"],
            "url": url(walk.path(f"/tts/{TARGET}/segments/{subtitle['id']}/audio")),
            "duration": pytest.approx(0.06 * len(line["text"]), rel=0.4),
            "natural_duration": pytest.approx(0.06 * len(line["text"]), rel=0.1),
            "text": line["text"],
            "translated_text": subtitle["text"],
            "speaker": None,
            "voice_id": VOICE,
            "attempts": 1,
            "rewrites": 0,
            "cost": AMOUNT,
            "failed": False,
            "error": None,
            "placed_start": subtitle["start"],
            "speed": pytest.approx(1.0, abs=0.3),
            "borrowed": pytest.approx(0, abs=1),
            "moved": 0.0,
            "overflow": 0.0,
        }
    assert speech == {
        "video_id": walk.video_id,
        "language": TARGET,
        "voice_id": VOICE,
        "voices": {},
        "model_used": "gpt-4o-mini-tts",
        "audio_format": "mp3",
        "revision": 1,
        "stale": False,
        "made_from": [origin("translation", TARGET, 2, 2)],
        "full_audio": {
            "url": url(walk.path(f"/audio?language={TARGET}")),
            "duration": DURATION,
            "created_at": MOMENT,
        },
    }
    assert walk.json("spoken again") == walk.json("spoken")


def test_the_dubbed_video(walk: Walk) -> None:
    file = walk.answers["dubbed download"]
    assert walk.json("dubbed") == {
        "video_id": walk.video_id,
        "original_title": "비디오 제목",
        "dubbed_title": "비디오um 제목um",
        "language": TARGET,
        "url": url(walk.path(f"/dubbed-videos/{TARGET}/file")),
        "download_url": url(walk.path(f"/dubbed-videos/{TARGET}/download")),
        "thumbnail_url": url(walk.path(f"/dubbed-videos/{TARGET}/thumbnail")),
        "report_url": url(walk.path(f"/dubbed-videos/{TARGET}/report")),
        "revision": 1,
        "stale": False,
        "made_from": [origin("speech", TARGET, 1, 1), origin("translation", TARGET, 2, 2)],
        "duration": DURATION,
        "resolution": "320x180",
        "file_size": len(file.content),
        "created_at": MOMENT,
        "languages": [TARGET],
        "subtitle_language": TARGET,
        "options": DUB["options"]
        | {
            "subtitle_mode": "burned",
            "ducking": "on",
            "loudness": -16.0,
            "keep_original_track": False,
            "output_format": "mp4",
        },
    }
    assert file.headers["content-type"] == "video/mp4"
    assert file.headers["content-disposition"].startswith("attachment;")
    assert file.headers["content-disposition"].endswith("um.en.mp4")


def test_the_jobs_of_a_video(walk: Walk) -> None:
    jobs = walk.json("jobs")
    steps = ("extraction", "translation", "speech", "dub")
    assert jobs == {
        "video_id": walk.video_id,
        "jobs": [
            {
                "job_id": walk.json(step)["task_id"],
                "job_type": walk.json(f"{step} task")["type"],
                "status": "completed",
                "progress": 100,
                "created_at": MOMENT,
                "completed_at": MOMENT,
            }
            for step in steps
        ],
    }
