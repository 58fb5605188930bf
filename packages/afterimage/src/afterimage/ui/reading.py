"""What the pages list of a memory: sessions, files, versions and days, a page at a time."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from afterimage.churn import FileChurn
from afterimage.churn.edits import edits_by_file
from afterimage.churn.reading import change_of
from afterimage.churn.tiers import MONTH
from afterimage.entries import CHURN_EDITS, COLLECTION
from capsa import Record, from_stored, named_statements, to_stored

if TYPE_CHECKING:
    from afterimage.churn.edits import Change
    from afterimage.churn.exclusions import Exclusions
    from afterimage.retrieval.where import Where
    from afterimage.storage import StorageBackend
    from capsa import Filter

T = TypeVar("T")

#: Characters of an entry's beginning that are read for a list.
_HEAD = 400
#: Projects that can be chosen from.
_PROJECTS = 200
#: Of how many files the edits are counted, and of how many entries, to find those that change most.
_HOT_FILES, _HOT_ENTRIES = 60, 4_000
#: How many entries are looked through for those of one project.
_DEPTHS = (50, 500, 5_000)
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands in every list: by its time, and of those of one time by its arrival."""

    at: dt.datetime
    seq: int

    def __str__(self) -> str:
        return f"{(self.at - _BEGINNING) // _MICROSECOND}.{self.seq}"

    @classmethod
    def read(cls, text: str) -> Place | None:
        """What `str` gave; None for anything else."""
        micros, _, seq = text.partition(".")
        try:
            return cls(_BEGINNING + int(micros) * _MICROSECOND, int(seq))
        except (ValueError, OverflowError):
            return None


_BEGINNING = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
FIRST = Place(dt.datetime(1, 1, 2, tzinfo=dt.UTC), 0)
LAST = Place(dt.datetime(9999, 12, 30, tzinfo=dt.UTC), 1 << 62)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """An entry in a list, as it is stored: what is shown of it is to be cleaned."""

    id: str
    path: str
    session: str
    place: Place
    #: The beginning of its code, and how long all of it is.
    head: str
    length: int
    facts: Mapping[str, Any]

    @classmethod
    def of(cls, record: Record) -> Self:
        """A record as a row, whose place among others of its time is not known."""
        return cls(
            id=record.id,
            path=record.path or "",
            session=record.session_id or "",
            place=Place(record.created_at, 0),
            head=record.text[:_HEAD],
            length=len(record.text),
            facts=record.metadata,
        )

    @property
    def at(self) -> dt.datetime:
        """When it was written."""
        return self.place.at

    def fact(self, key: str) -> str:
        """What was noted of it under this key, if that is a text."""
        return fact(self.facts, key)


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """A session or a file in a list."""

    #: The session's id, or the path.
    name: str
    #: The id of the entry that came last: by it the group is named in addresses, which then say nothing of it.
    entry: str
    place: Place
    first: dt.datetime
    entries: int
    files: int
    project: str

    @property
    def last(self) -> dt.datetime:
        """When it was written in last."""
        return self.place.at


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list, and behind which place the next one begins; None if there is none."""

    items: Sequence[T]
    next: Place | None = None


@dataclass(frozen=True, slots=True)
class ProjectCount:
    """A project that entries name."""

    id: str
    name: str
    entries: int


class Catalogue:
    """Lists of one memory. Safe to share between threads."""

    def __init__(self, backend: StorageBackend) -> None:
        """Nothing is read yet."""
        self._backend = backend
        self._projects: tuple[object, list[ProjectCount]] = (None, [])

    def sessions(self, behind: Place = LAST, limit: int = 25) -> Page[Group]:
        """Sessions, the one written in last first."""
        return self._groups("sessions", behind, limit)

    def files(self, part: str = "", behind: Place = LAST, limit: int = 50) -> Page[Group]:
        """Files whose path contains ``part``, in any case, the one written last first."""
        escaped = "".join(f"!{c}" if c in "!%_" else c for c in to_stored(part.lower()))
        return self._groups("files", behind, limit, pattern=f"%{escaped}%")

    def of_session(self, session: str, behind: Place = FIRST, limit: int = 40) -> Page[Row]:
        """The entries of a session in their order."""
        return self._rows("of_session_after", session, behind, limit)

    def of_file(self, path: str, behind: Place = LAST, limit: int = 40) -> Page[Row]:
        """The entries of a file, newest first."""
        return self._rows("of_file_before", path, behind, limit)

    def around(self, kind: str, name: str, place: Place, each: int) -> tuple[Sequence[Row], Sequence[Row]]:
        """So many entries of a ``"session"`` or a ``"file"`` before a place and after it, each in their order."""
        before = self._rows(f"of_{kind}_before", name, place, each).items
        return list(reversed(before)), self._rows(f"of_{kind}_after", name, place, each).items

    def latest(self, where: Where, limit: int, only: Filter | None = None) -> list[Row]:
        """The newest entries of some projects, of which something holds; at most so many entries deep."""
        found: list[Row] = []
        for fetch in _DEPTHS:
            records = self._backend.collection.recent(fetch, only)
            found = [Row.of(record) for record in records if where.holds(record)][:limit]
            if len(found) >= limit or len(records) < fetch:
                break
        return found

    def place(self, id_: str) -> Place:
        """Where the entry with this id stands, which exists."""
        ((at, seq),) = self._ask("place", id=to_stored(id_))
        return Place(self._backend.database.datetime(at), seq)

    def ids(self, kind: str, name: str) -> list[str]:
        """The ids of all entries of a ``"session"`` or a ``"file"``, in their order."""
        return [from_stored(id_) for (id_,) in self._ask(f"ids_of_{kind}", name=to_stored(name))]

    def days(self, first: dt.date, last: dt.date) -> dict[dt.date, int]:
        """Day, in UTC -> how many entries; without those that have none."""
        since, until = (_midnight(day) for day in (first, last + dt.timedelta(days=1)))
        time = self._backend.database.time
        rows = self._ask_dialect("days", since=time(since), until=time(until))
        return {_EPOCH + dt.timedelta(days=int(day)): count for day, count in rows}

    def projects(self) -> list[ProjectCount]:
        """The projects with most entries, in their order; read anew when entries have come or gone."""
        stamp = self._ask("stamp")[0]
        known, found = self._projects
        if known != stamp:
            rows = self._ask_dialect("projects", limit=_PROJECTS)
            found = [ProjectCount(str(id_), from_stored(str(name or id_)), count) for id_, name, count in rows]
            self._projects = stamp, found
        return found

    def hotspots(self, exclusions: Exclusions, limit: int = 12, now: dt.datetime | None = None) -> list[FileChurn]:
        """The files that change most, by the edits of 30 days, hottest first.

        Counted as `afterimage hotspots` does it, of the files with most entries in that time only.
        """
        now = now or dt.datetime.now(dt.UTC)
        changes = [change for name in (COLLECTION, CHURN_EDITS) for change in self._changes(name, now - MONTH)]
        found = [FileChurn.of(path, edits, now) for path, edits in edits_by_file(changes).items() if edits]
        hot = [file for file in found if file.score > 0 and file.file_path not in exclusions]
        return sorted(hot, key=lambda file: (-file.score, file.file_path))[:limit]

    def _changes(self, collection: str, since: dt.datetime) -> Iterator[Change]:
        database = self._backend.database
        rows = self._ask(
            "often_written",
            collection=collection,
            since=database.time(since),
            files=_HOT_FILES,
            limit=_HOT_ENTRIES,
        )
        for id_, path, session, at, metadata in rows:
            record = Record(
                id=from_stored(id_),
                # In place of a content whose hash was not noted: what is told twice is not recognised then.
                text=id_,
                path=from_stored(path),
                session_id=from_stored(session or ""),
                metadata=json.loads(from_stored(metadata)),
                created_at=database.datetime(at),
            )
            if change := change_of(record, collection):
                yield change

    def _groups(self, statement: str, behind: Place, limit: int, **more: Any) -> Page[Group]:
        database = self._backend.database
        rows = self._ask(statement, at=database.time(behind.at), seq=behind.seq, limit=limit + 1, **more)
        found = [
            Group(
                name=from_stored(name),
                entry=from_stored(id_),
                place=Place(database.datetime(last), seq),
                first=database.datetime(first),
                entries=entries,
                files=files,
                project=_project(json.loads(from_stored(metadata))),
            )
            for last, seq, entries, first, id_, name, metadata, files in rows
        ]
        return _page(found, limit, lambda group: group.place)

    def _rows(self, statement: str, name: str, behind: Place, limit: int) -> Page[Row]:
        database = self._backend.database
        rows = self._ask(
            statement,
            name=to_stored(name),
            at=database.time(behind.at),
            seq=behind.seq,
            limit=limit + 1,
            head=_HEAD,
        )
        found = [
            Row(
                id=from_stored(id_),
                path=from_stored(path or ""),
                session=from_stored(session or ""),
                place=Place(database.datetime(at), seq),
                head=from_stored(head),
                length=length,
                facts=json.loads(from_stored(metadata)),
            )
            for id_, path, session, at, seq, head, length, metadata in rows
        ]
        return _page(found, limit, lambda row: row.place)

    def _ask(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self._execute(named_statements(__package__)[statement], parameters)

    def _ask_dialect(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        dialect = self._backend.database.dialect
        return self._execute(named_statements(__package__, f"{dialect}.sql")[statement], parameters)

    def _execute(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        with self._backend.database.read(self._backend.owner) as tx:
            return tx.execute(sql, {"owner": self._backend.owner, "collection": COLLECTION, **parameters})


def fact(facts: Mapping[str, Any], key: str) -> str:
    """What was noted under this key, if that is a text."""
    value = facts.get(key)
    return value if isinstance(value, str) else ""


def _project(facts: Mapping[str, Any]) -> str:
    return fact(facts, "project_name") or fact(facts, "project")


def _page(found: list[T], limit: int, place: Any) -> Page[T]:
    more = len(found) > limit
    items = found[:limit]
    return Page(items, place(items[-1]) if more else None)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
