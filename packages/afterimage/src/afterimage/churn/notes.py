"""The one line that a hook says before a file is written: only of a file that changes too often, with the facts."""

from __future__ import annotations

import datetime as dt
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from afterimage.churn.counts import FileChurn, FunctionChurn, functions_of
from afterimage.churn.edits import Change, Edit, edits_of
from afterimage.churn.exclusions import Exclusions
from afterimage.churn.reading import change_of
from afterimage.churn.replay import replay
from afterimage.churn.tiers import BRONZE, DAY, MONTH, RED_IN_A_DAY, REPETITIVE, ChurnTier
from afterimage.entries import CHURN_EDITS, StorageEntry
from afterimage.hook import answers, fingerprints, marker
from afterimage.recalling import Note, Written, is_damaged

if TYPE_CHECKING:
    from afterimage.recalling import RecallIndex
    from afterimage.storage import StorageBackend

#: Functions that are named at most.
_NAMED = 3
_MOST_PATH = 300
#: Files of one transaction.
_AT_ONCE = 5


def keep_noted(index: RecallIndex, backend: StorageBackend, until: float) -> bool:
    """Bring what hooks say of files in step with the memory, seen from now; whether that is done.

    Args:
        until: when to stop, by `time.monotonic`; the next call goes on.

    Raises:
        RecallIndexUnwritable: the index cannot be written.
    """
    from afterimage.config import load_config

    exclusions = Exclusions(load_config().hook.warning_noise_exclusions)
    now = dt.datetime.now(dt.UTC)
    try:
        return note_churn(index, backend, exclusions, now, late=lambda: time.monotonic() >= until)
    except sqlite3.DatabaseError as error:
        if not is_damaged(error):
            raise
        # The next run makes it anew.
        index.path.unlink(missing_ok=True)
        return False


def note_churn(
    index: RecallIndex,
    backend: StorageBackend,
    exclusions: Exclusions,
    now: dt.datetime,
    *,
    late: Callable[[], bool] = lambda: False,
) -> bool:
    """Note in the recall index what hooks are to say of files that were written since the last time.

    Args:
        late: whether to stop; the next call goes on.

    Returns:
        Whether everything was looked at.
    """
    written = index.written(_ago(now, MONTH), _ago(now, DAY))
    marks = index.noted()
    earlier = _earlier(backend, now)
    edited = {path: edits_of((), changes) for path, changes in earlier.items()}
    # Of what only an earlier version knows nothing arrives any more: it is looked at until a line stands there.
    known = {file.path for file in written} | {path for path in edited if fingerprints.path_mark(path) in marks}
    files = [*(Written(path, 0, 0, 0) for path in edited.keys() - known), *written]
    often = [file for file in files if _is_often(file, edited.get(file.path, ()), now)]
    for first in range(0, len(often), _AT_ONCE):
        if first and late():
            return False
        some = often[first : first + _AT_ONCE]
        notes: dict[str, Note | None] = {}
        for path in (file.path for file in some):
            ids = [] if path in exclusions else index.ids_of(path)
            records = backend.collection.get_many(ids)
            found = sorted((records[id_] for id_ in ids if id_ in records), key=lambda record: record.created_at)
            edits = edits_of([change for record in found if (change := change_of(record))], earlier.get(path, ()))
            changed = replay(path, map(StorageEntry.from_record, found), now - DAY)
            notes[path] = note_of(path, edits, functions_of(edits, changed, now), now)
        index.note(notes, some[-1].last)
    index.note({}, max((file.last for file in written), default=0))
    return True


def _is_often(file: Written, edits: Sequence[Edit], now: dt.datetime) -> bool:
    """Whether there may be something to say of a file, with the edits that an earlier version knew."""
    day = file.day + sum(edit.at >= now - DAY for edit in edits)
    return file.month + len(edits) > BRONZE or day >= REPETITIVE


def note_of(path: str, edits: Sequence[Edit], functions: Sequence[FunctionChurn], now: dt.datetime) -> Note | None:
    """What to say of a file; None if it is nothing out of the ordinary.

    Every number is dated, so the line stays true until it is dropped.
    """
    if not edits:
        return None
    file = FileChurn.of(path, edits, now)
    again = [one for one in functions if one.edits_last_24h >= REPETITIVE][:_NAMED]
    if file.tier is not ChurnTier.RED and not again:
        return None
    moments = [edit.at for edit in edits]
    ends = [one.moments[-REPETITIVE] + DAY for one in again]
    ends += [moments[-RED_IN_A_DAY] + DAY] if file.edits_last_24h >= RED_IN_A_DAY else []
    ends += [moments[-BRONZE - 1] + MONTH] if file.edits_last_30d > BRONZE else []
    tier = " (tier RED)" if file.tier is ChurnTier.RED else ""
    names = ", ".join(f"{one.name} {_times(one.edits_last_24h)}" for one in again)
    shown = path if len(path) <= _MOST_PATH else f"…{path[-_MOST_PATH:]}"
    line = (
        f"{shown} changes often: edited {_times(file.edits_last_24h)} in the 24 hours to {now:%Y-%m-%d %H:%M} UTC, "
        f"{_times(file.edits_last_30d)} in 30 days{tier}" + (f"; in those 24 hours {names}." if names else ".")
    )
    # A path is anybody's to name, and must not look like a paragraph of ours.
    return Note(marker.escape(answers.one_line(line)), _microseconds(max(ends)))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _earlier(backend: StorageBackend, now: dt.datetime) -> Mapping[str, list[Change]]:
    from capsa import Filter

    found: dict[str, list[Change]] = {}
    collection = backend.capsa_store.collection(CHURN_EDITS, owner=backend.owner)
    for record in collection.iterate(Filter(since=now - MONTH)):
        if change := change_of(record, CHURN_EDITS):
            found.setdefault(change.path, []).append(change)
    return found


def _ago(now: dt.datetime, time: dt.timedelta) -> int:
    return _microseconds(now - time)


def _microseconds(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1_000_000)
