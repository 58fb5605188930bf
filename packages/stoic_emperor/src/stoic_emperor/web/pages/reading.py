"""The library: what there is, what is found in it, and a passage in its place."""

from __future__ import annotations

from itertools import groupby, islice
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from capsa import Mode
from stoic_emperor.web.access import Visitor
from stoic_emperor.web.pages.templating import page
from stoic_emperor.web.state import Hosted, hosted

router = APIRouter()

_SHOWN = 40
_FOUND = 20

NO_PASSAGE = "There is no such passage, or it was taken off the shelf."


@router.get("/library")
def shelf(
    request: Request,
    identity: Visitor,
    hosted: Annotated[Hosted, Depends(hosted)],
    *,
    q: str = "",
    author: str | None = None,
    work: str | None = None,
    skip: int = 0,
) -> Response:
    """Authors and works, the passages of one of them, or what is found."""
    library = hosted.application.library
    query, skip = q.strip()[:200], max(0, min(skip, 1_000_000))
    passages: list[Any] = []
    by_words = False
    if query:
        found = library.search(query, _FOUND)
        passages, by_words = list(found), found.mode is Mode.LEXICAL
    elif author or work:
        passages = list(islice(library.browse(author, work), skip, skip + _SHOWN + 1))
    works = [] if query or author or work else library.works()
    return page(
        request,
        "library.html",
        identity,
        query=query,
        by_words=by_words,
        author=author,
        work=work,
        passages=passages[:_SHOWN],
        authors=[(name, list(of)) for name, of in groupby(works, key=lambda work: work.author)],
        skip=skip,
        size=_SHOWN,
        more=len(passages) > _SHOWN,
        turn=lambda to: _query(author=author, work=work, skip=max(0, to) or None),
        works_query=_of,
    )


@router.get("/library/{passage_id}")
def passage(
    passage_id: str, request: Request, identity: Visitor, hosted: Annotated[Hosted, Depends(hosted)]
) -> Response:
    """A passage, with what stands before and after it."""
    library = hosted.application.library
    found = library.get(passage_id)
    if found is None:
        raise HTTPException(404, NO_PASSAGE)
    before, after = library.around(found)
    return page(
        request, "passage.html", identity, passage=found, before=before, after=after, works_query=_of, here="/library"
    )


def _of(passage: Any) -> str:
    return _query(author=passage.author, work=passage.work)


def _query(**values: Any) -> str:
    return urlencode({name: value for name, value in values.items() if value is not None})
