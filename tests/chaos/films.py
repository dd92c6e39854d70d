"""Short films, each with a sound of its own, and what came of them in a comparable form."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from app.media.ffmpeg import find_ffmpeg
from tests.live_server import LiveServer

LANGUAGES = ("es", "fr")
STREAM_HASH = ("-map", "0", "-c", "copy", "-f", "streamhash", "-hash", "md5", "-")


def make_films(folder: Path, count: int, seconds: int) -> tuple[Path, ...]:
    return tuple(_film(folder / f"film-{number}.mp4", number, seconds) for number in range(count))


def _film(path: Path, number: int, seconds: int) -> Path:
    picture = f"testsrc2=size=160x90:rate=10:duration={seconds}"
    sound = f"sine=frequency={200 + 37 * number}:duration={seconds},tremolo=f=3:d=0.8"
    command = [str(find_ffmpeg(None)), "-v", "error", "-y"]
    sources = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
    encoded = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([*command, *sources, *encoded, str(path)], check=True)
    return path


def outputs(server: LiveServer, video_id: str, folder: Path) -> Mapping[str, str]:
    """Everything that was made from a video: texts as they are, films as the hashes of their packets."""
    here = f"/api/videos/{video_id}"
    made = {"original": server.http.get(f"{here}/subtitles/original/download").raise_for_status().text}
    for language in LANGUAGES:
        track = server.http.get(f"{here}/subtitles/translations/{language}/download").raise_for_status()
        made[f"{language} subtitles"] = track.text
        film = folder / f"{video_id}-{language}.mp4"
        film.write_bytes(server.http.get(f"{here}/dubbed-videos/{language}/download").content)
        made[f"{language} film"] = _streams(film)
        film.unlink()
    return made


def _streams(film: Path) -> str:
    """The hash of each track's packets."""
    command = [str(find_ffmpeg(None)), "-v", "error", "-i", str(film), *STREAM_HASH]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
