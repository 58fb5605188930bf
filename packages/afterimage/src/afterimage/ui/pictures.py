"""Numbers as pictures: where each bar stands, in hundredths of the width, so that a picture fits any screen.

Drawn without a script and without styles of their own, which the pages' policy forbids.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Days that a timeline shows: a quarter of a year.
DAYS = 91
#: Pixels of its height.
HEIGHT = 120
_GAP = 0.22


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, in hundredths across and pixels down."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A word under a timeline."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """How much was written on each of some days."""

    first: dt.date
    last: dt.date
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    total: int
    most: int
    #: The day with most, and how many days have some.
    busiest: dt.date | None
    busy: int
    height: int = HEIGHT


def timeline(counts: Mapping[dt.date, int], last: dt.date) -> Timeline:
    """The days up to ``last``."""
    days = [last - dt.timedelta(days=n) for n in reversed(range(DAYS))]
    values = [counts.get(day, 0) for day in days]
    most = max(values)
    marks = [Mark(round(100 * n / DAYS, 2), f"{day:%b}") for n, day in enumerate(days) if day.day == 1 and n < DAYS - 4]
    return Timeline(
        days[0],
        last,
        tuple(bars(values, HEIGHT, [f"{day:%a %d %b %Y}: {n:,}" for day, n in zip(days, values, strict=True)])),
        tuple(marks),
        sum(values),
        most,
        days[values.index(most)] if most else None,
        sum(value > 0 for value in values),
    )


def bars(values: Sequence[int], height: int, labels: Sequence[str] = ()) -> list[Bar]:
    """A bar for each value that is not nothing, standing side by side; none lower than two pixels."""
    most = max(values, default=0)
    step = 100 / max(len(values), 1)
    found = []
    for n, value in enumerate(values):
        if value > 0:
            tall = max(2.0, height * value / most)
            x, width = n * step + step * _GAP / 2, step * (1 - _GAP)
            label = labels[n] if labels else ""
            found.append(Bar(round(x, 2), round(height - tall, 1), round(width, 2), round(tall, 1), label))
    return found
