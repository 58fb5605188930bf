"""``pip install``, as the guides type it, from the wheels of ``make dist`` in new environments."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    for package in ("capsa", "afterimage", "stoic_emperor"):
        command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT / "packages" / package)]
        subprocess.run(command, check=True, capture_output=True)
    return folder


class Environment:
    """A new virtual environment."""

    def __init__(self, folder: Path, dist: Path) -> None:
        self.bin = folder / "bin"
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.dist = dist
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)

    def pip(self, *requirements: str) -> None:
        options = ["install", "--quiet", "--find-links", str(self.dist)]
        subprocess.run([self.bin / "python", "-m", "pip", *options, *requirements], check=True)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(self.home), "PATH": f"{self.bin}:/usr/bin:/bin"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_without_the_extra_everything_works_on_sqlite_and_postgresql_names_the_extra(
    tmp_path: Path, dist: Path
) -> None:
    new = Environment(tmp_path / "plain", dist)
    new.pip("ai-afterimage")
    for extra in ("psycopg", "mcp"):
        assert new.run(str(new.bin / "python"), "-c", f"import {extra}").returncode != 0
    assert 'pip install "ai-afterimage[mcp]"' in new.run("afterimage", "mcp").stderr
    store = "from afterimage import KnowledgeBase; print(KnowledgeBase().store('/p/a.py', 'def parse_dates(): pass'))"
    assert new.run(str(new.bin / "python"), "-c", store).returncode == 0
    found = new.run("afterimage", "search", "parse_dates", "--json")
    assert found.returncode == 0, found.stderr
    assert "parse_dates" in found.stdout
    (new.home / ".afterimage" / "config.yaml").write_text("storage:\n  backend: postgresql\n")
    refused = new.run("afterimage", "stats")
    assert refused.returncode != 0
    assert 'pip install "ai-afterimage[postgresql]"' in refused.stderr
    assert "Traceback" not in refused.stderr


def test_with_the_extra_the_driver_is_there_and_the_manual_line_of_the_guide_does_no_harm(
    tmp_path: Path, dist: Path, guide_url: str
) -> None:
    new = Environment(tmp_path / "extra", dist)
    new.pip("ai-afterimage[postgresql]")
    new.pip("asyncpg", "psycopg[binary]", "pgvector", "numpy")
    folder = new.home / ".afterimage"
    folder.mkdir()
    (folder / "config.yaml").write_text(
        f"storage:\n  backend: postgresql\n  postgresql:\n    connection_string: {guide_url}\n"
    )
    store = "from afterimage import KnowledgeBase; print(KnowledgeBase().store('/p/a.py', 'def parse_dates(): pass'))"
    stored = new.run(str(new.bin / "python"), "-c", store)
    assert stored.returncode == 0, stored.stderr
    assert "parse_dates" in new.run("afterimage", "search", "parse_dates", "--json").stdout
    assert new.run("afterimage", "--version").stdout.strip().split()[-1].startswith("1.")


def test_wheels_carry_their_sql_and_their_types(dist: Path) -> None:
    names = zipfile.ZipFile(next(dist.glob("capsa-*.whl"))).namelist()
    for expected in ("capsa/sqlite/sql/schema.sql", "capsa/postgres/sql/queries.sql", "capsa/py.typed"):
        assert expected in names


@pytest.fixture
def guide_url(postgres_url: str) -> str:
    return postgres_url
