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
    "max_streams": str(MAX_STREAMS),
}
