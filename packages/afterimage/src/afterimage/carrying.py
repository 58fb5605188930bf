"""Bringing a memory into another: what was forgotten in one of them does not come back from the other.

Of each entry that was forgotten, or wanted again after that, the later word counts, whichever memory it was said in. An
entry that is there in spite of a note, as after an import, has the later word where it is. What counts as forgotten is
left out of what is carried, and goes from the target; then both have the same notes.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from afterimage.chunking.entries import Entries
from afterimage.entries import COLLECTION, FORGOTTEN, OWNER, UNITS
from afterimage.forgotten import WANTED, Word, noted, notes_of, want_again
from capsa import Database, DatabaseUrl, Store, from_stored, open_database, transfer

STAYS = "forgotten before, and stays so (--bring-back-forgotten brings it back)"

#: Entry -> what was last said of it.
Words = Mapping[str, Word]

_LISTED = 10
_PUT_ASIDE = """
SELECT part, source_key, reason FROM capsa_quarantine WHERE owner = :owner ORDER BY part, source_key LIMIT :limit
"""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_IN_A_FILE = """
SELECT n.id, n.created_at, n.metadata, EXISTS (
    SELECT 1 FROM capsa_records AS e WHERE e.owner = n.owner AND e.collection = :entries AND e.id = n.id)
FROM capsa_records AS n WHERE n.owner = :owner AND n.collection = :notes
"""


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory that is brought somewhere: its rows, to be closed by the caller, and what was forgotten in it."""

    rows: transfer.Source
    words: Words


def words_in_file(file: Path) -> Words:
    """What was said of entries in a SQLite memory of ours, which is only read."""
    names = {"owner": OWNER, "notes": FORGOTTEN, "entries": COLLECTION}
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute(_IN_A_FILE, names).fetchall()
    said = (
        (from_stored(id_), Word(_EPOCH + dt.timedelta(microseconds=at), WANTED not in json.loads(about)), is_there)
        for id_, at, about, is_there in rows
    )
    return {id_: word for id_, word, is_there in said if not (word.is_forgotten and is_there)}


def words_on(server: DatabaseUrl, owner: str) -> Words:
    """What was said of entries in a PostgreSQL memory.

    Raises:
        capsa.CapsaError: it cannot be reached.
    """
    with open_database(server) as database:
        return words_of(database, owner)


def words_of(database: Database, owner: str) -> Words:
    """What was said of entries in a database that is open."""
    return _still_true(database, owner, noted(database, owner))


def _still_true(database: Database, owner: str, words: Words) -> Words:
    there = Store(database).collection(COLLECTION, owner=owner).get_many(list(words))
    return {id_: word for id_, word in words.items() if not (word.is_forgotten and id_ in there)}


def forgotten_in_either(one: Words, other: Words) -> set[str]:
    """The entries of which the later word is that they are forgotten."""
    return {id_ for id_, word in _later(one, other).items() if word.is_forgotten}


def _later(one: Words, other: Words) -> Words:
    return {**one, **{id_: word for id_, word in other.items() if id_ not in one or word.at > one[id_].at}}


def without(source: transfer.Source, forgotten: Collection[str]) -> transfer.Source:
    """A source without these entries, which the report tells, and without its notes; closing it closes ``source``."""
    entries = transfer.leaving_out(source, _those(COLLECTION, lambda id_: id_ in forgotten), STAYS)
    units = transfer.leaving_out(entries, _those(UNITS, lambda id_: id_.rpartition("#")[0] in forgotten), None)
    return transfer.leaving_out(units, _those(FORGOTTEN, lambda _: True), None)


def carry(
    memory: Memory, target: Database, owner: str, options: transfer.Options, *, bring_back: bool = False
) -> transfer.Report:
    """Bring a memory into a database, as `capsa.transfer.transfer` does.

    Args:
        memory: with ``owner``'s rows.
        bring_back: also what was forgotten since, which is wanted again then.

    Raises:
        capsa.CapsaError: as of `capsa.transfer.transfer`.
    """
    before = noted(target, owner)
    here = _still_true(target, owner, before)
    forgotten = set() if bring_back else forgotten_in_either(memory.words, here)
    entries = Entries(Store(target), owner, COLLECTION)
    gone = entries.delete(list(entries.get_many(list(forgotten))))
    report = transfer.transfer(without(memory.rows, forgotten), target, options)
    meanwhile = {id_ for id_, word in noted(target, owner).items() if word.is_forgotten and before.get(id_) != word}
    entries.delete(list(entries.get_many(list(meanwhile))))
    later = {id_: word for id_, word in _later(here, memory.words).items() if id_ not in meanwhile}
    notes = notes_of(target, owner)
    notes.put([word.note(id_) for id_, word in later.items() if here.get(id_) != word], embed=False)
    # Of what came back after all, the note is no longer true.
    want_again(target, owner, [id_ for id_ in entries.get_many(list(later)) if later[id_].is_forgotten])
    notes_told = list(_put_aside_before(report, target, owner))
    if gone:
        notes_told.append(f"{_counted(gone)}, forgotten in the source since, went from the target too")
    return replace(report, notes=(*report.notes, *notes_told))


def examined(
    memory: Memory, target: Database | None, options: transfer.Options, *, bring_back: bool = False
) -> transfer.Report:
    """What `carry` would do; nothing is written. Without a target, all that is known is the source."""
    here = {} if target is None else words_of(target, options.owner)
    forgotten = set() if bring_back else forgotten_in_either(memory.words, here)
    report = transfer.examine(without(memory.rows, forgotten), options, target)
    if target is None:
        return report
    going = Store(target).collection(COLLECTION, owner=options.owner).get_many(list(forgotten))
    if not going:
        return report
    note = f"{_counted(len(going))}, forgotten in the source since, would go from the target too"
    return replace(report, notes=(*report.notes, note))


def _counted(entries: int) -> str:
    return f"{entries:,} {'entry' if entries == 1 else 'entries'}"


def _put_aside_before(report: transfer.Report, target: Database, owner: str) -> Iterator[str]:
    """Rows that could not be carried when a past came into the source: they are in neither memory."""
    if any(part.name == "capsa_quarantine" and part.source for part in report.parts):
        with target.read(owner) as tx:
            rows = tx.execute(_PUT_ASIDE, {"owner": owner, "limit": _LISTED})
        for part, source_key, reason in rows:
            yield f"put aside when the older memory was carried over: {part} {source_key}: {reason}"


def _those(
    collection: str, unwanted: Callable[[str], bool]
) -> Callable[[transfer.Part], Callable[[transfer.Item], bool] | None]:
    """Rows of one collection, by their ids; of an older memory, which has entries alone in its table, those."""

    def of_part(part: transfer.Part) -> Callable[[transfer.Item], bool] | None:
        if part.table is not transfer.RECORDS:
            return None
        kind, id_ = part.table.names.index("collection"), part.table.names.index("id")
        wanted = collection.encode()

        def is_one(item: transfer.Item) -> bool:
            return (
                isinstance(item, transfer.Row)
                and item.fields[kind] == wanted
                and unwanted(from_stored((item.fields[id_] or b"").decode()))
            )

        return is_one

    return of_part
