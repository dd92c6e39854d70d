"""Absolute URLs for the one who asks, and sentences in their language."""

from typing import Annotated

from fastapi import Depends, Request

from app.core.locales import Catalogue, catalogue, choose_locale
from app.core.resources import owned
from app.core.settings import Settings

OwnSettings = Annotated[Settings, Depends(owned(Settings))]


async def _base_url(request: Request, settings: OwnSettings) -> str:
    return str(settings.public_url or request.base_url).rstrip("/")


async def _texts(request: Request, settings: OwnSettings) -> Catalogue:
    return catalogue(choose_locale(request.headers.get("accept-language"), settings.default_locale))


BaseUrl = Annotated[str, Depends(_base_url)]
Texts = Annotated[Catalogue, Depends(_texts)]
