"""The web application for tests: configured in a line, and browsers that are signed in to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from argon2 import PasswordHasher
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from stoic_emperor.application import Application
from stoic_emperor.config import Configuration, Settings
from stoic_emperor.testing.auth_server import FakeAuthServer
from stoic_emperor.web.auth import cookies, csrf
from stoic_emperor.web.auth.passwords import Argon2
from stoic_emperor.web.serving import create_app
from stoic_emperor.web.state import Hosted

ORIGIN = "https://stoic.test"
HERE = "http://localhost:8000"


def configured(
    home: Path,
    url: str,
    way: Literal["local", "supabase", "single"] = "local",
    *,
    server: FakeAuthServer | None = None,
    environment: Literal["development", "production"] | None = None,
    **sections: dict[str, Any],
) -> Configuration:
    """A configuration for the web: production with accounts, or development with a single user."""
    auth: dict[str, Any] = {"registration": "open", **sections.pop("auth", {})}
    if server is not None:
        auth |= {"supabase_url": server.url, "supabase_anon_key": server.anon_key}
    values = {"database": {"url": url}, "memory": {"embedding_model": "none"}, "auth": auth} | sections
    return Configuration(
        settings=Settings.model_validate(values),
        home=home,
        environment=environment or ("development" if way == "single" else "production"),
        openai_key=None,
        anthropic_key=None,
        session_secret=SecretStr("a secret of the tests, which is long enough"),
        supabase_service_key=SecretStr(server.service_key) if server is not None else None,
        without_effect={},
    )


def web_app(configuration: Configuration) -> FastAPI:
    """The web application; passwords cost little."""
    app = create_app(Application(configuration))
    hosted_by(app).hasher = Argon2(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    return app


def hosted_by(app: FastAPI) -> Hosted:
    """What the application has."""
    state: Hosted = app.state.hosted
    return state


def browser(app: FastAPI, address: str = "203.0.113.9") -> TestClient:
    """A browser that nobody is signed in with."""
    return TestClient(app, base_url=ORIGIN, client=(address, 50_000), follow_redirects=False)


def at_the_machine(app: FastAPI) -> TestClient:
    """The browser of whoever sits at the machine: the single user's."""
    return TestClient(app, base_url=HERE, client=("127.0.0.1", 50_000), follow_redirects=False)


def signed_in(app: FastAPI, user_id: str, *, adult: bool = True) -> TestClient:
    """The browser of somebody who is signed in by a cookie, made known if they are not; it sends what changes need."""
    hosted = hosted_by(app)
    account = hosted.accounts.account(user_id) or hosted.accounts.ensure(user_id, "local")
    if adult:
        hosted.accounts.confirm_adult(user_id, account.provider)
    begun = hosted.sign_ins.begin(user_id, "Firefox on Linux")
    made = browser(app)
    made.cookies.set(cookies.SIGN_IN, cookies.written(user_id, begun.id, begun.secret), domain="stoic.test")
    made.headers["X-CSRF-Token"] = csrf.token(hosted, begun.id)
    return made


def with_token(app: FastAPI, token: str, *, adult: str | None = None) -> TestClient:
    """A program that brings a token; whoever has the id ``adult`` has said that they are of age."""
    if adult is not None:
        hosted_by(app).accounts.confirm_adult(adult, "supabase")
    made = browser(app)
    made.headers["Authorization"] = f"Bearer {token}"
    return made
