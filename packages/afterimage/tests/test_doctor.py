import json
from pathlib import Path

import psycopg
import pytest

from afterimage.chunking import languages
from afterimage.cli import main
from afterimage.doctor import examine
from afterimage.storage import StorageBackend, get_storage_backend
from capsa import DatabaseUrl, LocalPostgres
from capsa.terminal import Check


def checks() -> dict[str, Check]:
    return {check.name: check for check in examine()}


def test_all_is_well_on_sqlite(home: Path) -> None:
    with get_storage_backend() as backend:
        backend.initialize()
    found = checks()
    assert {check.verdict for check in found.values()} <= {"ok", "note"}
    assert found["backend"].found == "sqlite (default)"
    assert found["file"].found.endswith("memory.capsa.db")
    assert found["schema"].found.startswith("capsa ")
    assert found["entries"].found.startswith("0, 0 of them")
    assert found["disk space"].verdict == "ok"
    assert "SQLite" in found
    assert found["model"].verdict == "note"


@pytest.mark.parametrize("user", ["guide_postgres_url", "postgres_url"])
def test_all_is_well_on_postgresql(
    home: Path, user: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = request.getfixturevalue(user)
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", url)
    found = checks()
    assert found["reachable"].verdict == "ok"
    assert "pgvector" in found["PostgreSQL"].found
    assert found["row-level security"].found
    assert found["password"].found.endswith("AFTERIMAGE_DATABASE_URL")
    assert found["migrations"].found == "none interrupted"
    password = DatabaseUrl.parse(url).password
    assert password
    assert password not in repr(found)


def test_the_model_is_tried(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERIMAGE_EMBEDDING_MODEL", "all-MiniLM-L6-v2")
    assert checks()["model"].found == "all-MiniLM-L6-v2, 384 dimensions, answers"
    monkeypatch.setenv("AFTERIMAGE_EMBEDDING_MODEL", "no-such-model")
    assert checks()["model"].verdict == "fail"


def test_what_says_nothing_needs_no_vector(home: Path) -> None:
    with get_storage_backend() as backend:
        backend.store("/p", "")
    assert checks()["entries"].verdict == "ok"


def test_a_grammar_that_is_missing_has_a_remedy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks()["code"].verdict == "ok"
    monkeypatch.setattr(languages, "_grammar", lambda package, function: None)
    found = checks()["code"]
    assert (found.verdict, found.remedy) == ("note", 'pip install "ai-afterimage[code]"')
    assert "python" in found.found


def test_entries_without_vectors_have_a_remedy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with get_storage_backend() as backend:
        backend.store("/p", "code")
    monkeypatch.setenv("AFTERIMAGE_EMBEDDING_MODEL", "all-MiniLM-L6-v2")
    entries = checks()["entries"]
    assert (entries.verdict, entries.remedy) == ("note", "afterimage reembed")


def test_settings_without_effect_are_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERIMAGE_EMBEDDING_DEVICE", "cuda")
    assert "AFTERIMAGE_EMBEDDING_DEVICE" in checks()["setting without effect"].found


def test_a_configuration_that_cannot_be_read_is_all_that_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERIMAGE_BACKEND", "oracle")
    (check,) = examine()
    assert check.verdict == "fail"
    assert "config --init" in (check.remedy or "")


# The rows of the guide's troubleshooting


def test_connection_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", "postgresql://afterimage:hidden@127.0.0.1:1/afterimage")
    found = checks()
    assert found["reachable"].verdict == "fail"
    assert found["reachable"].remedy == "sudo systemctl status postgresql; sudo systemctl start postgresql"
    assert "hidden" not in repr(found)


def test_authentication_failed(home: Path, guide_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", guide_postgres_url)
    url = DatabaseUrl.parse(guide_postgres_url)
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", f"postgresql://{url.user}:wrong@{url.host}:{url.port}/{url.database}")
    found = checks()
    assert found["reachable"].verdict == "fail"
    assert "pg_hba.conf" in (found["reachable"].remedy or "")
    assert "echo $AFTERIMAGE_PG_PASSWORD" in (found["reachable"].remedy or "")


def test_pgvector_missing(home: Path, guide_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from afterimage.storage import PostgreSQLBackend
    from capsa import MissingExtension

    def missing(_: object) -> None:
        raise MissingExtension("pgvector is not enabled")

    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", "postgresql://a@b/c")
    monkeypatch.setenv("AFTERIMAGE_PG_DATABASE", "code")
    monkeypatch.setattr(PostgreSQLBackend, "initialize", missing)
    assert "CREATE EXTENSION IF NOT EXISTS vector" in (checks()["pgvector"].remedy or "")


def test_a_missing_right_is_to_be_granted_and_no_server_to_be_started(
    home: Path, guide_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", guide_postgres_url)
    checks()
    with psycopg.connect(guide_postgres_url, autocommit=True) as connection:
        connection.execute("REVOKE ALL ON capsa_records FROM CURRENT_USER")
    found = checks()
    (failed,) = (check for check in found.values() if check.verdict == "fail")
    url = DatabaseUrl.parse(guide_postgres_url)
    assert (failed.remedy or "").startswith(f'sudo -u postgres psql -d {url.database} -c "GRANT ALL ON SCHEMA public')
    assert "systemctl" not in (failed.remedy or "")


@pytest.mark.parametrize(
    "statement",
    [
        "REVOKE INSERT ON capsa_records FROM CURRENT_USER",
        "REVOKE INSERT ON capsa_embeddings FROM CURRENT_USER",
        "REVOKE UPDATE ON capsa_transfers FROM CURRENT_USER",
        "REVOKE DELETE ON capsa_lexical_pending FROM CURRENT_USER",
        "REVOKE USAGE, SELECT, UPDATE ON SEQUENCE capsa_sequence FROM CURRENT_USER",
        "ALTER TABLE capsa_lexical_blocks RENAME TO taken_away",
        "ALTER TABLE capsa_lexical_pending RENAME TO taken_away",
        "ALTER TABLE capsa_transfer_ranges RENAME TO taken_away",
    ],
)
def test_what_only_writing_or_searching_would_meet(
    home: Path, guide_postgres_url: str, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", guide_postgres_url)
    checks()
    with psycopg.connect(guide_postgres_url, autocommit=True) as connection:
        connection.execute(statement.encode())
    (failed,) = (check for check in checks().values() if check.verdict == "fail")
    assert next(word for word in statement.split() if word.startswith("capsa_")) in failed.found
    assert ("GRANT ALL" if "REVOKE" in statement else "afterimage restore FILE") in (failed.remedy or "")


def test_a_colleague_who_does_not_own_the_tables_can_use_them(
    home: Path, postgres_server: LocalPostgres, guide_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", guide_postgres_url)
    checks()
    url = DatabaseUrl.parse(guide_postgres_url)
    with psycopg.connect(postgres_server.url_of(str(url.database)), autocommit=True) as connection:
        connection.execute("ALTER TABLE capsa_records OWNER TO CURRENT_USER")
        connection.execute(f'GRANT ALL ON capsa_records TO "{url.user}"'.encode())
    with get_storage_backend() as backend:
        backend.store("/p", "code")
    found = checks()
    assert {name for name, check in found.items() if check.verdict == "fail"} == set()
    assert "only the owner of capsa_records" in found["tables"].found


def test_a_table_that_is_gone_from_the_file(home: Path) -> None:
    with get_storage_backend() as backend, backend.database.maintain() as tx:
        tx.execute("ALTER TABLE capsa_lexical_blocks RENAME TO taken_away")
    tables = checks()["tables"]
    assert (tables.verdict, "capsa_lexical_blocks is gone" in tables.found) == ("fail", True)
    assert "afterimage restore FILE" in (tables.remedy or "")


def test_a_server_elsewhere_is_not_started_here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", "postgresql://a:b@no-such-host.invalid/c")
    reachable = checks()["reachable"]
    assert "check its name" in reachable.found
    assert reachable.remedy is None


def test_a_database_that_is_not_there_is_no_server_that_is_away(
    home: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", postgres_url + "_not_there")
    reachable = checks()["reachable"]
    assert reachable.found.endswith("create it first")
    assert reachable.remedy is None


def test_a_table_that_somebody_removed_is_told_with_everything_else(
    memory: StorageBackend, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.store("/p", "code")
    with memory.database.maintain() as tx:
        tx.execute("ALTER TABLE capsa_records RENAME TO taken_away")
    memory.close()
    if memory.backend_type == "sqlite":
        monkeypatch.setenv("AFTERIMAGE_SQLITE_PATH", str(memory.url.path))
    else:
        monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", memory.url.with_password())
    found = checks()
    (failed,) = {name for name, check in found.items() if check.verdict == "fail"}
    assert "capsa_records" in found[failed].found
    assert "afterimage restore FILE" in (found[failed].remedy or "")
    for command in ("stats", "recent"):
        assert main([command]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "capsa_records" in line
        assert "restore a backup" in line


def test_tables_of_an_earlier_afterimage_are_pointed_out(
    home: Path, guide_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", guide_postgres_url)
    assert "older tables" not in {check.name for check in examine()}
    columns = "id text, file_path text, old_code text, new_code text, context text, timestamp text, session_id text"
    with get_storage_backend() as backend, backend.database.maintain() as tx:
        tx.execute(f"CREATE TABLE code_memory ({columns}, embedding text)")
    (found,) = (check for check in examine() if check.name == "older tables")
    assert found.verdict == "note"
    assert "--from-postgres-tables" in (found.remedy or "")


def test_migration_interrupted(home: Path) -> None:
    with get_storage_backend() as backend, backend.database.maintain() as tx:
        tx.execute("INSERT INTO capsa_transfers VALUES ('local', 't', 0, 'copying', '{}')")
        tx.execute("INSERT INTO capsa_quarantine VALUES ('local', 't', 'p', 'k', 'why', x'00', 0)")
    found = checks()["migrations"]
    assert found.verdict == "fail"
    assert "run the same command again" in (found.remedy or "")


def test_a_file_of_passwords_that_others_may_read_is_told_as_libpq_leaves_it_unread(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", "postgresql://somebody@127.0.0.1:1/none")
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.delenv("PGPASSFILE", raising=False)
    file = home / ".pgpass"
    file.write_text("*:*:*:*:secret\n")
    file.chmod(0o644)
    assert checks()["password"].verdict == "note"
    assert checks()["password"].remedy == f"chmod 600 {file}"
    file.chmod(0o600)
    assert checks()["password"].verdict == "ok"


# Files


def test_modes_that_let_others_read(home: Path) -> None:
    with get_storage_backend() as backend:
        backend.store("/p", "code")
    folder = home / ".afterimage"
    (folder / "memory.capsa.db").chmod(0o644)
    folder.chmod(0o755)
    (folder / "config.yaml").write_text("storage:\n  postgresql:\n    password: 'secret'\n")
    (folder / "config.yaml").chmod(0o644)
    found = checks()
    assert (found["file's mode"].remedy or "").startswith("chmod 600")
    assert (found["folder's mode"].remedy or "").startswith("chmod 700")
    assert found["configuration's mode"].verdict == "fail"


def test_an_older_memory_before_after_and_written_to_since(home: Path, older: Path) -> None:
    import sqlite3

    # Looking must not be the first use that it announces.
    first = next(check for check in examine() if check.name == "older memory")
    assert "carried over" in first.found
    assert "at first use" in first.found
    checks()
    assert "whole" in checks()["older memory"].found
    connection = sqlite3.connect(older)
    connection.execute(
        "INSERT INTO code_memory (id, file_path, new_code, timestamp) VALUES ('late', '/p', 'c', '2026-01-06')"
    )
    connection.commit()
    connection.close()
    late = checks()["older memory"]
    assert late.verdict == "note"
    assert late.found.startswith("1 entries of")


def test_an_older_memory_whose_ids_are_anything_is_compared(home: Path, older: Path) -> None:
    import sqlite3

    add = "INSERT INTO code_memory (id, file_path, new_code, timestamp) VALUES (CAST(? AS {}), ?, 'c', '2026-01-06')"
    connection = sqlite3.connect(older)
    for number, odd in enumerate((b"caf\xe9", b"a\0b", b"17", b"x" * 513)):
        connection.execute(add.format("TEXT"), (odd, f"/{number}"))
    connection.execute(add.format("BLOB"), (b"refused as it is a BLOB", "/blob"))
    connection.commit()
    with get_storage_backend() as backend:
        assert backend.stats().total_entries == 63
    assert "whole" in checks()["older memory"].found
    connection.execute(add.format("TEXT"), (b"caf\xe8", "/late"))
    connection.commit()
    connection.close()
    assert checks()["older memory"].found.startswith("1 entries of")


def test_a_file_that_is_no_memory(home: Path) -> None:
    (home / ".afterimage").mkdir()
    (home / ".afterimage" / "memory.db").write_text("Dear reader")
    found = checks()
    assert found["older memory"].verdict == "note"
    assert found["reachable"].verdict == "fail"


def test_a_damaged_file(home: Path) -> None:
    (home / ".afterimage").mkdir()
    (home / ".afterimage" / "memory.capsa.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    assert "restore" in (checks()["reachable"].remedy or "")


def test_a_file_damaged_in_the_middle_is_told_with_everything_else(
    damaged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = checks()
    assert {"schema", "migrations", "entries", "model", "disk space"} <= set(found)
    assert found["schema"].verdict == "ok"
    assert found["entries"].verdict == "fail"
    assert "restore FILE --force" in (found["entries"].remedy or "")
    assert main(["doctor"]) == 1
    assert "FAIL" in capsys.readouterr().out


def test_little_space(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afterimage.doctor._NO_SPACE", 1 << 62)
    assert checks()["disk space"].verdict == "fail"


def test_the_command(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["doctor", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["ok"] is True
    assert {"name", "verdict", "found", "remedy"} == set(shown["checks"][0])
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", "postgresql://a:b@127.0.0.1:1/c")
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "FAIL" in out
    assert "-> sudo systemctl status postgresql" in out
