"""Serving the pages: on this machine, for whoever started it, until it is stopped."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from afterimage.errors import PortTaken
from afterimage.mcp.keeper import Keeper
from afterimage.ui.app import make_app
from afterimage.ui.door import HOST, Door

if TYPE_CHECKING:
    from types import FrameType

    import uvicorn

    from afterimage.config import AfterImageConfig
    from afterimage.storage import StorageBackend

#: Seconds that answers under way have when it is stopped.
_GOODBYE = 3


def serve(
    config: AfterImageConfig, backend: StorageBackend, port: int, tell: Callable[[str], None], *, browser: bool
) -> None:
    """Serve until it is interrupted or terminated. What the hooks note is taken in meanwhile.

    Args:
        port: 0 for one that is free.
        tell: told each link, which is good once.
        browser: whether to open the first link in the user's browser.

    Raises:
        PortTaken: another program listens there.
    """
    import uvicorn

    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise PortTaken(f"port {port} cannot be had ({error.strerror}): name another, or none, with --port") from None
    door = Door(listening.getsockname()[1], tell)
    app = make_app(
        backend,
        config.directory,
        door,
        threshold=config.search.relevance_threshold,
        exclusions=config.hook.warning_noise_exclusions,
    )
    # Its own lines would name what was looked for; what goes wrong is a page, and a line of ours.
    settings = uvicorn.Config(
        app, log_config=None, log_level="critical", access_log=False, timeout_graceful_shutdown=_GOODBYE
    )
    server = uvicorn.Server(settings)
    with listening, Keeper(backend, config.directory), _ended_by_signals(server), contextlib.ExitStack() as stack:
        link = door.link()
        tell(link)
        if browser:
            webbrowser.open(stack.enter_context(_leading_to(link, config.home)).as_uri())
        server.run(sockets=[listening])


@contextlib.contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """The server ends by itself at these, and afterwards lets them do what they did before: here, nothing more."""

    def end(_number: int, _frame: FrameType | None) -> None:
        # Before it has begun, it ends at once; when it has ended, this changes nothing.
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _leading_to(link: str, home: Path) -> Iterator[Path]:
    """A page for this user's eyes that leads to ``link``: what a browser is started with, everybody here can read.

    Not in a hidden folder, and not in the temporary one: browsers that are confined may read neither.
    """
    path = home / f"afterimage-ui-{secrets.token_hex(4)}.html"
    page = f'<!doctype html><meta http-equiv="refresh" content="0; url={link}"><a href="{link}">AfterImage</a>\n'
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(page)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
