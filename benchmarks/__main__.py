"""``python -m benchmarks [names…] [--rows 50000] [--json FILE] [--list]``."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from rich.console import Console

from benchmarks import places, report
from benchmarks.cores import Cores
from benchmarks.report import Figure
from benchmarks.servers import Servers

#: In this order; each module says in its docstring what it measures.
NAMES = (
    "cosqa",
    "answers",
    "identifiers",
    "writers",
    "guide_table",
    "semantic_sqlite",
    "semantic_postgres",
    "lexical",
    "transfer",
    "library",
    "companion",
    "chat_start",
    "past",
    "hook",
    "secrets",
    "web",
    "talkers",
)


class Benchmark(Protocol):
    """What a module here offers."""

    __doc__: str | None

    def run(self, rows: int, servers: Servers) -> Iterator[Figure]:
        """Measure, with made-up data of so many rows where the size matters."""


def main() -> int:
    """Run what was asked for; 1 if something was not reached."""
    arguments = _arguments()
    console = Console(width=None if sys.stdout.isatty() else 150)
    if arguments.list:
        for name in NAMES:
            console.print(f"{name:20}{_summary(_load(name))}")
        return 0
    groups: dict[str, list[Figure]] = {}
    with Servers() as servers:
        for name in arguments.names or NAMES:
            for rows in arguments.rows if _depends_on_rows(name) else arguments.rows[:1]:
                title = f"{name}, {rows:,} rows" if _depends_on_rows(name) else name
                started, cores = time.monotonic(), Cores()
                try:
                    figures = list(_load(name).run(rows, servers))
                except places.DataMissing as missing:
                    console.print(f"{name}: not measured: {missing}", style="yellow")
                    continue
                groups[title] = figures
                denied = cores.denied()
                told = f"; the host denied {denied:.0%} of the wanted processor time" if denied is not None else ""
                report.show(f"{title} ({time.monotonic() - started:.0f} s{told})", figures, console)
                if arguments.json:
                    report.write(arguments.json, report.machine(servers.version), groups)
    return 1 if any(f.met is False for figures in groups.values() for f in figures) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], metavar="name", help=", ".join(NAMES))
    parser.add_argument("--rows", type=int, nargs="+", default=[50_000], help="sizes to measure (default: 50000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--list", action="store_true", help="say what there is")
    return parser.parse_args()


def _load(name: str) -> Benchmark:
    module: Benchmark = importlib.import_module(f"benchmarks.{name}")
    return module


def _summary(module: Benchmark) -> str:
    return (module.__doc__ or "").partition("\n")[0]


def _depends_on_rows(name: str) -> bool:
    return name in {
        "semantic_sqlite",
        "semantic_postgres",
        "lexical",
        "transfer",
        "library",
        "companion",
        "past",
        "hook",
    }


if __name__ == "__main__":
    sys.exit(main())
