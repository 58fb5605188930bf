"""What was erased in one place does not come back from another.

Rows that a target has erased are left out of what is carried there, unless the source knows of it, or a person has come
back there after they were erased here: then what it holds was written since. What only a source knows to be erased is
erased in the target before anything is carried there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from capsa import from_stored, transfer
from stoic_emperor.hosting import HOUSE
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.legacy.tables import ERASED, USERS
from stoic_emperor.memory.erased import PERSON, mark_of
from stoic_emperor.memory.forgetting import Forgetting
from stoic_emperor.memory.put_aside import PutAside
from stoic_emperor.memory.recall import EPISODIC, SEMANTIC, Recall

STAYS = "erased here before, and stays so (--bring-back-erased brings it back)"

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

#: A person, the kind of a thing of theirs, and its mark (`memory.erased`).
Entry = tuple[str, str, str]

#: Table or collection -> the kinds of things without which a row is none, and the columns that name them.
_NEEDS = {
    "sessions": (("sessions", "id"),),
    "messages": (("messages", "id"), ("sessions", "session_id")),
    "semantic_insights": (("semantic_insights", "id"), ("messages", "source_message_id")),
    "condensed_summaries": (("condensed_summaries", "id"),),
    "profiles": (("profiles", "id"),),
    EPISODIC: ((EPISODIC, "id"), ("messages", "id"), ("sessions", "session_id")),
    SEMANTIC: ((SEMANTIC, "id"), ("semantic_insights", "id")),
}


@dataclass(frozen=True)
class Erasures:
    """Some of what was erased somewhere."""

    entries: frozenset[Entry]

    def __sub__(self, other: Erasures) -> Erasures:
        return Erasures(self.entries - other.entries)

    def __or__(self, other: Erasures) -> Erasures:
        return Erasures(self.entries | other.entries)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def but_for(self, users: Mapping[str, dt.datetime]) -> Erasures:
        """Without the erasures of people who have come back since, to where they have been known since then."""
        known = {mark_of(user_id): since for user_id, since in users.items()}
        came_back = {entry for entry in self.entries if entry[:2] == (HOUSE, PERSON) and _is_before(entry[2], known)}
        return Erasures(self.entries - came_back)

    @cached_property
    def people(self) -> dict[str, str]:
        """The mark of each person who is gone -> how that was noted."""
        return {mark.partition(" ")[0]: mark for user, kind, mark in self.entries if (user, kind) == (HOUSE, PERSON)}

    @cached_property
    def things(self) -> dict[str, dict[str, set[str]]]:
        """Person -> kind -> the marks of what they had erased."""
        found: dict[str, dict[str, set[str]]] = {}
        for user, kind, mark in self.entries:
            if user != HOUSE:
                found.setdefault(user, {}).setdefault(kind, set()).add(mark)
        return found

    def unwanted(self, part: transfer.Part) -> Callable[[transfer.Item], bool]:
        """Says which rows of a part of a source were erased: all of a person who is gone, and single things."""
        gone = _Gone(self.people)
        places = {name: place for place, name in enumerate(part.table.names)}
        whose = next((places[name] for name in ("user_id", "owner") if name in places), 0)

        def is_erased(item: transfer.Item) -> bool:
            if isinstance(item, transfer.Refused):
                return self._has(PutAside.of(part.name, item.content), gone)
            if part.table.name == "capsa_quarantine":
                content = item.fields[places["content"]] or b""
                return self._has(PutAside.of(_text(item.fields[places["part"]]), content), gone)
            user = _text(item.fields[whose])
            if user in gone:
                return True
            if user not in self.things:
                return False
            kind = _text(item.fields[places["collection"]]) if part.table is transfer.RECORDS else part.table.name
            needed = ((thing, _text(item.fields[places[column]])) for thing, column in _NEEDS.get(kind, ()))
            return self._are_erased(user, needed)

        return is_erased

    def _are_erased(self, user: str, things: Iterable[tuple[str, str]]) -> bool:
        marks = self.things.get(user, {})
        return any(id_ and kind in marks and mark_of(id_) in marks[kind] for kind, id_ in things)

    def _has(self, row: PutAside, gone: _Gone) -> bool:
        """Whether somebody erased what a row is about that was put aside; of those who may have, if it names nobody."""
        people = {id_ for kind, id_ in row.named if kind == PERSON}
        return any(user in gone or self._are_erased(user, row.named) for user in people or self.things)


class _Gone:
    """Whether a person is gone, hashed once each."""

    def __init__(self, marks: Collection[str]) -> None:
        self._marks = marks
        self._known: dict[str, bool] = {}

    def __contains__(self, user: str) -> bool:
        if user not in self._known:
            self._known[user] = mark_of(user) in self._marks
        return self._known[user]


def _is_before(event: str, known: Mapping[str, dt.datetime]) -> bool:
    mark, _, at = event.partition(" ")
    return mark in known and dt.datetime.fromisoformat(at) < known[mark]


def _text(field: transfer.Field) -> str:
    return "" if field is None else from_stored(field.decode())


def erased_in(database: Database) -> Erasures:
    """What was erased in a database of ours."""
    with database.engine.maintain() as tx:
        rows = tx.execute(database.statement("all_erased"))
    return Erasures(frozenset((from_stored(user), kind, mark) for user, kind, mark in rows))


def erased_at(source: transfer.Source) -> Erasures:
    """What was erased where a source comes from; nothing, if that is no database of ours."""
    return Erasures(frozenset(_entries(source)))


def _entries(source: transfer.Source) -> Iterator[Entry]:
    for row in _rows(source, ERASED):
        user, kind, mark = map(_text, row.fields)
        yield user, kind, mark


def users_at(source: transfer.Source) -> dict[str, dt.datetime]:
    """Who is known where a source comes from, and since when; nobody, if that is no database of ours."""
    if not any(part.table.name == ERASED.name for part in source.parts):
        return {}
    id_, since = USERS.names.index("id"), USERS.names.index("created_at")
    moments = (
        (_text(row.fields[id_]), transfer.unpack(transfer.Kind.TIME, row.fields[since])) for row in _rows(source, USERS)
    )
    return {user: _EPOCH + dt.timedelta(microseconds=int(at or 0)) for user, at in moments}


def _rows(source: transfer.Source, table: transfer.Table) -> Iterator[transfer.Row]:
    for part in source.parts:
        for planned in source.plan(part) if part.table.name == table.name else ():
            for items in source.read(part, planned.first, planned.last):
                yield from (item for item in items if isinstance(item, transfer.Row))


def people_at(source: transfer.Source) -> frozenset[str]:
    """Everybody whose memory a source brings."""
    id_ = USERS.names.index("id")
    return frozenset(_text(row.fields[id_]) for row in _rows(source, USERS))


def erase_too(database: Database, erasures: Erasures, people: frozenset[str] = frozenset()) -> int:
    """Erase in a database what was erased elsewhere, and scrub its files; how many rows and records that were.

    Args:
        people: who may have something there beside those who are known there.
    """
    done = 0
    # Once, in the end: it takes as long as the whole file is large.
    database.scrub_later(lambda: ())
    known = {user.id: user.created_at for user in database.users()}
    erasures = erasures.but_for(known)
    for user_id in sorted(known.keys() | people):
        forgetting = Forgetting(database.person(user_id), Recall(database.store, user_id))
        event = erasures.people.get(mark_of(user_id))
        if event is not None:
            done += sum(forgetting.everything(event).erased.values())
        for kind, marks in sorted(erasures.things.get(user_id, {}).items()):
            done += sum(forgetting.marked(kind, marks).erased.values())
    if done:
        database.engine.scrub()
    return done
