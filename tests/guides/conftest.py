"""What the guides' readers have before they begin: a home, a shell, a PostgreSQL server, an old memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from afterimage.testing import write_legacy_memory
from capsa import LocalPostgres

#: Beside the checkout, where it is: the user's own guides and files.
SHARED = Path(__file__).resolve().parents[3] / "shared"


@dataclass(frozen=True)
class Reader:
    """Somebody who types what the guide shows."""

    home: Path
    server: LocalPostgres

    @property
    def memory(self) -> Path:
        return self.home / ".afterimage" / "memory.db"

    @property
    def port(self) -> int:
        return int(self.server.url.rsplit(":", 1)[1].split("/")[0])

    def bash(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a block of the guide as it stands; the interpreter of this test answers to ``python``."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AFTERIMAGE_", "PG", "CAPSA_"))}
        path = f"{Path(sys.executable).parent}:{self.server.bin}:{kept['PATH']}"
        return subprocess.run(
            ["bash", "-c", script],
            env={**kept, "HOME": str(self.home), "PATH": path, **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd=self.home,
        )

    def psql(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The guide's ``sudo -u postgres psql``: the superuser's session."""
        quoted = f"psql -X -v ON_ERROR_STOP=1 '{self.server.url_of('postgres')}'"
        return self.bash(f"{quoted} <<'GUIDE'\n{script}\nGUIDE", **environment)

    def configure(self, backend: str, more: str = "") -> None:
        self.memory.parent.mkdir(exist_ok=True)
        (self.memory.parent / "config.yaml").write_text(f"storage:\n  backend: {backend}\n{more}")


@pytest.fixture(scope="session")
def guide_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPostgres]:
    """A server of the guide's own, since the guide names its user and its database."""
    server = LocalPostgres(tmp_path_factory.mktemp("guide") / "postgres")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def reader(guide_server: LocalPostgres, tmp_path: Path) -> Iterator[Reader]:
    someone = Reader(tmp_path, guide_server)
    yield someone
    guide_server.start()
    someone.psql("DROP DATABASE IF EXISTS afterimage WITH (FORCE); DROP USER IF EXISTS afterimage;")


@pytest.fixture
def legacy_memory(reader: Reader) -> Path:
    """A memory in the old format at the place the guide names."""
    write_legacy_memory(reader.memory, 500)
    return reader.memory
