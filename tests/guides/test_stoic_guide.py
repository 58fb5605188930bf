"""The migration guide of Stoic Emperor, command by command, as a reader types it in a checkout.

What only the reader's machine can have (a Docker engine, a hosted service) has its nearest equivalent: a server from
the wheel with the guide's own user, database and password.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from capsa import LocalPostgres
from stoic_emperor.testing.chroma import ChromaWriter
from stoic_emperor.testing.legacy import OldDatabase, Version, write_past

from .conftest import SHARED

GUIDE = SHARED / "seeds" / "000_fc3e0832b8807f46.txt"
ROOT = Path(__file__).resolve().parents[2]

BACKUP = """\
# Backup SQLite database
cp ./data/stoic_emperor.db ./data/stoic_emperor.db.backup

# Backup ChromaDB
cp -r ./data/vector_db ./data/vector_db.backup
"""
CONNECT = """\
python -c "
from src.infrastructure.database import Database
db = Database()
print('Database connection successful!')
"
"""
MIGRATE = """\
python scripts/migrate_sqlite_to_postgres.py \\
  --sqlite ./data/stoic_emperor.db \\
  --postgres "$DATABASE_URL"
"""
IMPORT = """\
# Import stoic texts (re-embeds everything)
python -m src.cli.import_resources ./data/stoic_texts
"""
CHAT = """\
# Start the app
python -m src.cli.chat
"""
SERVE = "uvicorn src.web.api:app --reload"
OLD_DATABASE = """\
from src.infrastructure.database import Database
db = Database("./data/stoic_emperor.db")
"""
NEW_DATABASE = """\
from src.infrastructure.database import Database
db = Database()  # Reads DATABASE_URL from env
# Or explicitly:
db = Database("postgresql://localhost/stoic_emperor")
"""
OLD_VECTORS = """\
from src.infrastructure.vector_store import VectorStore
vectors = VectorStore("./data/vector_db")
"""
NEW_VECTORS = """\
from src.infrastructure.vector_store import VectorStore
vectors = VectorStore()  # Uses same DATABASE_URL
# Or explicitly:
vectors = VectorStore("postgresql://localhost/stoic_emperor")
"""
RUN_MIGRATIONS = """\
from src.infrastructure.database import Database
Database()  # Auto-runs migrations
"""
INDEXES = """\
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_messages_session ON messages(session_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_messages_semantic ON messages(semantic_processed_at);
"""
ROLLBACK = """\
cp ./data/stoic_emperor.db.backup ./data/stoic_emperor.db
cp -r ./data/vector_db.backup ./data/vector_db
"""

#: The other lines of the guide's blocks -> where they are tried, or why they cannot be here.
TRIED = {
    "docker run -d \\": "the server comes from a wheel",
    "--name stoic-postgres \\": "as above",
    "-e POSTGRES_DB=stoic_emperor \\": "Checkout.server",
    "-e POSTGRES_USER=stoic \\": "Checkout.server",
    "-e POSTGRES_PASSWORD=changeme \\": "Checkout.server",
    "-p 5432:5432 \\": "a free port",
    "pgvector/pgvector:pg16": "test_compose_names_what_the_guide_names",
    'docker exec -it stoic-postgres psql -U stoic -d stoic_emperor -c "CREATE EXTENSION vector;"': "Checkout.server",
    "docker-compose up -d postgres": "test_compose_names_what_the_guide_names",
    'docker-compose exec postgres psql -U stoic -d stoic_emperor -c "CREATE EXTENSION vector;"': "Checkout.server",
    "DATABASE_URL=postgresql://stoic:changeme@localhost:5432/stoic_emperor": "Checkout.write_env",
    "ENVIRONMENT=development": "Checkout.write_env",
    "source venv/bin/activate": "test_installing.py",
    "pip install -r requirements.txt": "test_installing.py",
    "chmod +x scripts/migrate_sqlite_to_postgres.py": "test_the_script_is_executable",
    "git checkout <previous-commit>": "the reader's own repository",
    "echo $DATABASE_URL": "test_could_not_connect",
    "CREATE EXTENSION IF NOT EXISTS vector;": "test_extension_vector_does_not_exist",
}


@dataclass(frozen=True)
class Checkout:
    """The reader's checkout, and the server that the guide has them start."""

    root: Path
    server: LocalPostgres
    url: str

    def bash(self, script: str, said: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Type a block of the guide; the interpreter of this test answers to ``python``."""
        drop = ("DATABASE_URL", "LLM_", "OPENAI_", "ANTHROPIC_", "STOIC_", "PG", "ENVIRONMENT", "CAPSA_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
        path = f"{Path(sys.executable).parent}:{self.server.bin}:{kept['PATH']}"
        return subprocess.run(
            ["bash", "-c", script],
            cwd=self.root,
            env={**kept, "PATH": path, "HOME": str(self.root), **environment},
            input=said,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def python(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.bash(f"python - <<'PYTHON'\n{script}\nPYTHON", **environment)

    def psql(self, statement: str) -> str:
        done = self.bash(f"psql -X -v ON_ERROR_STOP=1 -Atq '{self.url}' <<'SQL'\n{statement}\nSQL")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write_env(self) -> None:
        (self.root / ".env").write_text(f"DATABASE_URL={self.url}\nENVIRONMENT=development\n")

    def write_past(self) -> None:
        """A memory as the first version wrote it, SQLite and ChromaDB side by side."""
        with OldDatabase(self.root / "data" / "stoic_emperor.db", Version.V1) as old:
            write_past(old)
        with ChromaWriter(self.root / "data" / "vector_db", "0.5") as chroma:
            episodic = chroma.collection("episodic")
            for n in range(3):
                vector = [1.0 if i == n else 0.0 for i in range(384)]
                episodic.add(f"turn{n}", vector, f"We spoke of the harvest {n}", {"user_id": "anna", "session_id": "s"})


@pytest.fixture
def checkout(guide_server: LocalPostgres, tmp_path: Path) -> Iterator[Checkout]:
    root = tmp_path / "stoic-emperor"
    for name in ("src", "scripts", "config"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "data" / "stoic_texts").mkdir(parents=True)
    # One work is enough where the whole library is not the question.
    shutil.copy(ROOT / "data" / "stoic_texts" / "musonius-rufus" / "lectures.md", root / "data" / "stoic_texts")
    guide_server.start()
    admin = guide_server.url_of("postgres")
    port = int(guide_server.url.rsplit(":", 1)[1].split("/")[0])
    checkout = Checkout(root, guide_server, f"postgresql://stoic:changeme@localhost:{port}/stoic_emperor")
    drop = "DROP DATABASE IF EXISTS stoic_emperor WITH (FORCE); DROP ROLE IF EXISTS stoic;"
    made = checkout.bash(
        f"psql -X '{admin}' <<'SQL'\n{drop}\nCREATE ROLE stoic SUPERUSER LOGIN PASSWORD 'changeme';\n"
        f"CREATE DATABASE stoic_emperor OWNER stoic;\nSQL"
    )
    assert made.returncode == 0, made.stderr
    yield checkout
    guide_server.start()
    checkout.bash(f"psql -X '{admin}' -c 'DROP DATABASE IF EXISTS stoic_emperor WITH (FORCE)' -c 'DROP ROLE stoic'")


@pytest.fixture
def prepared(checkout: Checkout) -> Checkout:
    """After steps 1 to 4."""
    checkout.write_past()
    assert checkout.bash(BACKUP).returncode == 0
    checkout.psql("CREATE EXTENSION vector;")
    checkout.write_env()
    return checkout


def test_every_command_of_the_guide_is_tried_here() -> None:
    if not GUIDE.exists():
        pytest.skip("the guide itself is not beside this checkout")
    blocks = re.findall(r"```(?:bash|sql|python)\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    lines = [line.strip() for block in blocks if "def migrate(" not in block for line in block.splitlines()]
    commands = [line for line in lines if line and not line.startswith(("#", "--sqlite", "--postgres"))]
    blocks_tried = (BACKUP, CONNECT, MIGRATE, IMPORT, CHAT, SERVE, RUN_MIGRATIONS, INDEXES, ROLLBACK)
    snippets = (OLD_DATABASE, NEW_DATABASE, OLD_VECTORS, NEW_VECTORS)
    here = "\n".join((*blocks_tried, *snippets, *TRIED))
    assert len(commands) > 40
    assert [command for command in commands if command not in here] == []


@pytest.mark.slow
def test_the_whole_way_as_the_guide_shows_it(prepared: Checkout) -> None:
    old = (prepared.root / "data" / "stoic_emperor.db").read_bytes()

    connected = prepared.bash(CONNECT)
    assert connected.stdout == "Database connection successful!\n", connected.stderr

    # The shell knows no DATABASE_URL: it is in .env, and "$DATABASE_URL" is empty.
    migrated = prepared.bash(MIGRATE)
    assert migrated.returncode == 0, migrated.stdout + migrated.stderr
    assert "changeme" not in migrated.stdout + migrated.stderr
    assert prepared.psql("SELECT count(*) FROM messages") == "24"
    assert prepared.psql("SELECT count(*) FROM capsa_records WHERE collection = 'episodic'") == "3"

    imported = prepared.bash(IMPORT)
    assert imported.returncode == 0, imported.stderr
    assert int(prepared.psql("SELECT count(*) FROM capsa_records WHERE owner = '@public'")) > 5

    chatted = prepared.bash(CHAT, said="Why should I bear hardship?\nexit\n")
    assert chatted.returncode == 0, chatted.stderr
    assert "Musonius Rufus" in chatted.stdout

    prepared.psql(INDEXES)
    checked = prepared.bash("stoic doctor")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for item in ("database connection", "migrations", "texts imported", "chat", "web", "authentication", "backup"):
        assert item in checked.stdout
    assert "FAIL" not in checked.stdout
    assert (prepared.root / "data" / "stoic_emperor.db").read_bytes() == old


@pytest.mark.slow
def test_migrating_again_adds_nothing(prepared: Checkout) -> None:
    assert prepared.bash(MIGRATE).returncode == 0
    again = prepared.bash(MIGRATE)
    assert again.returncode == 0, again.stdout + again.stderr
    assert prepared.psql("SELECT count(*) FROM messages") == "24"


def test_a_mistyped_path_creates_nothing(prepared: Checkout) -> None:
    wrong = prepared.bash(MIGRATE.replace("stoic_emperor.db", "stoic_emporer.db"))
    assert wrong.returncode == 1
    assert "Traceback" not in wrong.stderr
    assert not (prepared.root / "data" / "stoic_emporer.db").exists()


def test_the_script_is_executable(prepared: Checkout) -> None:
    assert prepared.bash("chmod +x scripts/migrate_sqlite_to_postgres.py").returncode == 0
    assert os.access(ROOT / "scripts" / "migrate_sqlite_to_postgres.py", os.X_OK)
    assert prepared.bash("scripts/migrate_sqlite_to_postgres.py --help").returncode == 0


def test_the_script_that_the_guide_prints_fills_our_tables(prepared: Checkout) -> None:
    if not GUIDE.exists():
        pytest.skip("the guide itself is not beside this checkout")
    (printed,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
        if "def migrate(" in block
    ]
    assert prepared.bash(CONNECT).returncode == 0
    (prepared.root / "scripts" / "printed.py").write_text(printed)
    ran = prepared.bash(f"python scripts/printed.py --sqlite ./data/stoic_emperor.db --postgres '{prepared.url}'")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("Migration complete!\n")
    counts = prepared.psql("SELECT user_id, count(*) FROM messages GROUP BY 1 ORDER BY 1")
    assert counts == "anna|12\nben|12"
    assert (
        prepared.psql(
            "SELECT count(*) FROM messages m JOIN sessions s USING (user_id, session_id)".replace(
                "USING (user_id, session_id)", "ON s.id = m.session_id AND s.user_id <> m.user_id"
            )
        )
        == "0"
    )
    prepared.psql(INDEXES)


@pytest.mark.slow
def test_the_snippets_of_breaking_changes_run(prepared: Checkout) -> None:
    local = prepared.url
    for snippet in (OLD_DATABASE, NEW_DATABASE, OLD_VECTORS, NEW_VECTORS, RUN_MIGRATIONS):
        # The reader's server asks for a password, and listens where there was room.
        run = prepared.python(snippet.replace("postgresql://localhost/stoic_emperor", local))
        assert run.returncode == 0, run.stderr
    assert (prepared.root / "data" / "stoic_emperor.capsa.db").exists(), "the old path still works, beside the old file"


@pytest.mark.slow
def test_configuration_old_and_new(prepared: Checkout) -> None:
    settings = prepared.root / "config" / "settings.yaml"
    settings.write_text('paths:\n  sqlite_db: "./data/stoic_emperor.db"\n  vector_db: "./data/vector_db"\n')
    old = prepared.bash("stoic doctor")
    assert old.returncode == 1
    assert "database.url" in old.stdout
    settings.write_text('database:\n  url: "${DATABASE_URL}"\n')
    assert prepared.bash(CONNECT).stdout == "Database connection successful!\n"
    (prepared.root / ".env").unlink()
    unset = prepared.bash("stoic users")
    assert unset.returncode == 1
    assert "DATABASE_URL" in unset.stderr


def test_variables_to_remove_are_errors_that_name_the_new_one(prepared: Checkout) -> None:
    for name in ("VECTOR_DB_PATH", "SQLITE_DB_PATH"):
        run = prepared.bash("stoic users", **{name: "./data/x"})
        assert run.returncode == 1
        assert name in run.stderr
        assert "DATABASE_URL" in run.stderr


@pytest.mark.slow
def test_rollback(prepared: Checkout) -> None:
    assert prepared.bash(MIGRATE).returncode == 0
    assert prepared.bash(CHAT, said="Written since\nexit\n").returncode == 0
    assert prepared.bash(ROLLBACK).returncode == 0
    # Better than the guide's: with everything written since.
    back = prepared.bash("stoic migrate --to ./data/back.db")
    assert back.returncode == 0, back.stdout + back.stderr
    found = prepared.python(
        "from src.infrastructure.database import Database\n"
        'with Database("./data/back.db") as db:\n'
        '    print([m.content for m in db.get_recent_messages("default_user") if m.role == "user"])\n'
        '    print(len(db.get_recent_messages("anna")))\n'
    )
    assert found.stdout == "['Written since']\n12\n", found.stderr


def test_could_not_connect(prepared: Checkout) -> None:
    wrong = prepared.bash("stoic users", DATABASE_URL="postgresql://stoic:changeme@localhost:1/stoic_emperor")
    assert wrong.returncode == 1
    assert wrong.stderr.count("\n") == 1
    assert "changeme" not in wrong.stderr
    told = prepared.bash("stoic doctor", DATABASE_URL="postgresql://stoic:changeme@localhost:1/stoic_emperor")
    assert "postgresql://user:password@host:port/database" in told.stdout


def test_extension_vector_does_not_exist(prepared: Checkout) -> None:
    prepared.psql(
        "DROP EXTENSION vector; CREATE ROLE plain LOGIN PASSWORD 'plain'; GRANT ALL ON SCHEMA public TO plain;"
    )
    try:
        plain = prepared.url.replace("stoic:changeme", "plain:plain")
        run = prepared.bash("stoic users", DATABASE_URL=plain)
        assert run.returncode == 1
        assert "CREATE EXTENSION IF NOT EXISTS vector" in run.stderr
    finally:
        prepared.psql("DROP OWNED BY plain; DROP ROLE plain; CREATE EXTENSION IF NOT EXISTS vector;")


@pytest.mark.slow
def test_the_web_server_starts_for_the_person_at_this_machine_and_says_so(prepared: Checkout) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    server = subprocess.Popen(
        ["uvicorn", "src.web.api:app", "--port", str(port)],
        cwd=prepared.root,
        env={**os.environ, "PATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        status, described = fetch(f"http://127.0.0.1:{port}/api/openapi.json")
        assert status == 200
        assert '"Stoic Emperor"' in described
    finally:
        server.terminate()
        _, log = server.communicate(timeout=60)
    assert "whoever sits at this machine" in log


def fetch(url: str) -> tuple[int, str]:
    """A page of a server that is about to answer."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as page:
                return page.status, page.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_compose_names_what_the_guide_names() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    postgres = compose["services"]["postgres"]
    assert postgres["image"] == "pgvector/pgvector:pg16"
    assert postgres["environment"]["POSTGRES_DB"] == "stoic_emperor"
    assert postgres["environment"]["POSTGRES_USER"] == "stoic"
    assert postgres["environment"]["POSTGRES_PASSWORD"].endswith("changeme}")
    assert postgres["ports"] == ["127.0.0.1:5432:5432"]
    # The guide's own CREATE EXTENSION comes after it, and fails if something has made it already.
    assert not any("initdb" in volume for volume in postgres["volumes"])
