"""What was measured, as a table for people and as JSON for programs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import platform
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    ours: float
    unit: str
    #: The floor or the peer, and what it is.
    beside: float | None = None
    beside_what: str = ""
    #: What must be reached, in words; empty if the line only informs.
    must: str = ""
    met: bool | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        return self.ours / self.beside if self.beside else None


def at_most(bound: float, *, times: bool = False, **parts: Any) -> Figure:
    """A figure that must not be more than ``bound`` (``times``: as a multiple of what stands beside it)."""
    figure = Figure(must=f"≤ {bound:g}{' ×' if times else ''}", **parts)
    value = figure.ratio if times else figure.ours
    return dataclasses.replace(figure, met=value is not None and value <= bound)


def at_least(bound: float, *, times: bool = False, **parts: Any) -> Figure:
    """A figure that must not be less than ``bound`` (``times``: as a multiple of what stands beside it)."""
    figure = Figure(must=f"≥ {bound:g}{' ×' if times else ''}", **parts)
    value = figure.ratio if times else figure.ours
    return dataclasses.replace(figure, met=value is not None and value >= bound)


def milliseconds(seconds: Sequence[float], percentile: float = 50) -> float:
    """A percentile, by default the median."""
    return float(np.percentile(np.array(seconds) * 1000, percentile))


def machine(postgres: str | None) -> dict[str, Any]:
    """What the figures depend on, and nothing that names the machine."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.system(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "sqlite": sqlite3.sqlite_version,
        "postgresql": postgres,
    }


def show(title: str, figures: Iterable[Figure], console: Console) -> None:
    """Print the table."""
    table = Table(title=title, title_justify="left", show_edge=False)
    for heading in ("what", "ours", "floor or peer", "ratio", "must reach", "met"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for figure in figures:
        beside = "" if figure.beside is None else f"{_number(figure.beside)} {figure.beside_what}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        met = {None: "", True: "[green]yes[/]", False: "[bold red]no[/]"}[figure.met]
        table.add_row(figure.what, f"{_number(figure.ours)} {figure.unit}", beside, ratio, figure.must, met)
    console.print(table)
    console.print()


def write(path: Path, about: dict[str, Any], groups: dict[str, list[Figure]]) -> None:
    """Write the figures; those of groups that were not measured this time stay, with their own date."""
    known: dict[str, Any] = {}
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8")).get("groups", {})
    for name, figures in groups.items():
        known[name] = {"machine": about, "figures": [{**dataclasses.asdict(f), "ratio": f.ratio} for f in figures]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"groups": dict(sorted(known.items()))}, indent=1, ensure_ascii=False, default=_plain) + "\n",
        encoding="utf-8",
    )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"
