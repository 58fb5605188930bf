"""Which session asks: over standard input there is one; over HTTP the older protocol names it, the newer has none."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver import Context

from afterimage.retrieval.given import Given

_HEADER = "mcp-session-id"
#: Sessions that are known at once over HTTP.
_MOST = 64


class Sessions:
    """What each session was given."""

    def __init__(self) -> None:
        self._known: dict[str, Given] = {}

    def given_to(self, ctx: Context[Any, Any]) -> Given:
        """What the session that asks was given; of who has no session nothing is known."""
        request = ctx.request_context.request
        name = "" if request is None else request.headers.get(_HEADER)
        if name is None:
            return Given()
        found = self._known.pop(name, None) or Given()
        self._known[name] = found
        while len(self._known) > _MOST:
            del self._known[next(iter(self._known))]
        return found
