#!/usr/bin/env python3
"""The main job, once, from end to end: an old memory goes to PostgreSQL and is found there.

Runs in a folder of its own that it removes again, on a PostgreSQL of its own that it stops again; it reads nothing
of yours and needs no key, no Docker and no server. Called by ``make demo``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from afterimage.testing import write_legacy_memory
from capsa import LocalPostgres, open_embedder

QUESTIONS = ("split a string like a shell would", "shlex.split")

CONFIG = """\
storage:
  backend: {backend}
  sqlite:
    path: {sqlite}
  postgresql:
    connection_string: {url}
"""


@dataclass
class Demo:
    """One demonstration: where it happens, and how long its parts took."""

    home: Path
    entries: int
    console: Console = field(default_factory=lambda: Console(highlight=False))
    times: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def part(self, what: str) -> Iterator[None]:
        self.console.print(f"\n[bold]{len(self.times) + 1}. {what}[/bold]")
        began = time.perf_counter()
        yield
        self.times.append((what, time.perf_counter() - began))

    @property
    def memory(self) -> Path:
        return self.home / ".afterimage" / "memory.db"

    def configure(self, backend: str, url: str) -> None:
        text = CONFIG.format(backend=backend, sqlite=self.memory, url=url)
        path = self.memory.with_name("config.yaml")
        path.touch(mode=0o600)
        path.write_text(text)

    def type_in(self, *command: str) -> None:
        """Run what a person would type, and show it."""
        self.console.print(f"[dim]$ {shlex.join(command)}[/dim]", soft_wrap=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AFTERIMAGE_")}
        environment |= {"HOME": str(self.home), "COLUMNS": str(self.console.width)}
        argv = [sys.executable, *command[1:]] if command[0] == "python" else [sys.executable, "-m", *command]
        subprocess.run(argv, check=True, env=environment)

    def write_old_memory(self) -> None:
        embedder = open_embedder("all-MiniLM-L6-v2")
        assert embedder is not None
        count = write_legacy_memory(self.memory, self.entries, lambda texts: embedder.embed(texts).tolist())
        self.console.print(f"{count} functions of Python's own library, as AfterImage 0.7 would have stored them.")


def main() -> int:
    """Run the demonstration in a folder that is gone afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=150, help="how many entries the old memory has")
    home = Path(tempfile.mkdtemp(prefix="afterimage-demo-"))
    demo = Demo(home, parser.parse_args().entries)
    try:
        run(demo)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    summary(demo)
    return 0


def run(demo: Demo) -> None:
    """All parts, in order."""
    with demo.part("Make a small memory in the old format"):
        demo.write_old_memory()
    before = hashlib.sha256(demo.memory.read_bytes()).hexdigest()
    with demo.part("Search it as it is, in SQLite (it is carried over at first use; the old file stays as it was)"):
        demo.configure("sqlite", "postgresql://unused")
        demo.type_in("afterimage", "search", QUESTIONS[0], "--limit", "2")
    with demo.part("Start a local PostgreSQL with pgvector"):
        server = LocalPostgres(demo.home / "postgres")
        url = server.start()
        demo.console.print("PostgreSQL is listening on 127.0.0.1 only.")
    try:
        demo.configure("postgresql", url)
        with demo.part("Migrate, verifying every row bit for bit"):
            demo.type_in("python", "-m", "afterimage.migrate", "--sqlite", str(demo.memory), "--validate")
        with demo.part("Search in PostgreSQL: by meaning, by name"):
            for question in QUESTIONS:
                demo.type_in("afterimage", "search", question, "--limit", "2")
        with demo.part("And back to SQLite: verified again"):
            back = demo.home / "back.db"
            demo.type_in("python", "-m", "afterimage.migrate", "--to-sqlite", str(back))
    finally:
        server.stop()
    unchanged = hashlib.sha256(demo.memory.read_bytes()).hexdigest() == before
    demo.console.print(f"\nThe old file {'has every byte it had' if unchanged else 'HAS CHANGED'}.")
    if not unchanged:
        raise SystemExit(1)


def summary(demo: Demo) -> None:
    """What was done, how long it took, and what to type next."""
    table = Table(title="What was done", title_justify="left")
    table.add_column("part")
    table.add_column("seconds", justify="right")
    for what, seconds in demo.times:
        table.add_row(what, f"{seconds:.1f}")
    demo.console.print()
    demo.console.print(table)
    demo.console.print(
        "Nothing is left running, nothing was kept.\n\nNext, in a shell with the environment "
        "([bold]source venv/bin/activate[/bold]):\n"
        "  afterimage doctor                        what is set up, and what is missing\n"
        "  capsa postgres start ~/.afterimage/pg    a PostgreSQL of your own; prints its URL\n"
        "  afterimage migrate --help                move your memory there, and back\n"
        "  stoic serve                              the companion: write to it at http://localhost:8000\n"
        "  make test                                see all of it proved",
        soft_wrap=True,
    )


if __name__ == "__main__":
    sys.exit(main())
