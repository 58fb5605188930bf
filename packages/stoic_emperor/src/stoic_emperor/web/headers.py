"""What every answer tells the browser, whichever route, error or limit it comes from."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Scripts and styles come from us, as files; nothing is embedded, nobody may embed us, and forms go nowhere else.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)

_ALWAYS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": with that, a browser leaves out where a form was begun, too.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_STRICT_TRANSPORT = "max-age=31536000"

#: Files of ours, which hold nobody's words; their addresses change with their contents.
_STATIC = "/static/"


class SecureHeaders:
    """Middleware, round all others."""

    def __init__(self, app: ASGIApp, *, behind_proxy: bool) -> None:
        """Wrap ``app``.

        Args:
            behind_proxy: believe a proxy that says the browser came over TLS.
        """
        self._app = app
        self._behind_proxy = behind_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        static = scope["path"].startswith(_STATIC)
        secure = self._secure(scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_ALWAYS)
                # What the words of people are in stays in no cache, not even in the browser's own.
                headers["Cache-Control"] = "public, max-age=86400" if static else "no-store"
                if secure:
                    headers["Strict-Transport-Security"] = _STRICT_TRANSPORT
            await send(message)

        await self._app(scope, receive, with_headers)

    def _secure(self, scope: Scope) -> bool:
        forwarded = Headers(scope=scope).get("x-forwarded-proto", "") if self._behind_proxy else ""
        return "https" in {scope["scheme"], forwarded.rpartition(",")[2].strip()}
