"""The containers we open, whatever a file calls itself.

Playlists and manifests are left out on purpose: they make the reader open other files.
"""

DEMUXERS = ("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "wav", "mp3", "flac", "ogg", "aac")
MAX_ALLOCATION = 256 * 1024**2
MAX_PIXELS = 8192 * 4096
MAX_STREAMS = 64

# For a library that reads from an open file and so needs no protocol at all.
READABLE_FORMATS = {
    "format_whitelist": ",".join(DEMUXERS),
    "protocol_whitelist": "none",
    # One more than is taken, or a file with more would pass for one with as many.
    "max_streams": str(MAX_STREAMS + 1),
}

# A container that goes by several names gets the one that browsers play.
MIME_TYPES = {
    "mov": "video/mp4",
    "matroska": "video/webm",
    "avi": "video/x-msvideo",
    "mpegts": "video/mp2t",
    "mpeg": "video/mpeg",
    "flv": "video/x-flv",
    "asf": "video/x-ms-asf",
    "ogg": "video/ogg",
}


def format_name(container: str) -> str:
    """A short name for people: `mov,mp4,m4a,…` is `mp4`, `matroska,webm` is `matroska`."""
    first = container.split(",", maxsplit=1)[0]
    return "mp4" if first == "mov" else first


def mime_type(container: str) -> str:
    """What to serve a file as, by the name probing gave its container: `mov,mp4,m4a,…` is `video/mp4`."""
    return MIME_TYPES.get(container.split(",", maxsplit=1)[0], "application/octet-stream")
