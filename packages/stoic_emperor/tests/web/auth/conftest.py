"""A web application with accounts; what its storage does on both databases, tests/hosting shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from stoic_emperor.testing.auth_server import FakeAuthServer
from stoic_emperor.testing.web import configured, hosted_by, web_app
from stoic_emperor.web.access import Adult, Anyone, Caller, Operator, Visitor


def with_probes(app: FastAPI) -> FastAPI:
    """Routes that say who is asking, beside those of the application."""

    @app.get("/probe")
    @app.post("/probe")
    def probe(who: Caller) -> dict[str, object]:
        return {"id": who.user_id, "login": who.login, "provider": who.provider, "operator": who.operator}

    @app.get("/probe/anyone")
    def anyone(who: Anyone) -> str | None:
        return who.user_id if who else None

    @app.get("/probe/adult")
    def adult(who: Adult) -> str:
        return who.user_id

    @app.get("/probe/operator")
    def operator(who: Operator) -> str:
        return who.user_id

    @app.get("/probe/page")
    def page(who: Visitor) -> str:
        return who.user_id

    return app


@pytest.fixture
def app(sqlite_url: str, home: Path) -> Iterator[FastAPI]:
    made = with_probes(web_app(configured(home, sqlite_url, web={"operators": ["Keeper"]})))
    yield made
    hosted_by(made).application.close()


@pytest.fixture
def either_app(store_url: str, home: Path) -> Iterator[FastAPI]:
    """Once on SQLite, once on PostgreSQL."""
    made = with_probes(web_app(configured(home, store_url)))
    yield made
    hosted_by(made).application.close()


@pytest.fixture
def server() -> Iterator[FakeAuthServer]:
    with FakeAuthServer() as running:
        yield running


@pytest.fixture
def supabase_app(sqlite_url: str, home: Path, server: FakeAuthServer) -> Iterator[FastAPI]:
    made = with_probes(web_app(configured(home, sqlite_url, server=server, auth={"supabase_providers": ["google"]})))
    yield made
    hosted_by(made).application.close()
