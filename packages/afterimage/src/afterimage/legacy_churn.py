"""``churn.db`` of AfterImage 0.3 to 0.8: what it knew of edits comes along, and not a byte of it is written.

| earlier | here |
|---|---|
| ``edit_history`` | collection "churn-edits": a row a function of an edit; all of one edit have one time |
| ``file_churn_stats`` | collection "churn-files": what it counted of a file, by its own way of counting |
| ``function_churn_stats`` | collection "churn-functions": the same of a function |
| ``ai2a_*`` | not carried: what 0.8 noted of test runs while it worked |

It is carried over with an older memory, or at the first use of a command about churn; it never stands in the way of
anything: what cannot be read is said in one line, and everything else goes on.
"""

from __future__ import annotations

import json
import platform
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from afterimage.entries import CHURN_EDITS, CHURN_FILES, CHURN_FUNCTIONS, OWNER
from afterimage.legacy_rows import Layout
from afterimage.legacy_sqlite import columns_of, part_of
from capsa import CapsaError, SourceUnreadable, named_statements, transfer
from capsa.terminal import Check

if TYPE_CHECKING:
    from afterimage.config import AfterImageConfig
    from afterimage.storage import StorageBackend
    from capsa import Database

NAME = "churn.db"
_KIND = "AfterImage churn"

_LAYOUTS = (
    Layout("edit_history", CHURN_EDITS, id="id", time="timestamp", path="file_path", session_id="session_id"),
    Layout("file_churn_stats", CHURN_FILES, id="file_path", time="last_edit", path="file_path"),
    Layout("function_churn_stats", CHURN_FUNCTIONS, id="id", time="last_edit", path="file_path"),
)


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of a churn database."""

    #: Rows that are in the memory now, and that cannot be held and are kept aside.
    rows: int
    quarantined: int

    def __str__(self) -> str:
        aside = f", {self.quarantined} kept aside" if self.quarantined else ""
        return f"{self.rows} rows of its history carried over, each compared{aside}"


def find(config: AfterImageConfig) -> Path | None:
    """The churn database of this user, if there is one: beside the memory, or where earlier versions put it."""
    for folder in (config.storage.sqlite.path.parent, config.home / ".afterimage"):
        if there(folder / NAME):
            return folder / NAME
    return None


def there(path: Path) -> bool:
    """Whether there is a file with anything in it."""
    return path.is_file() and path.stat().st_size > 0


def open_churn(path: Path, timezone: str | None = None) -> transfer.Source:
    """A snapshot of a churn database, to be closed by the caller.

    Raises:
        capsa.SourceMissing, capsa.SourceUnreadable: there is none, or it is damaged or something else.
    """
    clock = transfer.Clock.of(timezone)
    snapshot = transfer.Snapshot(path)
    try:
        connection = snapshot.connection
        tables = transfer.table_names(connection)
        known = {layout.table: layout for layout in _LAYOUTS if layout.table in tables}
        if not known:
            names = ", ".join(layout.table for layout in _LAYOUTS)
            raise SourceUnreadable(f"{path} has none of the tables {names}: it is no churn database, or half of one")
        parts, left = [], []
        for name, layout in known.items():
            missing = {layout.id, layout.time} - columns_of(connection, name).keys()
            if missing:
                left.append(f"table {name}: without the columns {', '.join(sorted(missing))}")
            else:
                parts.append(part_of(connection, layout, clock))
        left += [f"table {name}: not known here" for name in sorted(tables - known.keys())]
        described = transfer.describe_file(path, _KIND, clock.name)
        return transfer.SqliteFile(snapshot, replace(described, not_carried=tuple(left)), parts)
    except sqlite3.DatabaseError as error:
        snapshot.close()
        raise SourceUnreadable(f"{path} is damaged ({error}): restore a copy of it, or move it away") from error
    except BaseException:
        snapshot.close()
        raise


def carry_over(path: Path, database: Database, owner: str = OWNER) -> Carried:
    """Bring what the churn database at ``path`` knows into the memory of ``owner``. Done again, it adds nothing.

    Raises:
        capsa.CapsaError: it cannot be read, or the memory cannot be written.
    """
    with closing(transfer.one_owner(open_churn(path), OWNER, owner)) as source:
        report = transfer.transfer(source, database, transfer.Options(owner=owner))
    return Carried(report.migrated + report.skipped, report.quarantined_rows)


def carry_over_once(path: Path, database: Database, tell: Callable[[str], None], owner: str = OWNER) -> None:
    """The same, unless it was done; what goes wrong is told in one line and stops nothing."""
    try:
        if there(path) and not was_carried(path, database, owner):
            tell(f"afterimage: {path}: {carry_over(path, database, owner)}; the file itself stays as it is")
    except (CapsaError, OSError) as error:
        tell(f"afterimage: what {path} knows of earlier edits was not carried over: {error}")


def was_carried(path: Path, database: Database, owner: str = OWNER) -> bool:
    """Whether all of a churn database of this machine was brought into ``database`` before."""
    with database.read(owner) as tx:
        rows = tx.execute(named_statements("afterimage.churn")["churn_transfers"], {"owner": owner})
    sources = [json.loads(source) for (source,) in rows]
    here = platform.node() + ":"
    return any(
        source.get("location") == str(path) and str(source.get("identity", "")).startswith(here) for source in sources
    )


def examine(config: AfterImageConfig, backend: StorageBackend) -> Check | None:
    """What ``doctor`` says of a churn database; None if there is none."""
    name = "churn history"
    path = find(config)
    if path is None:
        return None
    try:
        if was_carried(path, backend.database, backend.owner):
            return Check(name, "ok", f"{path} was carried over; it stays as it was")
        open_churn(path).close()
    except CapsaError as error:
        return Check(name, "note", str(error), f"restore a copy of {path}, or move it away: only old counts are in it")
    return Check(name, "ok", f"{path} is carried over at the first `afterimage churn`; it stays as it is")
