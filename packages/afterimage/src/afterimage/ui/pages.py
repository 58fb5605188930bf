"""The pages: what each shows of the memory. What changes something is in `afterimage.ui.app`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from afterimage.chunking.cutting import cut
from afterimage.churn.exclusions import Exclusions
from afterimage.entries import StorageEntry
from afterimage.hook import answers
from afterimage.retrieval.amending import newest_first
from afterimage.retrieval.lookup import find_record
from afterimage.retrieval.retriever import Retriever
from afterimage.retrieval.where import Where
from afterimage.ui import pictures
from afterimage.ui.reading import FIRST, LAST, Catalogue, Place, Row, fact
from afterimage.ui.rendering import Rendering, Standing
from afterimage.ui.versions import Versions, compared
from capsa import Filter

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import HTMLResponse

    from afterimage.retrieval.items import Item
    from afterimage.storage import StorageBackend

#: The last day of the first timeline there is.
_EARLIEST = dt.date(1970, 12, 31)
#: Results of a search on one page, and after one has asked for more.
_RESULTS, _MOST_RESULTS = 10, 40
#: Lines of code of a result, and how many of them stand before the first that has the words.
_PEEK, _BEFORE = 14, 2
#: Lines of code on one page.
LINES = 1_200
#: Characters of a search.
_MOST_QUERY = 4_000
#: Neighbours of an entry that are shown, before it and after it.
_AROUND = 4


@dataclass(frozen=True, slots=True)
class Hit:
    """A result of a search: the item, and the part of its code that is shown."""

    item: Item
    code: str
    #: The first line of it in what was written.
    first: int


@dataclass(frozen=True, slots=True)
class Sought:
    """What a search looks for, as it was typed."""

    q: str = ""
    path: str = ""
    project: str = ""
    session: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Sought:
        """What an address says."""
        names = ("q", "path", "project", "session", "since", "until")
        return cls(*(given.get(name, "").strip()[:_MOST_QUERY] for name in names))

    @property
    def where(self) -> Where:
        """The projects to look in."""
        if not self.project:
            return Where((), everywhere=True)
        return Where.of_project(self.project)

    @property
    def times(self) -> tuple[dt.datetime | None, dt.datetime | None]:
        """From the beginning of the first day to the end of the last."""
        since, until = _midnight(self.since), _midnight(self.until)
        return since, until + dt.timedelta(days=1) if until else None


class Pages:
    """Shows one memory. Safe to share between threads."""

    def __init__(
        self,
        backend: StorageBackend,
        directory: Path,
        rendering: Rendering,
        *,
        threshold: float,
        exclusions: Sequence[str],
    ) -> None:
        """Nothing is opened yet.

        Args:
            directory: AfterImage's folder.
            threshold: the least relevance of a result.
            exclusions: files that are no hotspots.
        """
        self._backend = backend
        self._retriever = Retriever(backend, directory, threshold=threshold)
        self.catalogue = Catalogue(backend)
        self._versions = Versions(backend, self.catalogue)
        self._rendering = rendering
        self._exclusions = exclusions

    def overview(self, request: Request) -> HTMLResponse:
        """What there is: how much, when it was written, what changes most."""
        stats = self._backend.stats()
        today = dt.datetime.now(dt.UTC).date()
        newest = dt.datetime.fromisoformat(stats.newest_entry).date() if stats.newest_entry else today
        latest = min(newest, today) if (today - newest).days >= pictures.DAYS else today
        asked = _midnight(query(request).get("until", ""))
        last = max(min(asked.date(), latest), _EARLIEST) if asked else latest
        first = last - dt.timedelta(days=pictures.DAYS - 1)
        return self._rendering.page(
            "overview.html",
            here="overview",
            stats=stats,
            oldest=dt.datetime.fromisoformat(stats.oldest_entry).date() if stats.oldest_entry else None,
            timeline=pictures.timeline(self.catalogue.days(first, last), last),
            latest=latest,
            hotspots=self.catalogue.hotspots(Exclusions(self._exclusions)),
            projects=self.catalogue.projects()[:8],
            sessions=self.catalogue.sessions(limit=6).items,
            where=str(self._backend.url.path or self._backend.url),
        )

    def search(self, request: Request) -> HTMLResponse:
        """What answers a question; without one, what was written last."""
        given = query(request)
        sought = Sought.of(given)
        more = given.get("more") == "1"
        limit = _MOST_RESULTS if more else _RESULTS
        since, until = sought.times
        items: Sequence[Item] = ()
        notes: Sequence[str] = ()
        rows: Sequence[Row] = ()
        if sought.q:
            found = self._retriever.search(
                sought.q,
                sought.where,
                limit + 1,
                sought.path or None,
                session=sought.session or None,
                since=since,
                until=until,
            )
            items, notes = _newest_first(found.items), found.notes
        else:
            only = Filter(path=sought.path or None, session_id=sought.session or None, since=since, until=until)
            rows = self.catalogue.latest(sought.where, limit + 1, only or None)
        return self._rendering.page(
            "search.html",
            here="search",
            sought=sought,
            hits=[_hit(item) for item in items[:limit]],
            rows=rows[:limit],
            notes=notes,
            more=more,
            left=max(len(items), len(rows)) > limit,
            projects=self.catalogue.projects(),
        )

    def entry(self, request: Request) -> HTMLResponse:
        """One entry, what it replaced, and what is around it."""
        given = query(request)
        record = find_record(self._backend, given.get("id", ""))
        entry = StorageEntry.from_record(record)
        item = self._retriever.one(record.id)
        place = self.catalogue.place(record.id)
        code = item.code.replace("\r\n", "\n").removesuffix("\n").split("\n")
        first = _number(given.get("line", ""), 1, len(code))
        older, newer = self._around("file", entry.file_path, place)
        before, after = self._around("session", entry.session_id or "", place)
        clean = self._retriever.redactor()
        return self._rendering.page(
            "entry.html",
            here="",
            item=item,
            entry=entry,
            facts={
                name: fact(entry.metadata, name)
                for name in ("author", "client", "tool", "outcome", "commit", "moved_from")
            },
            code=code[first - 1 : first - 1 + LINES],
            first=first,
            more=first + LINES if first - 1 + LINES < len(code) else 0,
            replaced=compared(clean(entry.old_code), item.code) if entry.old_code else None,
            older=older,
            newer=newer,
            before=before,
            after=after,
            units=self._versions.units(record)[:60],
        )

    def compare(self, request: Request) -> HTMLResponse:
        """Two versions of a file, or of one unit in it."""
        given = query(request)
        records = [find_record(self._backend, given.get(name, "")) for name in ("a", "b")]
        old, new = sorted(records, key=lambda record: (record.created_at, record.id))
        unit = self._versions.unit(find_record(self._backend, given.get("of") or new.id), given.get("unit", ""))
        clean = self._retriever.redactor()
        texts = [clean(self._versions.text(record, unit)) for record in (old, new)]
        return self._rendering.page(
            "compare.html",
            here="",
            old=old,
            new=new,
            unit=unit,
            of=given.get("of", ""),
            number=given.get("unit", ""),
            difference=compared(*texts),
        )

    def sessions(self, request: Request) -> HTMLResponse:
        """All sessions."""
        page = self.catalogue.sessions(_behind(request, LAST))
        return self._rendering.page("sessions.html", here="sessions", page=page, first=_first(request))

    def session(self, request: Request) -> HTMLResponse:
        """One session, in its order."""
        given = query(request)
        record = find_record(self._backend, given.get("entry", ""))
        page = self.catalogue.of_session(record.session_id or "", _behind(request, FIRST))
        return self._rendering.page("session.html", here="sessions", record=record, page=page, first=_first(request))

    def files(self, request: Request) -> HTMLResponse:
        """All files."""
        part = query(request).get("path", "")[:_MOST_QUERY]
        page = self.catalogue.files(part, _behind(request, LAST))
        return self._rendering.page("files.html", here="files", page=page, part=part, first=_first(request))

    def file(self, request: Request) -> HTMLResponse:
        """The versions of a file, or of one unit in it."""
        given = query(request)
        record = find_record(self._backend, given.get("entry", ""))
        unit = self._versions.unit(record, given.get("unit", ""))
        page = self._versions.of(record, unit, _behind(request, LAST))
        return self._rendering.page(
            "file.html",
            here="files",
            record=record,
            page=page,
            unit=unit,
            number=given.get("unit", ""),
            first=_first(request),
        )

    def _around(self, kind: str, name: str, place: Place) -> tuple[Sequence[Row], Sequence[Row]]:
        return self.catalogue.around(kind, name, place, _AROUND) if name else ((), ())


def query(request: Request) -> dict[str, str]:
    """What an address says after its question mark; with lone surrogates, which ids may have."""
    text = request.scope["query_string"].decode("latin-1")
    try:
        return dict(parse_qsl(text, errors="surrogatepass"))
    except UnicodeDecodeError:
        return dict(parse_qsl(text, errors="replace"))


def _newest_first(items: Sequence[Item]) -> Sequence[Item]:
    """Best first, but an older version of what is there too only after that."""
    by_id = {item.id: item for item in items}
    later: dict[str, str] = {}
    for item in items:
        standing = Standing.of(item.standing)
        newer = by_id.get(standing.by) if standing else None
        # A later edit of one function is no version of the whole file, which another part may be found by.
        if newer is not None and newer.path == item.path and (names := _names(item)) and names <= _names(newer):
            later[item.id] = newer.id
    return newest_first(items, lambda item: item.id, later)


def _names(item: Item) -> set[str]:
    """Of the functions, methods and classes that are shown of an item."""
    return {unit.name for unit in ([item.unit] if item.unit else cut(item.path, item.code).units) if unit.name}


def _hit(item: Item) -> Hit:
    code, first = answers.part(item.unit.text if item.unit else item.code, item.near)
    lines, near = code.rstrip("\n").split("\n"), set(item.near.split("\n"))
    begin = next((n for n, line in enumerate(lines) if line.strip() and line in near), 0)
    begin = max(0, min(begin - _BEFORE, len(lines) - _PEEK))
    shown = "\n".join(lines[begin : begin + _PEEK])
    return Hit(item, shown, begin + first + (item.unit.first if item.unit else 1))


def _behind(request: Request, otherwise: Place) -> Place:
    return Place.read(query(request).get("behind", "")) or otherwise


def _first(request: Request) -> bool:
    return "behind" not in query(request)


def _number(text: str, least: int, most: int) -> int:
    return min(max(int(text), least), most) if text.isascii() and text.isdigit() and len(text) < 10 else least


def _midnight(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), dt.UTC)
    except ValueError:
        return None
