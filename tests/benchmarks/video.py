"""Recordings as the videos that they are measured in."""

import subprocess
from pathlib import Path

from app.media.ffmpeg import find_ffmpeg


def as_video(recording: Path, folder: Path) -> Path:
    """Recordings without a picture get a grey one."""
    if recording.suffix == ".mp4":
        return recording
    video = folder / f"{recording.stem}.mp4"
    grey = ("-f", "lavfi", "-i", "color=gray:size=320x180:rate=25")
    command = (find_ffmpeg(None), "-v", "error", "-y", "-i", recording, *grey, "-shortest")
    subprocess.run([*command, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", video], check=True)
    return video
