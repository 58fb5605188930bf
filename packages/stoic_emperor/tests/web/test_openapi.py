"""The description of the API is true: it is the committed one, and what is sent by it is answered by it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from stoic_emperor.testing.house import running_house
from stoic_emperor.testing.talker import Talker
from stoic_emperor.testing.web import at_the_machine, configured, web_app

COMMITTED = Path(__file__).parents[4] / "docs" / "openapi.json"
#: Set to anything, the committed description is written anew.
ANEW = "STOIC_WRITE_OPENAPI"

_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
_SETTINGS = settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_LIMITS = {"requests_per_minute": 0, "address_requests_per_minute": 0, "daily_replies": 100_000}
#: After it nobody would be left to ask.
_LEFT_OUT = {"DELETE /api/user"}


def described(app: FastAPI) -> dict[str, Any]:
    """The description, as it is served."""
    return dict(app.openapi())


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return web_app(configured(Path("/nowhere"), "sqlite:///:memory:", "single"))


def test_the_committed_description_is_that_of_the_application(app: FastAPI) -> None:
    now = json.dumps(described(app), indent=1, sort_keys=True) + "\n"
    if os.environ.get(ANEW):
        COMMITTED.write_text(now, "utf-8")
    assert COMMITTED.read_text("utf-8") == now, f"run this test with {ANEW}=1, and look at what changed"


def test_every_route_of_the_api_says_what_goes_wrong_in_the_same_shape(app: FastAPI) -> None:
    for path, operations in described(app)["paths"].items():
        if not path.startswith(("/api/", "/auth/")):
            continue
        for method, operation in operations.items():
            assert "429" in operation["responses"], (method, path)
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    shape = response["content"]["application/json"]["schema"]["$ref"]
                    assert shape.endswith("/Trouble"), (method, path, status)


def test_every_route_of_signing_in_says_what_goes_wrong(app: FastAPI) -> None:
    for path, operations in described(app)["paths"].items():
        if path.startswith("/auth/"):
            for method, operation in operations.items():
                told = {status for status in operation["responses"] if int(status) >= 400}
                assert told >= {"404", "429"} | ({"403"} if method != "get" else set()), (method, path, told)


def test_it_is_served_with_its_version(tmp_path: Path) -> None:
    made = web_app(configured(tmp_path, f"sqlite:///{tmp_path / 'memory.db'}", "single"))
    served = at_the_machine(made).get("/api/openapi.json").json()
    assert served["info"]["version"]
    assert served == described(made)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
def test_whatever_is_sent_is_answered_as_described(tmp_path: Path, mode: GenerationMode) -> None:
    """Requests made up from the description, the same ones every time."""
    with running_house(tmp_path, f"sqlite:///{tmp_path / 'memory.db'}", Talker(words=3), web=_LIMITS) as house:
        _, browser = house.somebody()
        schema = schemathesis.openapi.from_dict(described(house.app))
        for found in schema.get_all_operations():
            operation = found.ok()  # type: ignore[union-attr]
            if operation.label in _LEFT_OUT or operation.path.startswith("/auth"):
                continue

            @settings(_SETTINGS)
            @given(operation.as_strategy(generation_mode=mode))
            def answered_as_described(case: schemathesis.Case[Any]) -> None:
                asked = requests.Request(**case.as_transport_kwargs(base_url=str(browser.base_url))).prepare()
                body: Any = asked.body
                headers: Any = {**asked.headers, **browser.headers}
                answer = browser.request(str(asked.method), str(asked.url), content=body, headers=headers)
                case.validate_response(schemathesis.Response.from_httpx2(answer, verify=False), checks=_CHECKS)

            try:
                answered_as_described()
            except Unsatisfiable:
                # There is nothing that it forbids.
                continue
