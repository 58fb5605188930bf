"""The memory of the earlier AfterImage, 0.1 to 0.8: recognised, and read without a byte of it being written.

`is_legacy` costs nothing but the standard library, as hooks ask it; everything else is loaded on use.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from afterimage.carrying import Memory
    from capsa import transfer

#: What the table of entries has had in every version.
REQUIRED_COLUMNS = frozenset(
    {"id", "file_path", "old_code", "new_code", "context", "timestamp", "session_id", "embedding"}
)

_PHASES = {"read": "Reading source data", "copy": "Carrying {} over", "verify": "Comparing {}"}


def is_legacy(path: Path | str) -> bool:
    """Whether ``path`` is a SQLite memory of AfterImage 0.1 to 0.8. Reads, never writes or creates."""
    path = Path(path).expanduser().absolute()
    # Of a pipe, reading would wait for ever.
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            if file.read(16) != b"SQLite format 3\0":
                return False
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5.0)) as connection:
            columns = {row[1] for row in connection.execute("PRAGMA table_info(code_memory)")}
    except (OSError, sqlite3.DatabaseError):
        return False
    return columns >= REQUIRED_COLUMNS


def damage(path: Path) -> str | None:
    """What is wrong with ``path`` if it is a SQLite file that is damaged or cut off, in the words of SQLite."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            if file.read(16) != b"SQLite format 3\0":
                return None
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5.0)) as connection:
            connection.execute("PRAGMA table_info(code_memory)").fetchall()
    except OSError:
        return None
    except sqlite3.OperationalError as error:
        # Locked, or not to be opened: that is said elsewhere.
        return str(error) if "disk I/O" in str(error) else None
    except sqlite3.DatabaseError as error:
        return str(error)
    return None


def open_legacy(path: Path | str, timezone: str | None = None) -> transfer.Source:
    """A snapshot of an earlier memory, to be closed by the caller.

    Args:
        timezone: the IANA zone of times that name none; default this machine's.

    Raises:
        capsa.SourceMissing, capsa.SourceUnreadable: there is no such file, or it is another kind.
        capsa.TransferError: there is no such zone.
    """
    from afterimage.legacy_sqlite import open_file

    return open_file(path, timezone)


def open_memory(path: Path | str, timezone: str | None = None, *, say: Callable[[str], None] | None = None) -> Memory:
    """The memory at ``path``, earlier or ours, its rows to be closed by the caller.

    An earlier file that was carried over stands for the newer one beside it; ``say`` gets a line about that.

    Raises:
        capsa.SourceMissing, capsa.SourceUnreadable: there is no such file, or it is neither.
        capsa.TransferError: there is no such zone.
    """
    from afterimage.carrying import Memory, words_in_file
    from afterimage.config import own_path
    from afterimage.own_files import is_own
    from capsa import DatabaseUrl, transfer

    named = Path(path).expanduser().absolute()
    own = own_path(named)
    if not is_own(own):
        # Earlier, or else this says that it is missing, or what is wrong with it.
        return Memory(open_legacy(named, timezone), {})
    # Its times have their zone; that one is meant that does not exist is told all the same.
    transfer.Clock.of(timezone)
    if own != named and named.exists() and say is not None:
        say(f"{named} was carried over into {own}: migrating that, the newer one")
    return Memory(transfer.open_source(DatabaseUrl.for_path(own)), words_in_file(own))


def carry_over(
    legacy_path: Path | str, own_path: Path | str, progress: Callable[[str, int, int], None] | None = None
) -> transfer.Report:
    """Carry an earlier memory over into a file of our own, and compare every row.

    Goes on where an interrupted call stopped. The caller gives ``own_path`` a temporary name and
    renames the file when this returns; see `afterimage.first_use`.

    Args:
        progress: called with a message, the number done and the total.

    Raises:
        capsa.TransferError: it cannot be read, or not every row arrived.
    """
    from afterimage.migration_report import holds_patterns
    from capsa import DatabaseUrl, TransferError, open_database, transfer

    def tell(phase: str, done: int, total: int) -> None:
        if progress is not None and phase in _PHASES:
            progress(_PHASES[phase].format(what), done, total)

    with closing(open_legacy(legacy_path)) as source, open_database(DatabaseUrl.for_path(own_path)) as target:
        what = "entries and patterns" if holds_patterns(source) else "entries"
        report = transfer.transfer(source, target, transfer.Options(progress=tell))
    # A row that cannot be carried is kept aside with its reason and must not lock anybody out of the others.
    if report.missing or report.migrated + report.skipped + report.quarantined_rows < report.source_rows:
        raise TransferError(
            f"{report.failed} of {report.source_rows} entries of {legacy_path} did not arrive in {own_path}: run "
            f"afterimage migrate --sqlite {legacy_path} to see which; the file itself is unchanged"
        )
    return report
