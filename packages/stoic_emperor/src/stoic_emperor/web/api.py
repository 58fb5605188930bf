"""``uvicorn src.web.api:app``: the web application as the configuration describes it."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, NoReturn

import capsa
from stoic_emperor.errors import StoicError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from stoic_emperor.application import Application

#: What the extra brings.
_EXTRA = {"fastapi", "starlette", "jinja2", "argon2", "jwt", "markdown_it", "cryptography"}


def _start() -> FastAPI:
    """The application, with its database open.

    A server would print a page of traceback for what is one line, so that line is printed here.
    """
    try:
        from stoic_emperor.application import Application
        from stoic_emperor.web.logs import keep_queries_out
        from stoic_emperor.web.serving import create_app

        _show_log()
        keep_queries_out()
        application = Application.load()
        app = create_app(application)
        _open_database(application)
    except (StoicError, capsa.CapsaError) as error:
        _leave(str(error))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        _leave(
            f'the web application needs its extra, of which {error.name} is missing: pip install "stoic-emperor[web]"'
        )
    return app


def _show_log() -> None:
    """This process is a server's, so what we note is for whoever watches it."""
    logger = logging.getLogger("stoic_emperor")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _open_database(application: Application) -> None:
    try:
        _ = application.database
    except capsa.DatabaseUnavailable as error:
        # It may come up later: until then every answer says so, and so does /ready.
        sys.stderr.write(f"stoic: {error}\n")


def _leave(reason: str) -> NoReturn:
    sys.stderr.write(f"stoic: {reason}\n")
    raise SystemExit(1)


app = _start()
