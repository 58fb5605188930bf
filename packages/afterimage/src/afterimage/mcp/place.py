"""Where the client works: the folders it names, else the one the server was started in."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mcp import MCPError
from mcp.server.mcpserver import Context
from mcp_types import ListRootsRequest, ListRootsResult

from afterimage.retrieval.where import Where

#: Seconds that a client has to name its folders.
_PATIENCE = 2.0


class Places:
    """Tells where a client works, and what of the memory is looked at there."""

    def __init__(self, directory: Path) -> None:
        """Nothing is asked yet.

        Args:
            directory: AfterImage's folder.
        """
        self._directory = directory

    async def __call__(self, ctx: Context[Any, Any], *, everywhere: bool) -> Where:
        """The projects that the client works in, and all others if that is asked for."""
        folders = await _roots(ctx) or [os.environ.get("CLAUDE_PROJECT_DIR") or os.getcwd()]  # noqa: PTH109  # a text
        return await asyncio.to_thread(lambda: Where.at(folders, self._directory, everywhere=everywhere))


async def _roots(ctx: Context[Any, Any]) -> list[str]:
    """What an older client answers; the newer protocol has no such question."""
    capabilities = ctx.client_capabilities
    if capabilities is None or capabilities.roots is None or not ctx.session.can_send_request:
        return []
    try:
        async with asyncio.timeout(_PATIENCE):
            answer = await ctx.session.send_request(ListRootsRequest(), ListRootsResult)
    except (MCPError, TimeoutError):
        return []
    found = [urlsplit(str(root.uri)) for root in answer.roots]
    return [unquote(uri.path) for uri in found if uri.scheme == "file" and uri.path.startswith("/")]
