"""The video that the demo dubs: four slides about the Moon, read aloud by a built-in voice."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import ffmpeg
from ffmpeg.nodes import OutputStream

from app.media.audio import Audio, resample
from app.media.ffmpeg import FFmpegWrapper, media_input, media_output
from app.tts.engines.base import SpeechRequest, TTSClient
from app.tts.track import write_track

NAME = "sample.mp4"
LANGUAGE = "en"
SAMPLE_RATE = 24_000
WIDTH, HEIGHT, FRAME_RATE = 1280, 720, 25
LEAD, PAUSE, TAIL = 0.6, 1.0, 1.2
SPEAKING_SHARE = 0.8

# A circle of radius 1 by four Bézier curves has its handles at this distance.
HANDLE = 0.5523
MOON_X, MOON_Y, MOON_RADIUS = 950, 260, 150
FADE = r"\fad(300,300)"


@dataclass(frozen=True, slots=True)
class Slide:
    """A title, a line below it, what is said meanwhile, and how far the shadow is off the Moon (radii)."""

    title: str
    caption: str
    sentences: tuple[str, ...]
    shadow: float


SLIDES = (
    Slide(
        "The Moon",
        "A short lesson",
        (
            "Welcome to this short lesson about the Moon.",
            "The Moon is the only natural satellite of the Earth.",
        ),
        shadow=2.1,
    ),
    Slide(
        "Moonlight", "It comes from the Sun", ("The light of the Moon is the light of the Sun.",), shadow=1.3
    ),
    Slide("The tides", "The oceans follow", ("The Moon moves the water of the oceans.",), shadow=0.7),
    Slide(
        "1969",
        "The first visitors",
        ("Two astronauts walked on the Moon in 1969.", "This is the end of the lesson."),
        shadow=2.1,
    ),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A slide and when it is on screen, in seconds."""

    slide: Slide
    start: float
    end: float


async def make_sample(
    wrapper: FFmpegWrapper, voice: TTSClient, folder: Path, report: Callable[[float], None]
) -> Path:
    """Writes `NAME` into `folder`, whole or not at all, and tells `report` which fraction is done.

    Raises `Problem` as the voice and FFmpeg do.
    """
    spoken = await _speak(voice, lambda done: report(done * SPEAKING_SHARE))
    shown, clips = _schedule(spoken)
    duration = shown[-1].end
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        slides, sound = Path(scratch) / "slides.ass", Path(scratch) / "speech.wav"
        video = Path(scratch) / NAME
        slides.write_text(_drawn(shown), encoding="utf-8")
        write_track(clips, sample_rate=SAMPLE_RATE, total_samples=round(duration * SAMPLE_RATE), out=sound)
        await wrapper.run(
            _graph(slides, sound, video, duration),
            duration=duration,
            on_progress=lambda done: report(SPEAKING_SHARE + done * (1 - SPEAKING_SHARE)),
        )
        return video.replace(folder / NAME)


async def _speak(voice: TTSClient, report: Callable[[float], None]) -> dict[str, Audio]:
    voice_id = next(known.voice_id for known in voice.voices() if known.speaks(LANGUAGE))
    sentences = [sentence for slide in SLIDES for sentence in slide.sentences]
    spoken: dict[str, Audio] = {}
    for sentence in sentences:
        audio = await voice.speak(SpeechRequest(sentence, LANGUAGE, voice_id, voice.model))
        spoken[sentence] = resample(audio, SAMPLE_RATE)
        report(len(spoken) / len(sentences))
    return spoken


def _schedule(spoken: dict[str, Audio]) -> tuple[list[Shown], list[tuple[float, Audio]]]:
    """One sentence after the other; a slide changes in the middle of a pause."""
    shown: list[Shown] = []
    clips: list[tuple[float, Audio]] = []
    clock, turned = LEAD, 0.0
    for slide in SLIDES:
        for sentence in slide.sentences:
            clips.append((clock, spoken[sentence]))
            clock += spoken[sentence].duration + PAUSE
        end = clock - PAUSE / 2 if slide is not SLIDES[-1] else clock - PAUSE + TAIL
        shown.append(Shown(slide, turned, end))
        turned = end
    return shown, clips


def _graph(slides: Path, sound: Path, video: Path, duration: float) -> OutputStream:
    night = (
        f"gradients=size={WIDTH}x{HEIGHT}:rate={FRAME_RATE}:duration={duration}:speed=0.008"
        ":nb_colors=3:c0=0x0b1026:c1=0x1f2f5c:c2=0x131a3a:seed=4"
    )
    encoding: dict[str, str | float] = {
        "c:v": "libx264",
        "preset": "veryfast",
        "crf": 23,
        "c:a": "aac",
        "movflags": "+faststart",
    }
    picture = ffmpeg.input(night, f="lavfi")["v"].filter("subtitles", filename=str(slides.absolute()))
    return media_output(video, picture.filter("format", "yuv420p"), media_input(sound)["a"], **encoding)


def _drawn(shown: Sequence[Shown]) -> str:
    """The slides as an .ass file; the lower third stays free for the dub's subtitles."""
    events = "\n".join(line for slide in shown for line in _events(slide))
    return f"""[Script Info]
ScriptType: v4.00+
PlayResX: {WIDTH}
PlayResY: {HEIGHT}

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, Bold, BorderStyle, Outline, Shadow, Alignment
Style: Title,Noto Sans CJK KR,120,&H00FFFFFF,&H00000000,1,1,0,0,4
Style: Caption,Noto Sans CJK KR,52,&H00E0C9B0,&H00000000,0,1,0,0,4
Style: Moon,Noto Sans CJK KR,20,&H00C8E6F5,&H00000000,0,1,0,0,7
Style: Shadow,Noto Sans CJK KR,20,&H003A1A13,&H00000000,0,1,0,0,7

[Events]
Format: Layer, Start, End, Style, Text
{events}
"""


def _events(shown: Shown) -> list[str]:
    slide, moon = shown.slide, _circle(MOON_X)
    when = f"{_timestamp(shown.start)},{_timestamp(shown.end)}"
    shadow = _circle(MOON_X + round(slide.shadow * MOON_RADIUS))
    return [
        rf"Dialogue: 0,{when},Moon,{{{FADE}\pos(0,0)\p1}}{moon}",
        rf"Dialogue: 1,{when},Shadow,{{{FADE}\pos(0,0)\clip({moon})\p1}}{shadow}",
        rf"Dialogue: 2,{when},Title,{{{FADE}\pos(110,230)}}{slide.title}",
        rf"Dialogue: 2,{when},Caption,{{{FADE}\pos(114,340)}}{slide.caption}",
    ]


def _circle(x: int) -> str:
    """A circle as large and as high as the Moon, in .ass drawing commands."""
    y, r, h = MOON_Y, MOON_RADIUS, round(MOON_RADIUS * HANDLE)
    return (
        f"m {x} {y - r} b {x + h} {y - r} {x + r} {y - h} {x + r} {y} "
        f"b {x + r} {y + h} {x + h} {y + r} {x} {y + r} "
        f"b {x - h} {y + r} {x - r} {y + h} {x - r} {y} "
        f"b {x - r} {y - h} {x - h} {y - r} {x} {y - r}"
    )


def _timestamp(seconds: float) -> str:
    minutes, rest = divmod(round(seconds * 100), 6000)
    return f"0:{minutes:02}:{rest // 100:02}.{rest % 100:02}"
