"""What was erased somewhere: of a memory that is carried, which rows that concerns.

A person who is gone had everything erased that is older than that; what is newer, they have written since, there or
elsewhere. Of single things their marks are known, whenever they were erased: a conversation that was forgotten lives on
with what was said in it elsewhere.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property

from capsa import from_stored, transfer
from stoic_emperor.hosting import HOUSE
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.legacy.tables import ERASED, MESSAGES, USERS, rows_of
from stoic_emperor.memory.erased import PERSON, mark_of, read_event
from stoic_emperor.memory.put_aside import PutAside
from stoic_emperor.memory.recall import EPISODIC, SEMANTIC
from stoic_emperor.memory.things import Thing

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

#: A person, the kind of a thing of theirs, and its mark (`memory.erased`).
Entry = tuple[str, str, str]

#: Table or collection -> the column with what a thing of it belongs to, and the one with its time, as of a `Thing`.
_OF = {"messages": "session_id", "semantic_insights": "source_message_id", EPISODIC: "session_id"}
_AT = {"condensed_summaries": "period_start"}


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

    def about(self, people: Iterable[str]) -> Erasures:
        """Those of some people."""
        names = set(people)
        events = {self._events.get(mark_of(user_id)) for user_id in names}
        return Erasures(
            frozenset(e for e in self.entries if e[0] in names or (e[:2] == (HOUSE, PERSON) and e[2] in events))
        )

    def of(self, user_id: str) -> OfPerson | None:
        """Those of one person, if there are any."""
        event, marks = self._events.get(mark_of(user_id)), self._marks.get(user_id)
        return OfPerson(event, marks or {}) if event or marks else None

    @cached_property
    def _events(self) -> dict[str, str]:
        """The mark of each person who is gone -> how that was noted, the last time."""
        found = [(read_event(mark), mark) for user, kind, mark in self.entries if (user, kind) == (HOUSE, PERSON)]
        return {mark: event for (mark, _), event in sorted(found, key=lambda one: one[0][1])}

    @cached_property
    def _marks(self) -> dict[str, dict[str, set[str]]]:
        found: dict[str, dict[str, set[str]]] = {}
        for user, kind, mark in self.entries:
            if user != HOUSE:
                found.setdefault(user, {}).setdefault(kind, set()).add(mark)
        return found


@dataclass(slots=True)
class Living:
    """What of somebody's was not erased, where that is not told by a thing alone."""

    messages: set[str] = field(default_factory=set)
    #: Conversations in which some of these are.
    sessions: set[str] = field(default_factory=set)

    def add(self, message: Thing) -> None:
        self.messages.add(message.id)
        self.sessions.add(message.of or "")


@dataclass(frozen=True)
class OfPerson:
    """What one person had erased."""

    #: As it was noted, if they were erased as a whole.
    event: str | None
    #: Kind -> marks of single things.
    marks: Mapping[str, AbstractSet[str]]

    @cached_property
    def gone(self) -> dt.datetime | None:
        """When all of theirs was erased that there was."""
        return None if self.event is None else read_event(self.event)[1]

    def living(self, things: Iterable[Thing]) -> Living:
        """What lives on of all these."""
        living = Living()
        for thing in things:
            if thing.kind == "messages":
                self.see(thing, living)
        return living

    def see(self, message: Thing, living: Living) -> None:
        """Note a message that lives on, if that decides what else does."""
        decides = self.gone is not None or self._has("sessions", message.of)
        if decides and not self.is_erased(message, living):
            living.add(message)

    def is_erased(self, thing: Thing, living: Living) -> bool:
        """Whether a thing is, beside what lives on of the same person's."""
        if thing.kind == "sessions":
            return thing.id not in living.sessions and (self.gone is not None or self._has("sessions", thing.id))
        if self._has(thing.kind, thing.id):
            return True
        if thing.kind == EPISODIC:
            with_talk = self.gone is not None or self._has("sessions", thing.of)
            return self._has("messages", thing.id) or (with_talk and thing.id not in living.messages)
        if thing.kind in {"messages", "semantic_insights", "condensed_summaries", SEMANTIC}:
            taken_from = {"semantic_insights": ("messages", thing.of), SEMANTIC: ("semantic_insights", thing.id)}
            return self._is_older(thing) or self._has(*taken_from.get(thing.kind, ("", None)))
        # A portrait is of everything; and who has nothing left needs no account.
        return self.gone is not None and (thing.kind == "profiles" or not living.messages)

    def _is_older(self, thing: Thing) -> bool:
        return self.gone is not None and (thing.at is None or thing.at < self.gone)

    def _has(self, kind: str, id_: str | None) -> bool:
        return id_ is not None and kind in self.marks and mark_of(id_) in self.marks[kind]

    def has_one_of(self, named: Iterable[tuple[str, str]]) -> bool:
        """Whether one of these kinds and ids is erased by itself."""
        return any(self._has(kind, id_) for kind, id_ in named)


class Unwanted:
    """Says which rows of a source were erased. For `capsa.transfer.leaving_out`."""

    def __init__(self, source: transfer.Source, erasures: Erasures) -> None:
        """Who has come back there since, and what of a conversation lives on there, is read at once.

        Args:
            erasures: elsewhere.
        """
        users = users_at(source)
        self._erasures = erasures.but_for(users)
        self._of: dict[str, OfPerson | None] = {}
        self._living: dict[str, Living] = {}
        if any(entry[1] in {PERSON, "sessions"} for entry in self._erasures.entries):
            self._read_living(source)

    def __call__(self, part: transfer.Part) -> Callable[[transfer.Item], bool]:
        columns = _Columns(part.table)

        def is_erased(item: transfer.Item) -> bool:
            if isinstance(item, transfer.Refused):
                return self._has(PutAside.of(part.name, item.content))
            if part.table.name == "capsa_quarantine":
                return self._has(PutAside.of(columns.text(item, "part") or "", columns.bytes(item, "content")))
            user_id = columns.owner(item)
            of_person = self._of_person(user_id)
            return of_person is not None and of_person.is_erased(
                columns.thing(item), self._living.get(user_id) or Living()
            )

        return is_erased

    def _read_living(self, source: transfer.Source) -> None:
        columns = _Columns(MESSAGES)
        for row in rows_of(source, MESSAGES):
            user_id = columns.owner(row)
            if (of_person := self._of_person(user_id)) is not None:
                of_person.see(columns.thing(row), self._living.setdefault(user_id, Living()))

    def _of_person(self, user_id: str) -> OfPerson | None:
        if user_id not in self._of:
            self._of[user_id] = self._erasures.of(user_id)
        return self._of[user_id]

    def _has(self, row: PutAside) -> bool:
        """Whether somebody erased what a row is about that was put aside; of those who may have, if it names nobody."""
        people = {id_ for kind, id_ in row.named if kind == PERSON}
        them = [self._of_person(user_id) for user_id in people or {user for user, _, _ in self._erasures.entries}]
        return any(one is not None and ((people and one.gone) or one.has_one_of(row.named)) for one in them)


class _Columns:
    """Reads what matters here of the rows of one table."""

    def __init__(self, table: transfer.Table) -> None:
        self._table = table
        self._places = {name: place for place, name in enumerate(table.names)}
        self._owner = next((name for name in ("user_id", "owner") if name in self._places), table.names[0])

    def owner(self, row: transfer.Row) -> str:
        return self.text(row, self._owner) or ""

    def thing(self, row: transfer.Row) -> Thing:
        kind = (self.text(row, "collection") or "") if self._table is transfer.RECORDS else self._table.name
        at = self.time(row, _AT.get(kind, "created_at"))
        return Thing(kind, self.text(row, "id") or "", self.text(row, _OF.get(kind, "")), at)

    def text(self, row: transfer.Row, column: str) -> str | None:
        found = row.fields[self._places[column]] if column in self._places else None
        return None if found is None else from_stored(found.decode())

    def bytes(self, row: transfer.Row, column: str) -> bytes:
        return row.fields[self._places[column]] or b""

    def time(self, row: transfer.Row, column: str) -> dt.datetime | None:
        if column not in self._places or (found := row.fields[self._places[column]]) is None:
            return None
        return _EPOCH + dt.timedelta(microseconds=int(transfer.unpack(transfer.Kind.TIME, found) or 0))


def _is_before(event: str, known: Mapping[str, dt.datetime]) -> bool:
    mark, at = read_event(event)
    return mark in known and at < known[mark]


def erased_in(database: Database) -> Erasures:
    """What was erased in a database of ours."""
    with database.engine.maintain() as tx:
        rows = tx.execute(database.statement("all_erased"))
    return Erasures(frozenset((from_stored(user), kind, mark) for user, kind, mark in rows))


def erased_at(source: transfer.Source) -> Erasures:
    """What was erased where a source comes from; nothing, if that is no database of ours."""
    return Erasures(frozenset(map(entry_of, rows_of(source, ERASED))))


def entry_of(row: transfer.Row) -> Entry:
    """What a row of the table of erasures notes."""
    columns = _Columns(ERASED)
    return columns.owner(row), columns.text(row, "kind") or "", columns.text(row, "mark") or ""


def users_at(source: transfer.Source) -> dict[str, dt.datetime]:
    """Who is known where a source comes from, and since when; nobody, if that is no database of ours."""
    if not any(part.table.name == ERASED.name for part in source.parts):
        return {}
    columns = _Columns(USERS)
    return {columns.owner(row): columns.time(row, "created_at") or _EPOCH for row in rows_of(source, USERS)}


def people_at(source: transfer.Source) -> frozenset[str]:
    """Everybody whose memory a source brings."""
    columns = _Columns(USERS)
    return frozenset(columns.owner(row) for row in rows_of(source, USERS))
