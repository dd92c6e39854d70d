from tests.media.conftest import ffmpeg, shared_video

__all__ = ["ffmpeg", "shared_video"]
