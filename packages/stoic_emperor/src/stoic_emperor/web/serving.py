"""Putting the web application together."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import stoic_emperor
from stoic_emperor.application import Application
from stoic_emperor.web import failures
from stoic_emperor.web import routes as api
from stoic_emperor.web.auth import routes as auth
from stoic_emperor.web.auth.cookies import SetCookies
from stoic_emperor.web.auth.demands import check
from stoic_emperor.web.headers import SecureHeaders
from stoic_emperor.web.heads import AnswerHead
from stoic_emperor.web.limits import LimitRequests
from stoic_emperor.web.pages import routing as pages
from stoic_emperor.web.running import running
from stoic_emperor.web.state import Hosted

log = logging.getLogger(__name__)

SINGLE_USER = (
    "no accounts: whoever sits at this machine is the one person, and nobody else is answered; "
    "set ENVIRONMENT=production and SESSION_SECRET to have people sign in"
)

KEY_MADE_UP = (
    "no SESSION_SECRET: pages that are open when this process ends have to be reloaded; several processes need one"
)


def create_app(application: Application) -> FastAPI:
    """The web application, over one opened or unopened application, which it closes in the end.

    Raises:
        ConfigurationError: as configured it would be unsafe.
    """
    check(application.configuration)
    app = FastAPI(
        title="Stoic Emperor",
        version=stoic_emperor.__version__,
        openapi_url="/api/openapi.json",
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        # Whatever the environment names as a collector.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
        lifespan=_lifespan,
        # It would lead to whatever host the request names.
        redirect_slashes=False,
    )
    hosted = Hosted(application)
    app.state.hosted = hosted
    app.add_middleware(SetCookies)
    app.add_middleware(LimitRequests, limits=hosted.limits)
    app.add_middleware(AnswerHead)
    app.add_middleware(failures.AnswerFaults)
    app.add_middleware(SecureHeaders, behind_proxy=application.configuration.settings.web.trust_proxy > 0)
    failures.add_handlers(app)
    for router in (auth.router, api.router, pages.router):
        app.include_router(router)
    app.mount("/static", pages.static)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    hosted: Hosted = app.state.hosted
    if "single" in hosted.configuration.ways_in:
        log.warning(SINGLE_USER)
    elif hosted.configuration.session_secret is None:
        log.warning(KEY_MADE_UP)
    async with running(hosted):
        yield
