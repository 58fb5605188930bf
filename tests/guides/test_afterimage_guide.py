"""The migration guide of AfterImage, command by command, as a reader types it.

What only the reader's machine can have (``sudo``, ``apt``, ``systemctl``) has its nearest equivalent: a server from
the wheel, its superuser's session, stopping and starting it.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from pathlib import Path

import pytest

from .conftest import SHARED, Reader

GUIDE = SHARED / "seeds" / "003_00cb1a93b98d053d.txt"

CREATE = """\
CREATE USER afterimage WITH PASSWORD 'yourpassword';
CREATE DATABASE afterimage OWNER afterimage;
GRANT ALL PRIVILEGES ON DATABASE afterimage TO afterimage;
"""
ENABLE = """\
\\c afterimage
CREATE EXTENSION IF NOT EXISTS vector;
"""
POSTGRESQL = """\
  sqlite:
    path: ~/.afterimage/memory.db

  postgresql:
    host: localhost
    port: {port}
    database: afterimage
    user: afterimage
    # Password from environment: AFTERIMAGE_PG_PASSWORD
    min_pool_size: 2
    max_pool_size: 10
"""
MIGRATE = """\
AFTERIMAGE_PG_PASSWORD=yourpassword python -m afterimage.migrate \\
    --sqlite ~/.afterimage/memory.db \\
    --validate
"""
VERIFY = """\
python - <<'PYTHON'
from afterimage import get_storage_backend

backend = get_storage_backend()
stats = backend.stats()
print(f"Backend: {stats.backend_type}")
print(f"Entries: {stats.total_entries}")
PYTHON
"""
PASSWORD = {"AFTERIMAGE_PG_PASSWORD": "yourpassword"}

#: Every line of the guide's shell, SQL and Python blocks -> where it is tried, or why it cannot be here.
TRIED = {
    "sudo apt install postgresql postgresql-contrib": "the server comes from a wheel",
    "sudo apt install postgresql-16-pgvector": "pgvector comes with it",
    "sudo -u postgres psql": "Reader.psql",
    "\\q": "the end of Reader.psql's input",
    'pip install "ai-afterimage[postgresql]"': "test_installing.py",
    "pip install asyncpg psycopg[binary] pgvector numpy": "test_installing.py",
    'export AFTERIMAGE_PG_PASSWORD="yourpassword"': "PASSWORD",
    "cd /path/to/AI-AfterImage": "the reader's own folder",
    "sudo systemctl status postgresql": "test_connection_refused",
    "sudo systemctl start postgresql": "test_connection_refused",
    "echo $AFTERIMAGE_PG_PASSWORD": "test_authentication_failed",
    "sudo nano /etc/postgresql/16/main/pg_hba.conf": "test_authentication_failed",
    "sudo systemctl reload postgresql": "test_authentication_failed",
    'sudo -u postgres psql -d afterimage -c "CREATE EXTENSION IF NOT EXISTS vector"': "test_pgvector_missing",
}


@pytest.fixture
def prepared(reader: Reader) -> Reader:
    """After "Prerequisites" and "Update Configuration"."""
    made = reader.psql(CREATE + ENABLE)
    assert made.returncode == 0, made.stderr
    reader.configure("postgresql", POSTGRESQL.format(port=reader.port))
    return reader


def test_every_command_of_the_guide_is_tried_here() -> None:
    if not GUIDE.exists():
        pytest.skip("the guide itself is not beside this checkout")
    blocks = re.findall(r"```(?:bash|sql|python)\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    commands = [line for line in lines if line and not line.startswith(("#", "--"))]
    here = "\n".join((CREATE, ENABLE, MIGRATE, VERIFY, "\n".join(TRIED)))
    missing = [c for c in commands if c not in here and not c.startswith("--sqlite")]
    assert len(commands) == 25
    assert missing == []


def test_migration_prints_what_the_guide_shows(prepared: Reader, legacy_memory: Path) -> None:
    before = hashlib.sha256(legacy_memory.read_bytes()).hexdigest()
    run = prepared.bash(MIGRATE)
    assert run.returncode == 0, run.stdout + run.stderr
    shown = re.sub(r"[^\n]*\r(?!\n)", "", run.stdout)
    rule = "=" * 60
    assert shown.startswith(
        "Starting migration...\n"
        "Reading source data: 500/500 (100.0%)\n"
        "Migrating entries: 500/500 (100.0%)\n"
        "Validating migration: 1/1 (100.0%)\n"
        f"\n{rule}\nAI-AfterImage Migration Report\n{rule}\n"
        "Source entries:     500\n"
        "Migrated:           500\n"
        "Skipped (existing): 0\n"
        "Failed:             0\n"
        "Success rate:       100.0%\n"
        "Elapsed time:       "
    ), shown
    assert re.search(r"^Elapsed time:       \d+\.\ds$", shown, re.MULTILINE)
    assert shown.rstrip().endswith(rule)
    assert "yourpassword" not in run.stdout + run.stderr
    assert hashlib.sha256(legacy_memory.read_bytes()).hexdigest() == before


def test_verification_snippet_finds_every_entry(prepared: Reader, legacy_memory: Path) -> None:
    assert prepared.bash(MIGRATE).returncode == 0
    run = prepared.bash(VERIFY, **PASSWORD)
    assert run.stdout == "Backend: postgresql\nEntries: 500\n", run.stderr


def test_password_from_bashrc_for_persistence(prepared: Reader, legacy_memory: Path) -> None:
    (prepared.home / ".bashrc").write_text('export AFTERIMAGE_PG_PASSWORD="yourpassword"\n')
    run = prepared.bash("python -m afterimage.migrate --sqlite ~/.afterimage/memory.db --validate")
    assert run.returncode == 0, run.stdout + run.stderr
    assert prepared.bash(VERIFY).stdout == "Backend: postgresql\nEntries: 500\n"


@pytest.mark.slow
def test_rollback_keeps_the_old_file_and_says_what_only_postgresql_has(prepared: Reader, legacy_memory: Path) -> None:
    before = legacy_memory.read_bytes()
    assert prepared.bash(MIGRATE).returncode == 0
    added = prepared.bash(
        "python -c \"from afterimage import KnowledgeBase; KnowledgeBase().store('/p/new.py', 'def new(): pass')\"",
        **PASSWORD,
    )
    assert added.returncode == 0, added.stderr

    prepared.configure("sqlite", POSTGRESQL.format(port=prepared.port))
    first = prepared.bash("afterimage stats --json", **PASSWORD)
    assert first.returncode == 0, first.stderr
    assert '"backend_type": "sqlite"' in first.stdout
    assert '"total_entries": 500' in first.stdout
    assert re.search(r"\b1 entr", first.stderr), first.stderr
    assert "--to-sqlite" in first.stderr
    assert legacy_memory.read_bytes() == before


@pytest.mark.slow
def test_way_back_brings_what_was_written_since(prepared: Reader, legacy_memory: Path) -> None:
    assert prepared.bash(MIGRATE).returncode == 0
    prepared.bash(
        "python -c \"from afterimage import KnowledgeBase; KnowledgeBase().store('/p/new.py', 'def new(): pass')\"",
        **PASSWORD,
    )
    back = prepared.bash("python -m afterimage.migrate --to-sqlite ~/back.db", **PASSWORD)
    assert back.returncode == 0, back.stdout + back.stderr
    with sqlite3.connect(prepared.home / "back.db") as file:
        assert file.execute("SELECT count(*) FROM capsa_records").fetchone() == (501,)
    file.close()


def test_connection_refused(prepared: Reader, legacy_memory: Path) -> None:
    prepared.server.stop()
    run = prepared.bash(MIGRATE)
    assert run.returncode != 0
    _one_line(run.stderr, "refused", "sudo systemctl status postgresql", "sudo systemctl start postgresql")


def test_authentication_failed(prepared: Reader, legacy_memory: Path) -> None:
    run = prepared.bash(MIGRATE.replace("yourpassword", "not-this-one"))
    assert run.returncode != 0
    _one_line(run.stderr, "password", "echo $AFTERIMAGE_PG_PASSWORD", "pg_hba.conf")
    assert "not-this-one" not in run.stdout + run.stderr


def test_pgvector_missing(reader: Reader, legacy_memory: Path) -> None:
    assert reader.psql(CREATE).returncode == 0
    reader.configure("postgresql", POSTGRESQL.format(port=reader.port))
    run = reader.bash(MIGRATE)
    assert run.returncode != 0
    _one_line(run.stderr, 'sudo -u postgres psql -d afterimage -c "CREATE EXTENSION IF NOT EXISTS vector"')
    assert reader.psql(ENABLE).returncode == 0
    assert reader.bash(MIGRATE).returncode == 0


@pytest.mark.slow
def test_interrupted_migration_goes_on_where_it_was(prepared: Reader, legacy_memory: Path) -> None:
    killed = prepared.bash("timeout --signal=KILL 0.6 " + MIGRATE.replace("AFTERIMAGE_PG_PASSWORD=yourpassword ", ""),
                           **PASSWORD)  # fmt: skip
    assert killed.returncode in {0, -9, 137}
    again = prepared.bash(MIGRATE)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Failed:             0" in again.stdout
    assert prepared.bash(VERIFY, **PASSWORD).stdout == "Backend: postgresql\nEntries: 500\n"
    once_more = prepared.bash(MIGRATE)
    assert once_more.returncode == 0
    assert "Skipped (existing): 500" in once_more.stdout


def test_a_mistyped_path_is_an_error_and_creates_nothing(prepared: Reader) -> None:
    run = prepared.bash(MIGRATE.replace("memory.db", "memroy.db"))
    assert run.returncode != 0
    _one_line(run.stderr, "memroy.db")
    assert not prepared.memory.with_name("memroy.db").exists()


def _one_line(stderr: str, *parts: str) -> None:
    lines = [line for line in stderr.splitlines() if line.strip()]
    assert len(lines) == 1, stderr
    assert "Traceback" not in stderr
    for part in parts:
        assert part in lines[0], (part, lines[0])
