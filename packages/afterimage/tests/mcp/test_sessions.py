"""What was given is remembered of each session for itself, and of who has none not at all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from afterimage.mcp import sessions
from afterimage.mcp.sessions import Sessions


def asking(headers: dict[str, str] | None) -> Any:
    request = None if headers is None else SimpleNamespace(headers=headers)
    return SimpleNamespace(request_context=SimpleNamespace(request=request))


def test_over_standard_input_there_is_one_session() -> None:
    known = Sessions()
    known.given_to(asking(None)).add("a")
    assert "a" in known.given_to(asking(None))


def test_over_http_each_session_is_for_itself_and_without_one_nothing_is_kept() -> None:
    known = Sessions()
    for headers in ({"mcp-session-id": "one"}, {}):
        known.given_to(asking(headers)).add("a")
    assert "a" in known.given_to(asking({"mcp-session-id": "one"}))
    for other in (None, {}, {"mcp-session-id": "two"}):
        assert "a" not in known.given_to(asking(other))


def test_sessions_and_what_they_were_given_are_bounded() -> None:
    known = Sessions()
    for number in range(3 * sessions._MOST):
        known.given_to(asking({"mcp-session-id": str(number)})).add("a")
    assert "a" in known.given_to(asking({"mcp-session-id": str(3 * sessions._MOST - 1)}))
    assert "a" not in known.given_to(asking({"mcp-session-id": "0"}))
    given = known.given_to(asking(None))
    for number in range(10_000):
        given.add(str(number))
    assert "9999" in given
    assert "0" not in given
