"""Finds what answers a question in the memory, and makes it fit to be shown."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from afterimage.hook import recall
from afterimage.hook.marker import without_private
from afterimage.hook.redaction import Redactor, compiled_name
from afterimage.hybrid_search import relevance, words_asked
from afterimage.retrieval.groups import grouped
from afterimage.retrieval.items import Found, Item, Other
from afterimage.retrieval.lookup import find_record
from afterimage.retrieval.standing import NOTE, standings

if TYPE_CHECKING:
    from afterimage.retrieval.where import Where
    from afterimage.storage import StorageBackend
    from capsa import Filter, Hit, Record

#: How many are looked at first, and at most, for those of the right project.
_FIRST = 40
_MOST = 2_560
#: Seconds to wait for who is writing the recall index; without it, only what is the same by its marks is missed.
_PATIENCE = 2.0
#: How near code must be to code, where no mark is shared: of code, which has many words, some are in anything.
_LEAST_ALIKE = 0.5
_WHY = {"identical": "the same code", "alike": "nearly the same code", "related": "shares rare names"}


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why an entry was found, and the part of its code that answers."""

    why: str = ""
    near: str = ""


class Retriever:
    """Answers questions from one memory. Safe to share between threads."""

    def __init__(self, backend: StorageBackend, directory: Path, *, threshold: float = 0.3) -> None:
        """Nothing is opened yet.

        Args:
            directory: AfterImage's folder, with the recall index.
            threshold: the least relevance of an answer, see `SearchResult.relevance_score`.
        """
        self._backend = backend
        self._directory = directory
        self._threshold = threshold

    def search(self, query: str, where: Where, limit: int = 5, path: str | None = None) -> Found:
        """What answers ``query`` by words and by meaning, best first.

        Raises:
            capsa.CapsaError: the memory cannot be searched; the message says why.
        """
        from capsa import Filter

        groups, notes, why = self._hits(query, where, limit, least=self._threshold, only=Filter(path=path))
        return Found(self._items(groups[:limit], why), notes)

    def similar(self, code: str, where: Where, limit: int = 5) -> Found:
        """What is like ``code``: first the same and nearly the same by their marks, then by meaning.

        Raises:
            capsa.CapsaError: the memory cannot be searched; the message says why.
        """
        found, why = self._by_marks(code, where, limit)
        notes: tuple[str, ...] = ()
        if len(grouped(found)) < limit:
            more, notes, others = self._hits(code, where, limit, least=_LEAST_ALIKE)
            found += [record for group in more for record in group if record.id not in why]
            why = others | why
        return Found(self._items(grouped(found)[:limit], why), notes)

    def recent(self, where: Where, limit: int = 10, path: str | None = None) -> Found:
        """The newest entry of each file that was written last, and the newest notes.

        Raises:
            capsa.CapsaError: the memory cannot be read; the message says why.
        """
        from capsa import Filter

        files: dict[str, list[Record]] = {}
        for fetch in _steps():
            records = self._backend.collection.recent(fetch, Filter(path=path) if path else None)
            files.clear()
            for record in filter(where.holds, records):
                key = record.id if record.metadata.get("change") == NOTE else record.path or record.id
                files.setdefault(key, []).append(record)
            if len(files) >= limit or len(records) < fetch:
                break
        return Found(self._items(list(files.values())[:limit], {}))

    def one(self, given: str) -> Item:
        """The entry with the id ``given``, or the only one whose id begins with it.

        Raises:
            EntryNotFound: none has, or several have.
        """
        return self._items([[find_record(self._backend, given)]], {})[0]

    def _hits(
        self, query: str, where: Where, limit: int, *, least: float, only: Filter | None = None
    ) -> tuple[list[list[Record]], tuple[str, ...], dict[str, _Reason]]:
        """Groups that answer ``query`` well enough, what limited the search, and why each was found."""
        asked = words_asked(query)
        for fetch in _steps():
            result = self._backend.collection.search(query, limit=fetch, filter=only or None)
            hits = [hit for hit in result.hits if where.holds(hit.record) and relevance(hit, asked) >= least]
            groups = grouped([hit.record for hit in hits])
            if len(groups) >= limit or len(result.hits) < fetch:
                break
        problem = self._backend.embedder_problem
        notes = (*result.notes, *([problem] if problem else []))
        return groups, notes, {hit.record.id: _Reason(hit.reason, _lines_with_words(hit)) for hit in hits}

    def _by_marks(self, code: str, where: Where, limit: int) -> tuple[list[Record], dict[str, _Reason]]:
        found: list[recall.Entry] = []
        with self._index() as index, contextlib.suppress(recall.Unreadable):
            found = index.near(code, lambda entry: where.has(entry.project, entry.path), limit) if index else []
        records = self._backend.collection.get_many([entry.id for entry in found])
        there = [entry for entry in found if entry.id in records]
        return [records[entry.id] for entry in there], {
            entry.id: _Reason(_WHY[entry.kind], "" if entry.kind == "identical" else code) for entry in there
        }

    @contextlib.contextmanager
    def _index(self) -> Iterator[recall.Recall | None]:
        index = recall.open_index(str(self._directory), lambda: False, _PATIENCE)
        try:
            yield index
        finally:
            if index is not None:
                index.close()

    def _items(self, groups: Sequence[Sequence[Record]], why: Mapping[str, _Reason]) -> tuple[Item, ...]:
        redact = self.redactor()
        ordered = [sorted(group, key=lambda one: (one.created_at, one.id), reverse=True) for group in groups]
        with self._index() as index:
            standing = standings(self._backend, index, [records[0] for records in ordered])
        return tuple(
            # The newest is shown, and what was found may be an older one that is nearly the same.
            _item(records, next((why[one.id] for one in group if one.id in why), _Reason()), standing, redact)
            for group, records in zip(groups, ordered, strict=True)
        )

    def redactor(self) -> Callable[[str], str]:
        """Takes out of a text what is not to be shown or stored."""
        redact = Redactor(str(self._directory / "hook-state" / compiled_name()))
        return lambda text: redact(without_private(text))


def _steps() -> Iterator[int]:
    """How many to ask for, until enough are of the right project."""
    fetch = _FIRST
    while fetch <= _MOST:
        yield fetch
        fetch *= 4


def _lines_with_words(hit: Hit) -> str:
    words = [word.lower() for word in hit.words]
    return "\n".join(line for line in hit.record.text.split("\n") if any(word in line.lower() for word in words))


def _item(
    records: Sequence[Record], reason: _Reason, standing: Mapping[str, str], redact: Callable[[str], str]
) -> Item:
    shown = records[0]
    facts = {key: value for key, value in shown.metadata.items() if isinstance(value, str)}
    return Item(
        id=shown.id,
        path=redact(shown.path or ""),
        code=redact(shown.text),
        why=redact(reason.why),
        at=shown.created_at,
        session=shown.session_id or "",
        project=facts.get("project_name") or facts.get("project", ""),
        branch=redact(facts.get("branch", "")),
        change=facts.get("change", ""),
        standing=standing[shown.id],
        context=redact(shown.context or ""),
        near=reason.near,
        others=tuple(Other(record.id, redact(record.path or ""), record.created_at) for record in records[1:]),
    )
