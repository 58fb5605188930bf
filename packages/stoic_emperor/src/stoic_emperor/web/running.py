"""What runs while the web application does, beside its requests; and how it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from anyio.to_thread import current_default_thread_limiter

import capsa
from stoic_emperor.web.state import Hosted

if TYPE_CHECKING:
    from stoic_emperor.application import Application

log = logging.getLogger(__name__)

#: Threads of requests, and as many of replies. What they do is short, and PostgreSQL lends us ten connections at most,
#: so that more would wait for those; fewer would let a slow search keep others waiting.
THREADS = 10

#: Seconds that replies get to come to their end when the process is asked to end and nobody hears them any more.
GRACE = 15.0


@asynccontextmanager
async def running(hosted: Hosted) -> AsyncIterator[None]:
    """Run the worker; in the end let replies under way come to theirs, and give everything up."""
    with ThreadPoolExecutor(THREADS, "reply") as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        current_default_thread_limiter().total_tokens = THREADS
        warming = asyncio.create_task(asyncio.to_thread(_warm, hosted.application))
        hosted.worker.start()
        try:
            yield
        finally:
            await hosted.talking.turns.finish(GRACE)
            await hosted.worker.stop()
            await warming
            await hosted.application.aclose()


def _warm(application: Application) -> None:
    """Load what the first reply would wait for: the companion's parts, the embedding model, the first library."""
    try:
        _ = application.companion
        application.fill_library()
        if (embedder := application.embedder) is not None:
            embedder.embed(["warm"])
    except capsa.CapsaError as error:
        # /ready says so too, and it may be mended while we run.
        log.warning("not everything is ready: %s", type(error).__name__)
