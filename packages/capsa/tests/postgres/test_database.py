"""Connections to PostgreSQL: shared by threads, found again after a restart, and clear words where there are none."""

from __future__ import annotations

import dataclasses
import datetime as dt
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from capsa.database import open_database
from capsa.errors import (
    AuthenticationFailed,
    CapsaError,
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseFull,
    DatabaseUnavailable,
    InvalidUrl,
    MissingExtension,
    MissingRight,
    ServerAway,
)
from capsa.local_postgres import LocalPostgres
from capsa.postgres import vectors
from capsa.postgres.database import PostgresDatabase
from capsa.records import Record
from capsa.store import Store
from capsa.testing.databases import ODD_PASSWORD, running_server
from capsa.testing.embedders import HashingEmbedder
from capsa.url import DatabaseUrl


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    with Store.open(postgres_url) as opened:
        yield opened


def changed(url: str, **parts: Any) -> str:
    return dataclasses.replace(DatabaseUrl.parse(url), **parts).with_password()


def refused(url: str, **options: Any) -> CapsaError:
    """The error at opening; one line, without the password."""
    with pytest.raises(CapsaError) as caught:
        open_database(url, **options)
    message = str(caught.value)
    assert "\n" not in message
    password = DatabaseUrl.parse(url).password
    assert password is None or password not in message
    return caught.value


def in_threads(count: int, work: Callable[[int], object]) -> list[BaseException]:
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - looked at by the caller
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_twenty_processes_open_an_empty_database_at_once(
    postgres_url: str, open_at_once: Callable[[str, int], None]
) -> None:
    open_at_once(postgres_url, 20)


def test_and_so_do_twenty_of_the_guides_user(guide_postgres_url: str, open_at_once: Callable[[str, int], None]) -> None:
    open_at_once(guide_postgres_url, 20)


def test_ten_threads_on_one_store(postgres_url: str) -> None:
    with Store.open(postgres_url, embedder=HashingEmbedder(32), max_connections=4) as store:
        notes = store.collection("notes")

        def work(number: int) -> None:
            for i in range(10):
                notes.add([Record(id=f"{number}-{i}", text=f"common unique{number}x{i}")])
                assert notes.search(f"unique{number}x{i}", mode="lexical")[0].record.id == f"{number}-{i}"
                notes.update(f"{number}-{i}", text=f"common changed{number}x{i}")
                if i % 3 == 0:
                    notes.delete([f"{number}-{i}"])

        assert in_threads(10, work) == []
        assert notes.count() == 60
        for record in notes.iterate():
            assert [hit.record.id for hit in notes.search(record.text.split()[1], mode="lexical")] == [record.id]


def traces(store: Store) -> dict[str, int]:
    with store.database.maintain() as tx:
        return {
            table: tx.execute(f"SELECT count(*) FROM {table}")[0][0]
            for table in ("capsa_records", "capsa_embeddings", "capsa_lexical_pending", "capsa_lexical_blocks")
        }


def test_those_who_change_and_remove_the_same_records_at_once_leave_nothing_behind(postgres_url: str) -> None:
    with Store.open(postgres_url, embedder=HashingEmbedder(16)) as store:
        notes = store.collection("notes")

        def work(number: int) -> None:
            for i in range(12):
                ids = [f"r{j}" for j in range(4)]
                if number % 4 == 0:
                    notes.put([Record(id=id_, text=f"put {number} {i}") for id_ in ids])
                elif number % 4 == 1:
                    notes.update(ids[i % 4], text=f"updated {number} {i}")
                elif number % 4 == 2:
                    notes.delete(reversed(ids))
                else:
                    notes.set_vector(ids[i % 4], [1.0] * 16)
                    notes.embed_missing()

        assert in_threads(8, work) == []
        notes.delete([f"r{j}" for j in range(4)])
        assert traces(store) == dict.fromkeys(traces(store), 0)


def test_a_name_may_be_added_by_one_only(store: Store) -> None:
    notes = store.collection("notes")
    outcomes: list[object] = []

    def work(number: int) -> None:
        try:
            outcomes.extend(notes.add([Record(id="same", text=str(number))]))
        except CapsaError as error:
            outcomes.append(type(error).__name__)

    assert in_threads(8, work) == []
    assert sorted(map(str, outcomes)) == ["InvalidRecord"] * 7 + ["same"]


def test_a_model_is_made_known_once(postgres_url: str) -> None:
    with Store.open(postgres_url) as store:
        notes = store.collection("notes")
        assert in_threads(8, lambda _: notes.add([Record(text="a")], vectors=[[1.0, 2.0]], model="m")) == []
        assert notes.statistics().embeddings == {"m": 8}


def test_a_server_that_was_restarted_between_calls_is_found_again() -> None:
    with running_server() as server, Store.open(server.url) as store:
        notes = store.collection("notes")
        ids = notes.add([Record(text="before")])
        assert in_threads(4, lambda _: notes.get(ids[0])) == [], "several connections are open"
        server.stop()
        with pytest.raises(DatabaseUnavailable) as down, Store.open(server.url):
            pass
        assert "refused" in str(down.value) or "starting" in str(down.value)
        server.start()
        for _ in range(5):
            assert [record.text for record in notes.iterate()] == ["before"]
        notes.add([Record(text="after")])
        # Killed in the middle of a transaction: an error of ours, and the next call works.
        with pytest.raises(DatabaseUnavailable) as cut, store.database.write(notes.owner) as tx:  # noqa: PT012
            with psycopg.connect(server.url, autocommit=True) as other:
                pid = tx.connection.info.backend_pid
                other.execute("SELECT pg_terminate_backend(%s)", (pid,))
            notes.add([Record(text="lost")], tx=tx)
        assert "\n" not in str(cut.value)
        assert [record.text for record in notes.iterate()] == ["before", "after"]


def test_a_statement_that_takes_too_long_is_given_up(postgres_url: str) -> None:
    with open_database(postgres_url, statement_timeout=0.2) as database:
        for begin in (database.read, database.write):
            began = time.monotonic()
            with pytest.raises(DatabaseBusy, match="statement timeout") as busy, begin("me") as tx:
                tx.execute("SELECT pg_sleep(20)")
            assert time.monotonic() - began < 10
            assert "\n" not in str(busy.value)
        with database.maintain() as tx:
            tx.execute("SELECT pg_sleep(0.4)")


def test_an_error_that_was_caught_inside_does_not_pass_for_success(store: Store) -> None:
    with pytest.raises(DatabaseUnavailable, match="nothing of it was written"), store.database.write("me") as tx:  # noqa: PT012
        store.collection("notes", owner="me").add([Record(text="lost?")], tx=tx)
        with pytest.raises(psycopg.errors.UndefinedTable):
            tx.execute("SELECT * FROM no_such_table")
    assert store.collection("notes", owner="me").count() == 0


def test_while_the_server_is_away_that_is_said_soon_and_then_at_once_and_it_is_found_again() -> None:
    with running_server() as server, Store.open(server.url) as store:
        notes = store.collection("notes")
        notes.add([Record(text="kept")])
        server.stop()
        took = []
        for _ in range(4):
            began = time.monotonic()
            with pytest.raises(DatabaseUnavailable, match="PostgreSQL is running"):
                notes.count()
            took.append(time.monotonic() - began)
        assert max(took) < 3
        assert max(took[1:]) < 0.5, "it is known"
        assert in_threads(8, lambda _: notes.count()) != []
        server.start()
        began = time.monotonic()
        while True:
            try:
                assert notes.count() == 1
                break
            except DatabaseUnavailable:
                time.sleep(0.1)
        assert time.monotonic() - began < 5


def test_a_host_that_does_not_answer_any_more_keeps_few_waiting(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(postgres_url, connect_timeout=3) as store:
        assert isinstance(store.database, PostgresDatabase)
        notes = store.collection("notes")
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            elsewhere = dataclasses.replace(store.database.url, port=silent.getsockname()[1])
            monkeypatch.setattr(store.database._connections, "url", elsewhere)
            with pytest.raises(DatabaseUnavailable):
                notes.count()
            began = time.monotonic()
            assert len(in_threads(20, lambda _: notes.count())) == 20
            assert time.monotonic() - began < 1, "it was asked a moment ago, and nobody asks again"


def test_all_connections_in_use_is_said_after_the_wait(postgres_url: str) -> None:
    with (
        open_database(postgres_url, max_connections=1, connect_timeout=0.1) as database,
        database.read("me"),
        pytest.raises(DatabaseUnavailable, match="busy"),
        database.read("me"),
    ):
        pass


def test_many_may_be_read_at_once_in_one_transaction(store: Store) -> None:
    with store.database.read("me") as tx:
        one, other = tx.stream("SELECT generate_series(1, 2000)"), tx.stream("SELECT generate_series(1, 2000)")
        assert all(a == b for a, b in zip(one, other, strict=True))


def test_what_the_zone_of_the_server_is_does_not_matter(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        name = DatabaseUrl.parse(postgres_url).database
        connection.execute(f"ALTER DATABASE \"{name}\" SET timezone = 'Pacific/Kiritimati'".encode())
    times = [dt.datetime.max.replace(tzinfo=dt.UTC), dt.datetime.min.replace(tzinfo=dt.UTC)]
    with Store.open(postgres_url) as store:
        notes = store.collection("notes")
        notes.add(Record(text="t", created_at=time_) for time_ in times)
        assert [record.created_at for record in notes.iterate()] == times
        assert (notes.statistics().newest, notes.statistics().oldest) == tuple(times)


def test_nothing_that_was_set_for_one_transaction_is_left_on_the_connection(store: Store) -> None:
    database = store.database
    assert isinstance(database, PostgresDatabase)
    with database.write("somebody") as tx:
        pid = tx.connection.info.backend_pid
    with database.maintain() as tx:
        assert tx.connection.info.backend_pid == pid
        assert tx.execute("SELECT coalesce(current_setting('capsa.owner', true), ''), current_user") == [
            ("", DatabaseUrl.parse(str(database.url)).user)
        ]


def test_a_wrong_password(guide_postgres_url: str) -> None:
    error = refused(changed(guide_postgres_url, password="guess"))
    assert isinstance(error, AuthenticationFailed)
    assert "password" in str(error)
    assert ODD_PASSWORD not in str(error)


def test_no_password(guide_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSFILE", "/dev/null")
    monkeypatch.delenv("PGPASSWORD", raising=False)
    error = refused(changed(guide_postgres_url, password=None))
    assert isinstance(error, AuthenticationFailed)
    assert ".pgpass" in str(error)


def test_the_odd_password_of_a_url_works(guide_postgres_url: str) -> None:
    assert DatabaseUrl.parse(guide_postgres_url).password == ODD_PASSWORD
    open_database(guide_postgres_url).close()


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = refused(f"postgresql://me:secret@127.0.0.1:{free.getsockname()[1]}/memory")
    assert isinstance(error, ServerAway)
    assert "refused" in str(error)
    assert "PostgreSQL is running" in str(error)


def test_nobody_answers() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        error = refused(f"postgresql://me:secret@127.0.0.1:{silent.getsockname()[1]}/memory", connect_timeout=1)
    assert time.monotonic() - began < 20
    assert isinstance(error, DatabaseUnavailable)


def test_an_unknown_host() -> None:
    assert isinstance(refused("postgresql://me:secret@no-such-host.invalid/memory"), DatabaseUnavailable)


@pytest.mark.parametrize("option", ["bogus=1", "connect_timeout=abc"])
def test_a_connection_option_that_cannot_be(option: str) -> None:
    error = refused(f"postgresql://me:secret@127.0.0.1:1/memory?sslpassword=hidden&{option}")
    assert isinstance(error, InvalidUrl)
    assert repr(option.partition("=")[0]) in str(error)
    assert "hidden" not in str(error)


def test_a_missing_database(postgres_url: str) -> None:
    error = refused(changed(postgres_url, database="missing"))
    assert "there is no database 'missing'" in str(error)
    assert not isinstance(error, ServerAway), "it did answer"


def test_a_missing_extension_that_the_user_may_not_create(
    postgres_server: LocalPostgres, guide_postgres_url: str
) -> None:
    name = str(DatabaseUrl.parse(guide_postgres_url).database)
    with psycopg.connect(postgres_server.url_of(name), autocommit=True) as connection:
        connection.execute("DROP EXTENSION vector")
    error = refused(guide_postgres_url)
    assert isinstance(error, MissingExtension)
    assert f'psql -d {name} -c "CREATE EXTENSION IF NOT EXISTS vector"' in str(error)
    with psycopg.connect(guide_postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_a_user_without_rights(postgres_server: LocalPostgres, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE poor LOGIN PASSWORD 's3cret'")
    try:
        error = refused(changed(postgres_url, user="poor", password="s3cret"))
        assert isinstance(error, MissingRight)
        assert "right" in str(error)
    finally:
        with psycopg.connect(postgres_server.url_of("postgres"), autocommit=True) as connection:
            connection.execute("DROP ROLE poor")


@pytest.mark.parametrize(("cores", "usual", "workers"), [(1, 2, 1), (2, 2, 1), (4, 2, 2), (8, 4, 4), (8, 0, 0)])
def test_an_index_leaves_a_core_of_this_machine_to_who_works_beside_it(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, cores: int, usual: int, workers: int
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    with psycopg.connect(postgres_url) as connection:
        connection.execute(f"SET max_parallel_maintenance_workers = {usual}")
        vectors._leave_a_core(connection)
        assert connection.execute("SHOW max_parallel_maintenance_workers").fetchone() == (str(workers),)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("CREATE TABLE capsa_records (a int)", "another program has tables of these names"),
        ("CREATE TABLE capsa_migrations (version int, name text)", "another program has tables of these names"),
        ("DROP SCHEMA public CASCADE", "may use no schema"),
        ("ALTER DATABASE {name} SET default_transaction_read_only = on", "may only be read"),
    ],
)
def test_what_stands_in_the_way_of_our_tables_is_one_line(postgres_url: str, made: str, said: str) -> None:
    name = DatabaseUrl.parse(postgres_url).database
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(made.format(name=name).encode())
    assert said in str(refused(postgres_url))


def test_a_server_without_room_is_told_apart_from_one_that_is_away(store: Store) -> None:
    with (
        pytest.raises(DatabaseFull, match="no space left on the server .*stored before is intact"),
        store.database.write("anna") as tx,
    ):
        tx.execute("DO $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$")


@pytest.mark.parametrize(
    ("removed", "said"),
    [
        ("capsa_records", "the table capsa_records is gone"),
        ("capsa_migrations", "the table capsa_migrations is gone"),
        ("capsa_migrations, capsa_models", "the tables capsa_migrations, capsa_models are gone"),
    ],
)
def test_tables_that_are_gone_where_others_of_ours_are_have_their_names(
    postgres_url: str, removed: str, said: str
) -> None:
    open_database(postgres_url).close()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP TABLE {removed}".encode())
    assert said in str(refused(postgres_url))


def test_a_table_of_ours_that_somebody_removed_is_one_line_and_another_is_a_defect(store: Store) -> None:
    with psycopg.connect(store.database.url.with_password(), autocommit=True) as connection:
        connection.execute("ALTER TABLE capsa_records RENAME TO taken_away")
    with pytest.raises(DatabaseDamaged, match="the table capsa_records is gone from .* restore a backup") as caught:
        store.collection("notes").add([Record(text="to be kept")])
    assert "\n" not in str(caught.value)
    with pytest.raises(psycopg.errors.UndefinedTable), store.database.read("me") as tx:
        tx.execute("SELECT 'capsa_records' FROM nobodys_table")


def test_a_right_that_was_taken_away_is_named(guide_postgres_url: str) -> None:
    with Store.open(guide_postgres_url) as store:
        with psycopg.connect(guide_postgres_url, autocommit=True) as connection:
            connection.execute("REVOKE ALL ON capsa_records FROM CURRENT_USER")
        with pytest.raises(MissingRight, match="capsa_records"):
            store.collection("notes").count()
