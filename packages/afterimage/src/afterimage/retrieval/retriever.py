"""Finds what answers a question in the memory, and makes it fit to be shown."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from afterimage.chunking.choosing import like, units_of
from afterimage.chunking.units import Unit
from afterimage.entries import AUTHOR
from afterimage.finding import Match, find
from afterimage.hook import recall
from afterimage.hybrid_search import Asked, relevance, words_asked
from afterimage.retrieval.amending import amended, newest_first
from afterimage.retrieval.groups import grouped
from afterimage.retrieval.items import Found, Item, Other
from afterimage.retrieval.lookup import find_record
from afterimage.retrieval.showing import redactor_of
from afterimage.retrieval.standing import NOTE, Shown, standings
from afterimage.retrieval.where import Where

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from capsa import Filter, Hit, Record

#: How many are looked at first, and at most, for those of the right project.
_FIRST = 40
_MOST = 2_560
#: Seconds to wait for who is writing the recall index; without it, only what is the same by its marks is missed.
_PATIENCE = 2.0
#: How near code must be to code, where no mark is shared: of code, which has many words, some are in anything.
_LEAST_ALIKE = 0.5
#: How near in meaning an answer must be that has not all words of the question, and how near one of them that the
#: asker need not be warned. Measured on CoSQA's questions and on identifiers (docs/search.md).
_LEAST_NEAR, _NEAR = 0.25, 0.4
_NOWHERE = Where()
_FAR = (
    "Nothing found is near to the question in meaning ({nearest:.2f} at most): these share words with it, and "
    "probably do not answer it."
)
_WHY = {"identical": "the same code", "alike": "nearly the same code", "related": "shares rare names"}


@dataclass(frozen=True, slots=True)
class _Answer:
    """An entry that is to be shown."""

    record: Record
    #: Why it was found, and the part of its code that answers.
    why: str = ""
    near: str = ""
    #: How near it is to the question, where that is known, and whether it just shares a word with it.
    nearness: float | None = None
    far: bool = False
    #: What stands in for it where answers that are nearly the same are one: the unit that was found.
    compared: str = ""
    unit: Callable[[], Unit | None] = lambda: None


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

    def search(
        self,
        query: str,
        where: Where,
        limit: int = 5,
        path: str | None = None,
        *,
        session: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> Found:
        """What answers ``query`` by words and by meaning, best first; only what the rest holds for.

        Raises:
            capsa.CapsaError: the memory cannot be searched; the message says why.
        """
        from capsa import Filter

        only = Filter(path=path, session_id=session, since=since, until=until)
        groups, notes = self._matching(query, where, limit, least=self._threshold, only=only)
        if groups and all(answer.far for group in groups for answer in group):
            nearest = max(answer.nearness or 0.0 for group in groups for answer in group)
            notes = (*notes, _FAR.format(nearest=nearest))
        return Found(self._items(groups, limit, where), notes)

    def similar(self, code: str, where: Where, limit: int = 5) -> Found:
        """What is like ``code``: first the same and nearly the same by their marks, then by meaning.

        Raises:
            capsa.CapsaError: the memory cannot be searched; the message says why.
        """
        found = self._by_marks(code, where, limit)
        notes: tuple[str, ...] = ()
        if len(grouped(found, _compared)) < limit:
            more, notes = self._matching(code, where, limit, least=_LEAST_ALIKE)
            known = {answer.record.id for answer in found}
            found += [answer for group in more for answer in group if answer.record.id not in known]
        return Found(self._items(grouped(found, _compared), limit, where), notes)

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
        return Found(self._items([list(map(_Answer, records)) for records in files.values()], limit, where))

    def one(self, given: str, where: Where = _NOWHERE) -> Item:
        """The entry with the id ``given``, or the only one whose id begins with it.

        Raises:
            EntryNotFound: none has, or several have.
        """
        return self._items([[_Answer(find_record(self._backend, given))]], 1, where)[0]

    def _matching(
        self, query: str, where: Where, limit: int, *, least: float, only: Filter | None = None
    ) -> tuple[list[list[_Answer]], tuple[str, ...]]:
        """Groups that answer ``query`` well enough, and what limited the search."""
        asked = words_asked(query)
        for fetch in _steps():
            result = find(self._backend, query, fetch, where=only or None)
            answers = [
                _matched(match, asked)
                for match in result.found
                if where.holds(match.record) and _answers(match.hit, asked, least)
            ]
            groups = grouped(answers, _compared)
            if len(groups) >= limit or result.every:
                break
        return groups, result.notes

    def _by_marks(self, code: str, where: Where, limit: int) -> list[_Answer]:
        found: list[recall.Entry] = []
        with self._index() as index, contextlib.suppress(recall.Unreadable):
            found = index.near(code, lambda entry: where.has(entry.project, entry.path), limit) if index else []
        records = self._backend.collection.get_many([entry.id for entry in found])
        return [_marked(records[entry.id], entry.kind, code) for entry in found if entry.id in records]

    @contextlib.contextmanager
    def _index(self) -> Iterator[recall.Recall | None]:
        index = recall.open_index(str(self._directory), lambda: False, _PATIENCE)
        try:
            yield index
        finally:
            if index is not None:
                index.close()

    def _items(self, groups: Sequence[Sequence[_Answer]], limit: int, where: Where) -> tuple[Item, ...]:
        """The first ``limit`` groups, each by its newest, as it may be shown."""
        redact = self.redactor()
        # What was found may be an older one that is nearly the same.
        ordered = [sorted(group, key=_written, reverse=True) for group in groups]
        later = amended(self._backend, [(group[0].record, group[0].nearness) for group in ordered])
        ordered = newest_first(ordered, lambda group: group[0].record.id, later)[:limit]
        shown = [Shown(group[0].record, group[0].unit()) for group in ordered]
        with self._index() as index:
            standing = standings(self._backend, index, shown, where.path_here)
        return tuple(
            _item(group, one.unit, standing[one.record.id] or _perhaps(later, one.record.id), redact)
            for group, one in zip(ordered, shown, strict=True)
        )

    def redactor(self) -> Callable[[str], str]:
        """Takes out of a text what is not to be shown or stored."""
        return redactor_of(self._directory)


def _steps() -> Iterator[int]:
    """How many to ask for, until enough are of the right project."""
    fetch = _FIRST
    while fetch <= _MOST:
        yield fetch
        fetch *= 4


def _answers(hit: Hit, asked: Asked, least: float) -> bool:
    """Whether ``hit`` is relevant enough, and near enough: a word in common says little of what is far in meaning."""
    return relevance(hit, asked) >= least and not _far(hit, asked, min(_LEAST_NEAR, least))


def _far(hit: Hit, asked: Asked, near: float) -> bool:
    """Whether ``hit`` is known to be farther from the question than ``near``, and has not all that was asked for."""
    return hit.semantic_score is not None and hit.semantic_score < near and relevance(hit, asked) < 1.0


def _matched(match: Match, asked: Asked) -> _Answer:
    compared = match.nearest.text if match.nearest else match.record.text
    near = _lines_with_words(match.hit)
    far = _far(match.hit, asked, _NEAR)
    return _Answer(match.record, match.hit.reason, near, match.hit.semantic_score, far, compared, match.shown)


def _marked(record: Record, kind: str, code: str) -> _Answer:
    if kind == "identical":
        return _Answer(record, _WHY[kind], compared=record.text)

    def unit() -> Unit | None:
        return like(units_of(record.path or "", record.text), code)

    return _Answer(record, _WHY[kind], code, compared=record.text, unit=unit)


def _compared(answer: _Answer) -> str:
    return answer.compared or answer.record.text


def _written(answer: _Answer) -> tuple[dt.datetime, str]:
    return answer.record.created_at, answer.record.id


def _perhaps(later: Mapping[str, str], id_: str) -> str:
    return f"perhaps SUPERSEDED by {later[id_]}, a later note that is near to it" if id_ in later else ""


def _lines_with_words(hit: Hit) -> str:
    words = [word.lower() for word in hit.words]
    return "\n".join(line for line in hit.record.text.split("\n") if any(word in line.lower() for word in words))


def _item(group: Sequence[_Answer], unit: Unit | None, standing: str, redact: Callable[[str], str]) -> Item:
    answer = next((one for one in group if one.why), group[0])
    shown = group[0].record
    facts = {key: value for key, value in shown.metadata.items() if isinstance(value, str)}
    code = redact(shown.text)
    return Item(
        id=shown.id,
        path=redact(shown.path or ""),
        code=code,
        why=redact(answer.why),
        at=shown.created_at,
        session=shown.session_id or "",
        author=redact(facts.get(AUTHOR, "")),
        project=facts.get("project_name") or facts.get("project", ""),
        branch=redact(facts.get("branch", "")),
        change=facts.get("change", ""),
        standing=standing,
        context=redact(shown.context or ""),
        unit=_clean(unit, shown.text, code, redact),
        near=answer.near,
        others=tuple(Other(one.record.id, redact(one.record.path or ""), one.record.created_at) for one in group[1:]),
    )


def _clean(unit: Unit | None, text: str, clean: str, redact: Callable[[str], str]) -> Unit | None:
    """``unit`` without secrets, cut out of what is clean: half a key is not known for one."""
    if unit is None or clean.count("\n") != text.count("\n"):
        return None
    lines = clean.split("\n")[unit.first - 1 : unit.last]
    return Unit(redact(unit.name), unit.kind, unit.first, unit.last, "\n".join(lines))
