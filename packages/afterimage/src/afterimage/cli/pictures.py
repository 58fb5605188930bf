"""Numbers as a row of signs: where a picture says more than the number, and the terminal can show it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_HEIGHTS = " ▁▂▃▄▅▆▇█"
_PLAIN = " .:-=+*#@"


def sparkline(values: Sequence[float]) -> str:
    """One sign a value; what is not nothing is seen."""
    signs = _signs()
    most = max(values, default=0)
    steps = len(signs) - 2
    return "".join(signs[0] if value <= 0 else signs[1 + round(value / most * steps)] for value in values)


def bar(value: float, most: float, room: int = 12) -> str:
    """``value`` as a part of ``most``, in at most ``room`` signs."""
    if value <= 0 or most <= 0:
        return ""
    return _signs()[-1] * max(1, round(value / most * room))


def _signs() -> str:
    try:
        _HEIGHTS.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return _PLAIN
    return _HEIGHTS
