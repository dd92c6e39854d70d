"""FFmpeg, probing and PCM audio: media without any notion of a video's life."""
