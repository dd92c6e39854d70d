"""What there is of a dub already, and which stages are missing."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.pipeline.schemas import DubVideo
from app.render.models import GeneratedVideo
from app.render.schemas import DubOptions, GenerateDubbedVideo
from app.render.service import find_dub
from app.subtitles.storage import OriginalTrack
from app.subtitles.storage import find_track as find_original
from app.translation.storage import TranslatedTrack
from app.translation.storage import find_track as find_translation
from app.tts.schemas import GenerateSpeech, SpeechOptions
from app.tts.storage import SpokenTrack, find_speech
from app.videos.models import ArtifactKind
from app.videos.revisions import lineage
from app.videos.storage import artifacts_of


@dataclass(frozen=True, slots=True)
class LanguageState:
    """What there is in one language."""

    language: str
    translation: TranslatedTrack | None
    speech: SpokenTrack | None
    dub: GeneratedVideo | None
    stale: frozenset[ArtifactKind]


@dataclass(frozen=True, slots=True)
class DubState:
    """What there is of a video."""

    original: OriginalTrack | None
    languages: tuple[LanguageState, ...]


@dataclass(frozen=True, slots=True)
class LanguageStages:
    """Which stages a language needs, beside what is `there`: what is not asked for is done as before."""

    there: LanguageState
    translation: bool
    speech: bool
    video: bool

    @property
    def language(self) -> str:
        return self.there.language

    @property
    def count(self) -> int:
        return sum((self.translation, self.speech, self.video))

    def speech_request(self, request: DubVideo, model: str) -> GenerateSpeech:
        """For the `model` that speaks now: the voices of another are not its own."""
        asked, former = request.speech(self.language), self.there.speech
        if former is None or former.row.model_used != model:
            return asked
        as_before: dict[str, object] = {"audio_format": former.row.audio_format}
        if not request.asks_for_voice:
            as_before |= {"voice_id": former.row.voice_id, "voices": former.row.voices}
        if request.options.speech is None:
            as_before["options"] = SpeechOptions.model_validate(former.row.options)
        return asked.model_copy(update=as_before)

    def video_request(self, request: DubVideo) -> GenerateDubbedVideo:
        asked, former = request.video(self.language), self.there.dub
        if former is None or request.options.video is not None:
            return asked
        options = {name: value for name, value in former.options.items() if name in DubOptions.model_fields}
        return asked.model_copy(update={"options": DubOptions.model_validate(options)})


@dataclass(frozen=True, slots=True)
class Stages:
    """Which stages a dub needs: what is missing, what was made from something older, and what is asked for in
    other words than before."""

    original: bool
    languages: tuple[LanguageStages, ...]

    @property
    def count(self) -> int:
        return self.original + sum(language.count for language in self.languages)


async def state_of(session: AsyncSession, video_id: str, request: DubVideo) -> DubState:
    artifacts = await artifacts_of(session, video_id)
    stale = [found for found in artifacts if lineage(found, artifacts).stale]
    languages = [
        LanguageState(
            language,
            await find_translation(session, video_id, language),
            await find_speech(session, video_id, language),
            await find_dub(session, video_id, language),
            frozenset(found.kind for found in stale if found.language == language),
        )
        for language in request.target_languages
    ]
    return DubState(await find_original(session, video_id), tuple(languages))


def stages_for(state: DubState, request: DubVideo) -> Stages:
    """A stage whose options are given is done again, and so is all that follows from it: the memo answers
    for whatever comes out the same. A stale translation stays until it is asked for: it may hold edits."""
    options = request.options
    translated = all(language.translation is not None for language in state.languages)
    original = options.segments is not None or (state.original is None and not translated)

    def of(language: LanguageState) -> LanguageStages:
        translation = original or language.translation is None or options.translation is not None
        asks_for_speech = options.speech is not None or request.asks_for_voice
        old_speech = ArtifactKind.SPEECH in language.stale or not _is_whole(language.speech)
        speech = translation or old_speech or asks_for_speech
        other_form = options.video is not None or _other_container(language.dub, request)
        video = speech or other_form or ArtifactKind.DUB in language.stale
        return LanguageStages(language, translation, speech, video)

    return Stages(original, tuple(of(language) for language in state.languages))


def _is_whole(speech: SpokenTrack | None) -> bool:
    """Whether every line could be spoken."""
    return speech is not None and all(segment.failure is None for segment in speech.segments)


def _other_container(dub: GeneratedVideo | None, request: DubVideo) -> bool:
    return dub is None or dub.format != request.output_format
