"""An audio clip's length, from its header."""

from pathlib import Path

from app.media.formats import READABLE_FORMATS


def clip_seconds(audio: Path) -> float:
    """Seconds, 0.0 if the header does not tell. Blocking."""
    import av

    with audio.open("rb") as file, av.open(file, "r", options=READABLE_FORMATS) as container:
        return (container.duration or 0) / av.time_base
