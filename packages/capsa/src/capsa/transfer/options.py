"""How to transfer."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from capsa.records import DEFAULT_OWNER
from capsa.transfer.sources import RANGE_ROWS

#: Called with phase, done and total; phases are "read", "copy", "index", "verify" and "catch up".
Progress = Callable[[str, int, int], None]


class OnConflict(enum.StrEnum):
    """What to do with a row that the target has, but different."""

    #: Leave the target's row and report it.
    KEEP = "keep"
    #: Take the source's row.
    REPLACE = "replace"
    #: Stop at the first one.
    FAIL = "fail"


def _no_progress(phase: str, done: int, total: int) -> None:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How to transfer."""

    on_conflict: OnConflict = OnConflict.KEEP
    #: Compare every row at the end.
    validate: bool = True
    #: Rows of one range, which is one transaction at the target.
    range_rows: int = RANGE_ROWS
    #: Where to write the manifest that `capsa.transfer.verify` checks again.
    manifest: Path | None = None
    progress: Progress = _no_progress
    #: The owner of the bookkeeping.
    owner: str = DEFAULT_OWNER


DEFAULTS = Options()
