"""The predecessor's SQLite files: every layout, and the file used across them."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from capsa import PUBLIC_OWNER, SourceMissing, SourceUnreadable, Store, TransferError
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.legacy.sqlite import open_file
from stoic_emperor.testing.legacy import OldDatabase, Version, hashed_vector, network_vector, write_chained, write_past


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (Version.V1, "v1 (811642f)"),
        (Version.V2, "v2 to v4"),
        (Version.V4, "v2 to v4"),
        (Version.V4_ORM, "v4 (897c2b3 and later)"),
    ],
)
def test_each_layout_is_known_and_carried_whole(
    version: Version, said: str, tmp_path: Path, store_url: str, kit: SimpleNamespace
) -> None:
    with OldDatabase(tmp_path / "old.db", version) as old:
        write_past(old)
        counts = {
            table: old.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("users", "sessions", "messages", "semantic_insights", "profiles")
        }
    report = kit.carry(open_file(tmp_path / "old.db", "Europe/London"), store_url)
    assert said in report.layout
    assert report.complete
    assert report.zone == "Europe/London"
    assert {part.name: part.migrated for part in report.parts if part.name in counts} == counts
    with Database(store_url) as database:
        assert {user.id for user in database.users()} == {"anna", "ben"}
        person = database.person("anna")
        first = person.sessions()[-1].session
        assert first.metadata == {"source": "import", "file": "Tagebuch von anna.md"}
        messages = person.messages(first.id)
        assert [message.role for message in messages] == ["user", "emperor"] * 3
        assert messages[0].content == "anna: morning 0, “I slept badly” – 眠れない 🎈"
        assert messages[0].psych_update is None
        assert messages[1].psych_update is not None
        assert messages[1].psych_update.emotional_state == "uneasy – 不安"
        assert messages[0].created_at < messages[1].created_at
        # What the old program had not analysed yet waits to be.
        assert [message.content for message in person.unprocessed_replies()] == [
            f"Reply {n}: what of it is yours to change?" for n in (2, 5)
        ]
        assert [profile.version for profile in person.profiles()] == [2, 1]
        assert len(person.insights()) == 6


def test_a_file_used_across_versions_arrives_whole(tmp_path: Path, store_url: str, kit: SimpleNamespace) -> None:
    write_chained(tmp_path / "old.db")
    report = kit.carry(open_file(tmp_path / "old.db", "Europe/Berlin"), store_url)
    assert report.complete
    assert "used across versions" in report.layout
    assert report.remarks["time written by SQLite itself, read as UTC"] > 1
    with Database(store_url) as database:
        users = {user.id: user for user in database.users()}
        assert users["carla"].name == "Carla – カルラ"
        assert users["anna"].name is None
        assert database.person("dated by sqlite").sessions()[0].session.created_at == dt.datetime(
            2026, 1, 27, 10, tzinfo=dt.UTC
        )


def test_json_null_and_no_value_stay_apart(tmp_path: Path, store_url: str, kit: SimpleNamespace) -> None:
    write_chained(tmp_path / "old.db")
    kit.carry(open_file(tmp_path / "old.db"), store_url)
    query = "SELECT psych_update IS NULL, psych_update, count(*) FROM messages WHERE role = 'user' GROUP BY 1, 2"
    found = {(bool(absent), text) for absent, text, _ in kit.rows(store_url, query)}
    assert found == {(True, None), (False, "null")}


def test_names_that_only_some_versions_had_go_into_original_and_passwords_nowhere(
    tmp_path: Path, store_url: str, kit: SimpleNamespace
) -> None:
    with OldDatabase(tmp_path / "old.db") as old:
        old.connection.executescript("ALTER TABLE users ADD COLUMN email; ALTER TABLE users ADD COLUMN password_hash")
        old.user("anna")
        old.connection.execute("UPDATE users SET email = 'anna@example.org', password_hash = 'secret'")
    report = kit.carry(open_file(tmp_path / "old.db"), store_url)
    assert report.complete
    assert any("password_hash" in line for line in report.not_carried)
    ((original,),) = kit.rows(store_url, "SELECT original FROM users")
    assert json.loads(original)["email"] == "anna@example.org"
    assert "secret" not in original


# What stands for what


def test_condensing_goes_on_where_it_stopped(tmp_path: Path, store_url: str, kit: SimpleNamespace) -> None:
    with OldDatabase(tmp_path / "old.db", Version.V2) as old:
        old.user("anna")
        session = old.session("anna")
        said = [old.message(session, "user", f"said {number}") for number in range(8)]
        times = [old.time_of("messages", id_) for id_ in said]
        one, two, three = (old.summary("anna", times[n], times[n + 1]) for n in (0, 2, 4))
        # Sources were never retired, so the later one summarises them again.
        first = old.summary("anna", times[0], times[3], level=2, sources=[one, two])
        second = old.summary("anna", times[0], times[5], level=2, sources=[one, two, three])
        # Somebody else's at the same time.
        old.user("ben")
        other = old.message(old.session("ben"), "user", "hello")
        old.connection.execute("UPDATE messages SET created_at = ? WHERE id = ?", (times[1], other))
    assert kit.carry(open_file(tmp_path / "old.db", "Europe/Paris"), store_url).complete
    into = dict(kit.rows(store_url, "SELECT id, condensed_into FROM messages"))
    assert [into[id_] for id_ in said] == [one, one, two, two, three, three, None, None]
    assert into[other] is None
    assert dict(kit.rows(store_url, "SELECT id, condensed_into FROM condensed_summaries")) == {
        one: second, two: second, three: second, first: second, second: None,
    }  # fmt: skip
    with Database(store_url) as database:
        assert [message.content for message in database.person("anna").walk_uncondensed()] == ["said 6", "said 7"]


def test_spellings_of_one_time_are_one_time(tmp_path: Path, sqlite_url: str, kit: SimpleNamespace) -> None:
    # As text, 'T' comes after ' ': the old program took the wrong messages.
    with OldDatabase(tmp_path / "old.db", Version.V2) as old:
        old.user("anna")
        said = old.message(old.session("anna"), "user", "late")
        old.connection.execute("UPDATE messages SET created_at = '2026-02-01T23:30:00'")
        summary = old.summary("anna", "2026-02-01 23:00:00.000000", "2026-02-01 23:59:59.000000")
    kit.carry(open_file(tmp_path / "old.db"), sqlite_url)
    assert kit.rows(sqlite_url, "SELECT id, condensed_into FROM messages") == [(said, summary)]


# Vectors


def test_vectors_are_kept_bit_for_bit_under_the_model_that_made_them(
    tmp_path: Path, store_url: str, kit: SimpleNamespace
) -> None:
    about = {"user_id": "anna", "session_id": "s", "confidence": 0.5}
    with OldDatabase(tmp_path / "old.db", Version.V4_ORM) as old:
        old.user("anna")
        old.vector("vector_semantic", "net", "by a network", network_vector(1), about)
        old.vector("vector_semantic", "hash", "one two three", hashed_vector("one two three"), about)
        exact = [0.5, -0.5, 0.5, 0.5] + [0.0] * 380
        old.vector("vector_semantic", "exact", "one two three four", exact, about)
        long = " ".join(f"word{n % 900}" for n in range(4000))
        old.vector("vector_semantic", "long", long, hashed_vector(long), about)
        old.vector("vector_semantic", "other", "of length 2", [2 * n for n in network_vector(2)], about)
        old.vector("vector_semantic", "none", "nothing", None, about)
        passage = {"author": "Epictetus", "work": "Handbook"}
        old.vector("vector_stoic_wisdom", "p", "Some things are up to us.", network_vector(3), passage)
    report = kit.carry(open_file(tmp_path / "old.db"), store_url)
    assert report.complete
    with Database(store_url) as database:
        mine = Store(database.engine, embedder=None).collection("semantic", owner="anna")
        assert mine.vector("net", model="all-MiniLM-L6-v2").tolist() == network_vector(1)  # type: ignore[union-attr]
        assert mine.vector("exact", model="predecessor:hash-384").tolist() == exact  # type: ignore[union-attr]
        assert dict(mine.statistics().embeddings)["all-MiniLM-L6-v2"] == 1
        record = mine.get("net")
        assert record is not None
        assert (record.text, dict(record.metadata), record.session_id) == ("by a network", about, "s")
        library = Store(database.engine, embedder=None).collection("stoic_wisdom", owner=PUBLIC_OWNER)
        assert library.count() == 1
    query = (
        "SELECT r.id, m.name, e.vector IS NULL, e.raw FROM capsa_records r "
        "LEFT JOIN capsa_embeddings e ON e.seq = r.seq LEFT JOIN capsa_models m ON m.id = e.model "
        "WHERE r.collection = 'semantic'"
    )
    found = {id_: (model, bool(unusable), raw) for id_, model, unusable, raw in kit.rows(store_url, query)}
    assert {id_: model for id_, (model, _, _) in found.items()} == {
        "net": "all-MiniLM-L6-v2",
        "hash": "predecessor:hash-384",
        "exact": "predecessor:hash-384",
        "long": "predecessor:hash-384",
        "other": "predecessor:unknown-384",
        "none": None,
    }
    # What float32 cannot hold is kept as it was written.
    assert json.loads(bytes(found["hash"][2])) == hashed_vector("one two three")


def test_a_vector_of_nobody_is_put_aside_and_an_insights_is_its_persons(
    tmp_path: Path, store_url: str, kit: SimpleNamespace
) -> None:
    with OldDatabase(tmp_path / "old.db", Version.V2) as old:
        old.user("anna")
        insight = old.insight("anna", "m", "sleeps badly")
        old.vector("vector_semantic", insight, "sleeps badly", network_vector(1), {"confidence": 0.5})
        old.vector("vector_episodic", "page", "a page", network_vector(2), {"type": "imported_journal"})
        old.connection.execute("INSERT INTO vector_episodic (id, document, metadata) VALUES ('bad', 'x', '{')")
    report = kit.carry(open_file(tmp_path / "old.db"), store_url)
    assert report.quarantined_rows == 2
    assert all("nothing says whose it is" in line for line in report.quarantined)
    assert kit.rows(store_url, "SELECT owner, id FROM capsa_records") == [("anna", insight)]


# Files


@pytest.mark.parametrize("what", ["missing.db", ".", "text.db", "empty.db", "other.db", "damaged.db"])
def test_what_cannot_be_read_is_named_and_nothing_is_created(what: str, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database, whatever it is called")
    (tmp_path / "empty.db").touch()
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE users (name)")
    with OldDatabase(tmp_path / "damaged.db") as old:
        write_past(old)
    size = (tmp_path / "damaged.db").stat().st_size
    with (tmp_path / "damaged.db").open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (size - 100))
    before = sorted(tmp_path.iterdir())
    with pytest.raises((SourceMissing, SourceUnreadable)) as raised:
        open_file(tmp_path / what)
    assert str(tmp_path) in str(raised.value)
    assert sorted(tmp_path.iterdir()) == before


def test_a_zone_that_is_none_is_named(tmp_path: Path) -> None:
    with OldDatabase(tmp_path / "old.db"):
        pass
    with pytest.raises(TransferError, match="Atlantis"):
        open_file(tmp_path / "old.db", "Europe/Atlantis")


def test_what_is_written_meanwhile_follows(tmp_path: Path, store_url: str, kit: SimpleNamespace) -> None:
    with OldDatabase(tmp_path / "old.db") as old:
        write_past(old, ("anna",))
        old.connection.commit()
        wrote: list[object] = []

        def write(phase: str, done: int, _: int) -> None:
            if phase == "verify" and not wrote:
                wrote.append(old.turn(old.session("anna"), "and one more thing", "yes?"))
                old.connection.commit()

        report = kit.carry(open_file(tmp_path / "old.db"), store_url, progress=write)
    assert report.complete
    assert any("rows followed" in note for note in report.notes)
    assert kit.rows(store_url, "SELECT count(*) FROM messages WHERE content = 'and one more thing'") == [(1,)]
