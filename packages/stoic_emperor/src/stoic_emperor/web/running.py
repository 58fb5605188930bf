"""What runs while the web application does, beside its requests; and how it ends."""

from __future__ import annotations

import asyncio
import logging
import threading
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
        ending = threading.Event()
        warming = asyncio.create_task(asyncio.to_thread(_warm, hosted.application, ending))
        hosted.talking.filling = warming
        hosted.worker.start()
        try:
            yield
        finally:
            ending.set()
            await hosted.talking.turns.finish(GRACE)
            await hosted.worker.stop()
            await warming
            await hosted.application.aclose()


class _Ending(Exception):
    """The process is asked to end while something is under way that can wait for its next start."""


def _warm(application: Application, ending: threading.Event) -> None:
    """Load what the first reply would wait for: the companion's parts, the embedding model, the first library."""

    def unless_ending(_done: int, _total: int) -> None:
        if ending.is_set():
            raise _Ending

    try:
        _ = application.companion
        application.fill_library(lambda: unless_ending)
        if (embedder := application.embedder) is not None:
            embedder.embed(["warm"])
    except _Ending:
        log.info("the starter library is read in at the next start")
    except capsa.CapsaError as error:
        # /ready says so too, and it may be mended while we run.
        log.warning("not everything is ready: %s", type(error).__name__)
