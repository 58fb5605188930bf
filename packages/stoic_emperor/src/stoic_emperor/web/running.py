"""What runs while the web application does, beside its requests; and how it ends."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
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

#: Seconds that replies get to come to their end when the process is asked to end.
GRACE = 20.0


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

        def end() -> asyncio.Task[None]:
            ending.set()
            return hosted.talking.turns.end(GRACE)

        try:
            # The server tells us only when all answers are given, so nobody would bound how long replies take.
            with _when_asked_to_end(end):
                yield
        finally:
            await end()
            await hosted.worker.stop()
            await warming
            await hosted.application.aclose()
            gc.unfreeze()


@contextmanager
def _when_asked_to_end(begin: Callable[[], object]) -> Iterator[None]:
    """Call ``begin`` in the loop once a signal asks the process to end; the server's own handler goes on to do that."""
    if threading.current_thread() is not threading.main_thread():
        # Others start and end this server, and no signal of theirs is ours.
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def asked(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(begin)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, asked)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
        # What is loaded now stays: to look through it for garbage again and again keeps everybody waiting, a tenth of a
        # second each time.
        gc.freeze()
    except _Ending:
        log.info("the starter library is read in at the next start")
    except capsa.CapsaError as error:
        # /ready says so too, and it may be mended while we run.
        log.warning("not everything is ready: %s", type(error).__name__)
