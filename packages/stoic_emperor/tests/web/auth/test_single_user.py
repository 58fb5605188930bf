"""Development without accounts: the person at the machine, and nobody else, however they put it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from stoic_emperor.testing.web import at_the_machine, configured, hosted_by, web_app

from .conftest import with_probes


@pytest.fixture
def app(sqlite_url: str, home: Path) -> Iterator[FastAPI]:
    made = with_probes(web_app(configured(home, sqlite_url, "single")))
    yield made
    hosted_by(made).application.close()


def test_whoever_sits_at_the_machine_is_the_one_person_and_keeps_the_house(app: FastAPI) -> None:
    found = at_the_machine(app).get("/probe").json()
    assert found == {"id": "default_user", "login": None, "provider": "single", "operator": True}


def test_they_too_say_that_they_are_of_age(app: FastAPI) -> None:
    client = at_the_machine(app)
    assert client.get("/probe/adult").status_code == 403
    hosted_by(app).accounts.confirm_adult("default_user", "single")
    assert client.get("/probe/adult").json() == "default_user"


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:9", "[::1]:8000", "LOCALHOST", "127.8.9.1"])
def test_the_machine_has_several_names(app: FastAPI, host: str) -> None:
    assert at_the_machine(app).get("/probe", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.test", "localhost.evil.test", "127.0.0.1.evil.test", "evil.test:8000", "localhost@evil.test", ""),
        *("192.168.1.5", "0.0.0.0", "[::]", "2130706433", "127.1", "localhost:8000:9", "localhost, evil.test", "[::1"),
    ],
)
def test_a_page_whose_name_points_to_this_machine_is_refused(app: FastAPI, host: str) -> None:
    refused = at_the_machine(app).get("/probe", headers={"Host": host})
    assert refused.status_code == 403
    assert "ENVIRONMENT=production" in refused.json()["detail"]


@pytest.mark.parametrize(
    "address", ["192.168.1.5", "203.0.113.9", "2001:db8::1", "::ffff:203.0.113.9", "testclient", ""]
)
def test_other_machines_are_refused(app: FastAPI, address: str) -> None:
    client = TestClient(app, base_url="http://localhost:8000", client=(address, 1))
    assert client.get("/probe").status_code == 403


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"])
def test_the_machine_has_several_addresses(app: FastAPI, address: str) -> None:
    client = TestClient(app, base_url="http://localhost:8000", client=(address, 1))
    assert client.get("/probe").status_code == 200


@pytest.mark.parametrize(
    "name",
    ["X-Forwarded-For", "x-forwarded-host", "X-FORWARDED-PROTO", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Foo"],
)
def test_what_came_by_way_of_a_proxy_is_refused(app: FastAPI, name: str) -> None:
    assert at_the_machine(app).get("/probe", headers={name: "127.0.0.1"}).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://localhost:8000"}, 200),
        ({"Content-Type": "application/json"}, 200),
        ({"Origin": "http://localhost:8001"}, 403),
        ({"Origin": "https://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Content-Type": "application/json"}, 403),
        ({"Content-Type": "text/plain"}, 403),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 403),
        ({"Content-Type": "TEXT/plain; charset=utf-8"}, 403),
        ({}, 403),
    ],
)
def test_other_sites_cannot_have_the_browser_change_something(
    app: FastAPI, headers: dict[str, str], status: int
) -> None:
    assert at_the_machine(app).post("/probe", headers=headers).status_code == status


def test_a_program_is_told_what_its_request_lacks_and_a_page_elsewhere_that_it_is_elsewhere(app: FastAPI) -> None:
    client = at_the_machine(app)
    lacking = client.post("/probe").json()["detail"]
    assert "does not say where it was begun" in lacking
    assert "another site" not in lacking
    assert "Content-Type: application/json" in lacking
    assert "another site" in client.post("/probe", headers={"Origin": "https://evil.test"}).json()["detail"]


def test_nobody_signs_in(app: FastAPI) -> None:
    answer = at_the_machine(app).post("/auth/sign-in", json={"login": "anna", "password": "x"})
    assert answer.status_code == 404
