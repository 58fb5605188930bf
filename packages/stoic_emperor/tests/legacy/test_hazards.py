"""What a real old file may hold that stops or spoils a migration: each is carried as it is, or put aside with a reason.

One file has them all, and one row beside them that nothing is wrong with; it is carried into both dialects.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from capsa import to_stored, transfer
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.legacy.sqlite import open_file
from stoic_emperor.testing.legacy import OldDatabase, Version

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
BERLIN = "Europe/Berlin"


@dataclass(frozen=True)
class Hazard:
    """A row and what must become of it."""

    name: str
    table: str
    values: dict[str, Any]
    #: Columns of the row that arrives.
    arrives: dict[str, Any] = field(default_factory=dict)
    #: What ``original`` says beside the time.
    original: dict[str, Any] = field(default_factory=dict)
    #: Why it does not arrive.
    reason: str | None = None


AT = "2026-01-27T10:00:00.123456"
#: The same in Berlin, in UTC.
AT_UTC = dt.datetime(2026, 1, 27, 9, 0, 0, 123456, tzinfo=dt.UTC)


def message(name: str, /, **values: Any) -> dict[str, Any]:
    return {"id": name, "session_id": "s", "role": "user", "content": "c", "created_at": AT, **values}


def insight(name: str, /, **values: Any) -> dict[str, Any]:
    given = {"id": name, "user_id": "u", "source_message_id": "good", "assertion": "a", "confidence": 0.5}
    return {**given, "created_at": AT, **values}


def text(raw: bytes) -> Any:
    """Bytes that SQLite is told to take for text."""
    return ("text", raw)


M, S, INSIGHTS = "messages", "sessions", "semantic_insights"
HAZARDS = (
    # Values that are missing
    Hazard("content NULL", M, message("h1", content=None), {"content": ""}, {"content": None}),
    Hazard("role NULL", M, message("h2", role=None), {"role": ""}, {"role": None}),
    Hazard("time NULL", M, message("h3", created_at=None), {"created_at": EPOCH}, {"created_at": None}),
    Hazard("id NULL", M, message("", id=None), reason="it has no id"),
    Hazard("id empty", M, message(""), reason="its id is empty"),
    Hazard("id too long", M, message("x" * 600), reason="its id is longer than 512 bytes"),
    Hazard("id a BLOB", M, message("", id=b"h7"), reason="its id is a BLOB"),
    Hazard("id not UTF-8", M, message("", id=text(b"h8\xff")), reason="its id is not UTF-8"),
    # Texts that PostgreSQL or UTF-8 refuse
    Hazard("NUL in content", M, message("h10", content="a\0b"), {"content": "a\0b"}),
    Hazard("invalid UTF-8", M, message("h11", content=text(b"caf\xe9")), {"content": "caf\udce9"}),
    Hazard("half a pair in UTF-8", M, message("h12", content=text(b"\xed\xa0\xbd")), {"content": "\udced\udca0\udcbd"}),
    Hazard("content a BLOB", M, message("h13", content=b"\0b"), {"content": "\0b"}, {"content": {"base64": "AGI="}}),
    # JSON that is none, or that jsonb refuses
    Hazard("JSON null", M, message("h20", psych_update="null"), {"psych_update": "null"}),
    Hazard("JSON NULL", M, message("h21", psych_update=None), {"psych_update": None}),
    Hazard("JSON empty", M, message("h22", psych_update=""), {"psych_update": ""}),
    Hazard("JSON NaN", M, message("h23", psych_update='{"confidence": NaN}'), {"psych_update": '{"confidence": NaN}'}),
    Hazard("JSON \\u0000", M, message("h24", psych_update=r'{"e": "\u0000"}'), {"psych_update": r'{"e": "\u0000"}'}),
    Hazard("JSON half", M, message("h25", psych_update=r'{"e": "\ud83d"}'), {"psych_update": r'{"e": "\ud83d"}'}),
    Hazard("JSON cut off", M, message("h26", psych_update='{"detected'), {"psych_update": '{"detected'}),
    Hazard(
        "JSON spaced and in its order", M, message("h27", psych_update='{ "b":1.0,"a" : 1e3 }'),
        {"psych_update": '{ "b":1.0,"a" : 1e3 }'},
    ),
    # Times
    Hazard(
        "time with offset", M, message("h30", created_at="2026-01-27T10:00:00+05:30"),
        {"created_at": dt.datetime(2026, 1, 27, 4, 30, tzinfo=dt.UTC)}, {"created_at": "2026-01-27T10:00:00+05:30"},
    ),
    Hazard(
        "time with Z", M, message("h31", created_at="2026-01-27T10:00:00Z"),
        {"created_at": dt.datetime(2026, 1, 27, 10, tzinfo=dt.UTC)}, {"created_at": "2026-01-27T10:00:00Z"},
    ),
    Hazard(
        "time by SQLite", M, message("h32", created_at="2026-01-27 10:00:00"),
        {"created_at": dt.datetime(2026, 1, 27, 10, tzinfo=dt.UTC)}, {"created_at": "2026-01-27 10:00:00"},
    ),
    Hazard(
        "time by the ORM", M, message("h33", created_at="2026-01-27 10:00:00.000000"),
        {"created_at": dt.datetime(2026, 1, 27, 9, tzinfo=dt.UTC)}, {"created_at": "2026-01-27 10:00:00.000000"},
    ),
    Hazard(
        "epoch", M, message("h34", created_at=1769508000),
        {"created_at": dt.datetime(2026, 1, 27, 10, tzinfo=dt.UTC)}, {"created_at": "1769508000"},
    ),
    Hazard(
        "yesterday", M, message("h35", created_at="yesterday"), {"created_at": EPOCH}, {"created_at": "yesterday"}
    ),
    Hazard(
        "processed, who knows when", M, message("h36", semantic_processed_at="once"),
        {"semantic_processed_at": EPOCH}, {"semantic_processed_at": "once"},
    ),
    # Who belongs to whom
    Hazard("message of no session", M, message("h40", session_id="gone"), reason="its session is missing"),
    Hazard("message without a session", M, message("h41", session_id=None), reason="it names no session"),
    Hazard(
        "session of nobody", S, {"id": "h42", "user_id": "gone", "created_at": AT}, reason="its user is missing"
    ),
    Hazard("message of nobody's session", M, message("h43", session_id="h42"), reason="or has no user"),
    Hazard("insight of nobody", INSIGHTS, insight("h44", user_id="gone"), reason="its user is missing"),
    Hazard("insight without a user", INSIGHTS, insight("h45", user_id=None), reason="it names no user"),
    Hazard("insight of no message", INSIGHTS, insight("h46", source_message_id="gone"), {"source_message_id": "gone"}),
    Hazard("user of everybody's name", "users", {"id": "@public", "created_at": AT}, reason="no person's name"),
    # Numbers
    Hazard("in words", INSIGHTS, insight("h50", confidence="high"), {"confidence": 0.8}, {"confidence": "high"}),
    Hazard("of no meaning", INSIGHTS, insight("h51", confidence="???"), {"confidence": 0.5}, {"confidence": "???"}),
    Hazard("confidence NULL", INSIGHTS, insight("h52", confidence=None), {"confidence": 0.5}, {"confidence": None}),
    Hazard("confidence without end", INSIGHTS, insight("h53", confidence=math.inf), {"confidence": math.inf}),
    Hazard(
        "version no number", "profiles",
        {"id": "h54", "user_id": "u", "version": "two", "content": "p", "created_at": AT},
        {"version": 0}, {"version": "two"},
    ),
    # The rest
    Hazard("metadata NULL", S, {"id": "h60", "user_id": "u", "created_at": AT, "metadata": None},
           {"metadata": "{}"}, {"metadata": None}),
    Hazard("metadata odd", S, {"id": "h61", "user_id": "u", "created_at": AT, "metadata": "[1,"},
           {"metadata": "[1,"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("old") / "stoic_emperor.db"
    with OldDatabase(path, Version.V1) as old:
        run = old.connection.execute
        run("INSERT INTO users VALUES ('u', ?)", (AT,))
        run("INSERT INTO sessions VALUES ('s', 'u', ?, '{}')", (AT,))
        for name in ("good", "better"):
            run("INSERT INTO messages VALUES (?, 's', 'user', 'nothing is wrong', NULL, ?, NULL)", (name, AT))
        for hazard in HAZARDS:
            values = list(hazard.values.values())
            marks = ", ".join("CAST(? AS TEXT)" if isinstance(value, tuple) else "?" for value in values)
            given = [value[1] if isinstance(value, tuple) else value for value in values]
            run(f"INSERT INTO {hazard.table} ({', '.join(hazard.values)}) VALUES ({marks})", given)
    return path


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def moved(
    request: pytest.FixtureRequest, old: Path, tmp_path_factory: pytest.TempPathFactory, kit: SimpleNamespace
) -> Iterator[tuple[str, transfer.Report]]:
    from capsa.testing.databases import fresh_database

    with ExitStack() as stack:
        if request.param == "postgresql":
            url = stack.enter_context(fresh_database(request.getfixturevalue("postgres_server")))
        else:
            url = f"sqlite:///{tmp_path_factory.mktemp('new')}/new.db"
        yield url, kit.carry(open_file(old, BERLIN), url)


@pytest.fixture
def target(moved: tuple[str, transfer.Report]) -> str:
    return moved[0]


@pytest.fixture
def report(moved: tuple[str, transfer.Report]) -> transfer.Report:
    return moved[1]


@pytest.mark.parametrize("hazard", [h for h in HAZARDS if h.reason is None], ids=lambda h: h.name)
def test_it_arrives_as_it_is(hazard: Hazard, target: str, kit: SimpleNamespace) -> None:
    names = ", ".join([*hazard.arrives, "original"])
    (found,) = kit.rows(target, f"SELECT {names} FROM {hazard.table} WHERE id = :id", id=hazard.values["id"])
    read = [_time(value) if name.endswith("_at") else value for name, value in zip(hazard.arrives, found, strict=False)]
    assert read == list(hazard.arrives.values())
    expected = {"created_at": AT, **hazard.original}
    assert json.loads(found[-1]) == expected


def _time(value: Any) -> Any:
    return EPOCH + dt.timedelta(microseconds=value) if isinstance(value, int) else value


@pytest.mark.parametrize("hazard", [h for h in HAZARDS if h.reason is not None], ids=lambda h: h.name)
def test_it_is_put_aside_with_its_reason_and_all_it_holds(
    hazard: Hazard, target: str, report: transfer.Report, kit: SimpleNamespace
) -> None:
    query = "SELECT reason, content FROM capsa_quarantine WHERE part = :part ORDER BY source_key"
    aside = [(reason, json.loads(bytes(content))) for reason, content in kit.rows(target, query, part=hazard.table)]
    wanted = hazard.values["id"]
    wanted = wanted[1] if isinstance(wanted, tuple) else wanted
    mine = [reason for reason, row in aside if _value(row["id"]) == wanted]
    assert {described["type"] for _, row in aside for described in row.values()} <= {
        "null",
        "text",
        "blob",
        "integer",
        "real",
    }
    assert hazard.reason is not None
    assert any(hazard.reason in reason for reason in mine), mine
    assert any(hazard.reason in line for line in report.quarantined)


def _value(described: dict[str, Any]) -> Any:
    import base64

    if described["type"] == "null":
        return None
    value = base64.b64decode(described["base64"]) if "base64" in described else described["value"]
    return value.encode() if described["type"] == "blob" and isinstance(value, str) else value


def test_the_others_arrive_and_the_count_is_right(target: str, report: transfer.Report, kit: SimpleNamespace) -> None:
    refused = sum(hazard.reason is not None for hazard in HAZARDS)
    assert report.quarantined_rows == refused
    assert report.migrated == report.source_rows - refused == 4 + len(HAZARDS) - refused
    assert not report.complete
    (good,) = kit.rows(target, "SELECT content, created_at FROM messages WHERE id = 'good'")
    assert good[0] == "nothing is wrong"


def test_everything_that_arrived_can_be_read_in_the_application(target: str) -> None:
    with Database(target) as database:
        person = database.person("u")
        messages = {message.id: message for message in person.messages("s")}
        assert messages["h11"].content == "caf\N{REPLACEMENT CHARACTER}"
        assert messages["h10"].content == "a\0b"
        update = messages["h25"].psych_update
        assert update is not None
        assert len(person.insights()) == 5
        assert all(0 <= found.confidence <= 1 for found in person.insights())
        assert {listed.session.id for listed in person.sessions()} == {"s", "h60", "h61"}
        assert person.profiles()[0].version == 0


def test_the_old_file_is_as_it_was(tmp_path: Path, old: Path, kit: SimpleNamespace) -> None:
    before = (old.read_bytes(), old.stat().st_mtime_ns, sorted(path.name for path in old.parent.iterdir()))
    kit.carry(open_file(old), f"sqlite:///{tmp_path}/new.db")
    assert (old.read_bytes(), old.stat().st_mtime_ns, sorted(path.name for path in old.parent.iterdir())) == before


def test_ids_twice_where_the_file_has_no_key(tmp_path: Path, store_url: str, kit: SimpleNamespace) -> None:
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE users (id, created_at); CREATE TABLE sessions (id, user_id, created_at, metadata);"
        "CREATE TABLE messages (id, session_id, role, content, created_at);"
        "INSERT INTO users VALUES ('u', '2026-01-01'), ('u', '2026-01-02');"
        "INSERT INTO sessions VALUES ('s', 'u', '2026-01-01', '{}');"
        "INSERT INTO messages VALUES ('m', 's', 'user', 'first', 'x'), ('m', 's', 'user', 'second', 'x');"
    )
    connection.close()
    report = kit.carry(open_file(path), store_url)
    assert report.quarantined_rows == 2
    assert all("an earlier row has the same id" in line for line in report.quarantined)
    assert kit.rows(store_url, "SELECT content FROM messages") == [("first",)]


def test_a_text_that_looks_like_our_own_spelling_stays_itself(
    tmp_path: Path, store_url: str, kit: SimpleNamespace
) -> None:
    tricky = to_stored("\0") + "\ufdd0"
    with OldDatabase(tmp_path / "old.db") as old:
        old.user("u")
        old.message(old.session("u"), "user", tricky)
    assert kit.carry(open_file(tmp_path / "old.db"), store_url).complete
    assert kit.rows(store_url, "SELECT content FROM messages") == [(tricky,)]
