"""Rendering a dub over HTTP, with all that the server does around it, against one FFmpeg command."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.media.ffmpeg import find_ffmpeg
from app.media.fonts import prepare_fonts
from app.subtitles.cues import Cue
from app.subtitles.formatter import serialise
from tests.benchmarks.measuring import Comparison, Cost, cost_in_process, cost_of_command
from tests.conftest import make_clip
from tests.e2e.dubbing import ROBOT, bring_translation, fetch, speak
from tests.live_server import DIRECTLY, LiveServer

MIX = "[0:a]volume=0.1[o];[o][1:a]amix=inputs=2:duration=first:normalize=0[mix]"
SOUND = ("-map", "[mix]", "-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart")
COPIED = ("-filter_complex", MIX, "-map", "0:v", "-c:v", "copy", *SOUND)
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "19")
LINE_EVERY = 4
LONGEST_RENDER = 7200.0


def compare(seconds: int, size: str) -> Iterator[Comparison]:
    """For a moving picture so long and large, with a line every few seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "clip.mp4"
        make_clip(clip, seconds, size=size, rate=30)
        lines = [Cue(start, start + 3, f"Line {start}") for start in range(0, seconds - 3, LINE_EVERY)]
        with LiveServer(folder / "data", launcher=DIRECTLY) as server:
            video_id = server.upload(clip)
            bring_translation(server, video_id, "en", *lines)
            speak(server, video_id, "en", ROBOT)
            fetch(server, f"/api/videos/{video_id}/audio?language=en", folder / "voice.wav")
            for subtitled in (False, True):
                ours = _render(server, video_id, subtitled=subtitled)
                bare = _bare_ffmpeg(folder, lines, subtitled=subtitled)
                kind = "burn-in" if subtitled else "copy"
                yield Comparison(f"dub {size} {kind}, {seconds} s", ours, "ffmpeg", bare, seconds, "s")


def _render(server: LiveServer, video_id: str, *, subtitled: bool) -> Cost:
    body = {"language": "en", "options": {"include_subtitles": subtitled}}

    def render() -> None:
        answer = server.http.post(f"/api/videos/{video_id}/generate-dubbed-video", json=body)
        task = server.finished(answer.raise_for_status().json()["task_id"], LONGEST_RENDER)
        assert task["status"] == "completed", task

    return cost_in_process(server.pid, render)


def _bare_ffmpeg(folder: Path, lines: list[Cue], *, subtitled: bool) -> Cost:
    files = ("-i", folder / "clip.mp4", "-i", folder / "voice.wav")
    command = (find_ffmpeg(None), "-v", "error", "-y", *files)
    if not subtitled:
        return cost_of_command([*command, *COPIED, folder / "bare.mp4"])
    (folder / "lines.srt").write_text(serialise(lines, "srt", "en"))
    burned = f"[0:v]subtitles={folder}/lines.srt[v];{MIX}"
    encoded = ("-filter_complex", burned, "-map", "[v]", *X264, *SOUND)
    fonts = os.environ | {"FONTCONFIG_FILE": str(prepare_fonts(folder))}
    return cost_of_command([*command, *encoded, folder / "bare.mp4"], fonts)
