"""Voices over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app.core.errors import ErrorCode
from app.core.languages import LanguageCode
from app.core.links import BaseUrl
from app.core.openapi import files, problems
from app.core.resources import owned
from app.projects.access import READERS
from app.storage.manager import StorageManager
from app.storage.responses import object_response
from app.tts.engines.base import Gender
from app.tts.schemas import VoiceInfo, VoiceList
from app.tts.service import TTSManager

router = APIRouter()

Manager = Annotated[TTSManager, Depends(owned(TTSManager))]
Storage = Annotated[StorageManager, Depends(owned(StorageManager))]

ENGINE_FAILURES = (
    ErrorCode.ENGINE_AUTHENTICATION,
    ErrorCode.ENGINE_QUOTA,
    ErrorCode.ENGINE_RATE_LIMITED,
    ErrorCode.ENGINE_REFUSED,
    ErrorCode.ENGINE_UNREACHABLE,
    ErrorCode.ENGINE_BAD_ANSWER,
)


@router.get(
    "/api/tts/voices",
    operation_id="listVoices",
    summary="Voices of the configured engine",
    dependencies=[READERS],
    responses=problems(ErrorCode.ENGINE_NOT_CONFIGURED),
)
async def list_voices(
    manager: Manager,
    base: BaseUrl,
    language: Annotated[
        LanguageCode | None, Query(description="Only voices that speak it.", examples=["ko"])
    ] = None,
    gender: Annotated[Gender | None, Query(description="Only these.", examples=["female"])] = None,
) -> VoiceList:
    """The best for the language first."""
    return VoiceList(
        voices=[
            VoiceInfo(
                voice_id=offered.voice.voice_id,
                name=offered.voice.name,
                language=offered.language,
                gender=offered.voice.gender,
                preview_url=f"{base}/api/tts/voices/{offered.voice.voice_id}/preview"
                + (f"?language={language}" if language else ""),
            )
            for offered in await manager.voices(language, gender)
        ]
    )


@router.get(
    "/api/tts/voices/{voice_id}/preview",
    operation_id="getVoicePreview",
    summary="Hear a voice",
    dependencies=[READERS],
    response_class=Response,
    responses=problems(
        ErrorCode.VOICE_NOT_FOUND,
        ErrorCode.LANGUAGE_UNSUPPORTED,
        ErrorCode.ENGINE_NOT_CONFIGURED,
        *ENGINE_FAILURES,
    )
    | files("The preview", "audio/mpeg"),
)
@router.head("/api/tts/voices/{voice_id}/preview", include_in_schema=False, dependencies=[READERS])
async def get_voice_preview(
    request: Request,
    voice_id: Annotated[
        str, Path(max_length=100, description="Of `GET /api/tts/voices`.", examples=["alloy"])
    ],
    manager: Manager,
    storage: Storage,
    language: Annotated[
        LanguageCode | None, Query(description="What it is to speak.", examples=["ko"])
    ] = None,
) -> Response:
    """A sentence in the language, MP3; made when it is first asked for."""
    return await object_response(
        request, storage, await manager.preview_key(voice_id, language), "audio/mpeg"
    )
