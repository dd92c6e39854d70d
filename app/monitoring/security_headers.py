"""What every answer tells browsers not to do, whoever made the answer."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGES = ("/docs", "/redoc")
SCRIPTS = "/static-offline-docs/"
# Nothing the API answers is a page: should a browser show it as one, it can do nothing there.
NOTHING = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"
)
# The page that shows the API has its scripts from here, with one that starts them in the page itself.
API_PAGE = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
TWO_YEARS = "max-age=63072000"


class SecurityHeadersMiddleware:
    """Around everything, or a defect's answer would go without. `https` says that the server is only ever
    reached over HTTPS, `open_to_others` that pages of other origins may show its files."""

    def __init__(self, app: ASGIApp, *, https: bool, open_to_others: bool) -> None:
        self._app = app
        self._always = {
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            # Files are to play in the <video> of an allowed page; CORS does not guard those.
            "Cross-Origin-Resource-Policy": "cross-origin" if open_to_others else "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }
        if https:
            self._always["Strict-Transport-Security"] = TWO_YEARS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._always.items():
                    headers.setdefault(name, value)
                page = scope["path"].startswith(PAGES)
                headers.setdefault("Content-Security-Policy", API_PAGE if page else NOTHING)
                headers.setdefault("Cache-Control", _caching(scope["path"], "etag" in headers))
            await send(message)

        await self._app(scope, receive, tell)


def _caching(path: str, has_etag: bool) -> str:
    """Nobody's data in a shared cache, and in a browser's only what it asks about before each use."""
    if path.startswith(SCRIPTS):
        return "public, max-age=3600"
    return "private, no-cache" if has_etag else "no-store"
