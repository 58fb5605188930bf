"""Weeks as a picture: a board with a hole for each week, and a peg where something was.

After the *parapegma*, the Roman calendar of stone in which a peg was moved from hole to hole. Drawn here, so that a
page needs neither a library nor a script, and has no style of its own, which its policy would forbid.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

_WIDTH = 320
_ROW = 38
_TOP = 6
_LARGEST = 5.4
_SMALLEST = 2.4

#: More would be no picture any more.
_ROWS = 6
_WEEKS = 26
_FEWEST = 8


def pegs(weeks: Sequence[tuple[dt.date, Mapping[str, int]]], title: str) -> Markup | None:
    """The most frequent of what was counted, a row each; None if nothing was.

    Args:
        weeks: their Mondays and what was counted in them, in order; weeks that are missing had nothing.
        title: what it shows, for those who do not see it.
    """
    board = _board(weeks)
    total: Counter[str] = Counter()
    for counts in board.values():
        total.update(counts)
    rows = [name for name, _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))[:_ROWS]]
    if not rows:
        return None
    most = max(counts.get(name, 0) for counts in board.values() for name in rows)
    step = _WIDTH / len(board)
    height = _TOP + _ROW * len(rows) + 14
    parts = [f"<title>{escape(title)}</title>"]
    for row, name in enumerate(rows):
        top = _TOP + row * _ROW
        parts.append(f'<text x="0" y="{top + 12}">{escape(_short(name))}</text>')
        parts.append(f'<text class="soft" x="{_WIDTH}" y="{top + 12}" text-anchor="end">{total[name]}</text>')
        parts.append(f'<path class="row" d="M0 {top + 24}H{_WIDTH}"/>')
        for column, counts in enumerate(board.values()):
            x = f"{(column + 0.5) * step:.1f}"
            if count := counts.get(name, 0):
                radius = _SMALLEST + (_LARGEST - _SMALLEST) * (count / most) ** 0.5
                parts.append(f'<circle class="peg" cx="{x}" cy="{top + 24}" r="{radius:.1f}"/>')
            else:
                parts.append(f'<circle class="hole" cx="{x}" cy="{top + 24}" r="1"/>')
    first, *_, last = board
    bottom = height - 2
    parts.append(f'<text class="soft" x="0" y="{bottom}">{_week(first)}</text>')
    parts.append(f'<text class="soft" x="{_WIDTH}" y="{bottom}" text-anchor="end">{_week(last)}</text>')
    drawn = "".join(parts)
    return Markup(f'<svg class="pegs" role="img" viewBox="0 0 {_WIDTH} {height}">{drawn}</svg>')  # noqa: S704 - escaped


def _board(weeks: Sequence[tuple[dt.date, Mapping[str, int]]]) -> dict[dt.date, Mapping[str, int]]:
    """Every week up to the last one, those without anything included."""
    if not weeks:
        return {}
    held = dict(weeks)
    last = max(held)
    length = min(_WEEKS, max(_FEWEST, (last - min(held)).days // 7 + 1))
    days = [last - dt.timedelta(weeks=back) for back in reversed(range(length))]
    return {day: held.get(day, {}) for day in days}


def _short(name: str, most: int = 40) -> str:
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"


def _week(day: dt.date) -> str:
    return f"{day.day} {day:%b %Y}"
