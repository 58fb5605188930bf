"""The library: what there is, reading, searching."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated

from fastapi import Query

from stoic_emperor.errors import NotFound
from stoic_emperor.library import Passage
from stoic_emperor.web.access import Adult
from stoic_emperor.web.routes.common import Here, Id, for_persons, troubles

router = for_persons("library")

Name = Annotated[str | None, Query(max_length=500)]
Most = Annotated[int, Query(ge=1, le=100)]


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkShape:
    """A work of the library."""

    author: str | None
    work: str | None
    passages: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PassageShape:
    """A passage of the library."""

    id: str
    #: "text", or "reflection": what the author says there in other words.
    kind: str
    text: str
    title: str | None
    author: str | None
    work: str | None
    place: str | None
    source: str | None
    reference: str
    #: Why it was found.
    reason: str

    @classmethod
    def of(cls, passage: Passage) -> PassageShape:
        """As it is kept."""
        return cls(
            id=passage.id,
            kind=passage.kind.value,
            text=passage.text,
            title=passage.title,
            author=passage.author,
            work=passage.work,
            place=passage.place,
            source=passage.source,
            reference=passage.reference,
            reason=passage.reason,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PassagesShape:
    """Part of the library."""

    passages: Sequence[PassageShape]
    #: Whether there are others after these.
    more: bool = False
    #: What limited a search.
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceShape:
    """A passage in its place."""

    passage: PassageShape
    before: Sequence[PassageShape]
    after: Sequence[PassageShape]


@router.get("/library/works")
def works(_: Adult, here: Here) -> list[WorkShape]:
    """What there is, by author and work."""
    return [WorkShape(author=w.author, work=w.work, passages=w.passages) for w in here.application.library.works()]


@router.get("/library")
def browse(
    _: Adult,
    here: Here,
    author: Name = None,
    work: Name = None,
    skip: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Most = 20,
) -> PassagesShape:
    """The passages of an author, a work or all, in the order of the texts."""
    found = list(islice(here.application.library.browse(author, work), skip, skip + limit + 1))
    return PassagesShape(passages=[PassageShape.of(p) for p in found[:limit]], more=len(found) > limit)


@router.get("/library/search")
def search(
    _: Adult,
    here: Here,
    q: Annotated[str, Query(max_length=2_000)],
    limit: Most = 10,
    author: Name = None,
    work: Name = None,
) -> PassagesShape:
    """The passages that fit, the best first."""
    if not q.strip():
        return PassagesShape(passages=[])
    found = here.application.library.search(q, limit, author=author, work=work)
    return PassagesShape(passages=[PassageShape.of(p) for p in found], notes=found.notes)


@router.get("/library/passages/{passage_id}", responses=troubles(404))
def passage(passage_id: Id, _: Adult, here: Here) -> PlaceShape:
    """A passage, and what stands around it."""
    library = here.application.library
    found = library.get(passage_id)
    if found is None:
        raise NotFound("there is no such passage in the library, or no more: GET /api/library lists what there is")
    before, after = library.around(found)
    return PlaceShape(
        passage=PassageShape.of(found),
        before=[PassageShape.of(p) for p in before],
        after=[PassageShape.of(p) for p in after],
    )
