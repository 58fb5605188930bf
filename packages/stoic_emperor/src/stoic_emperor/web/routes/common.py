"""What the routes share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic_core import PydanticCustomError

from stoic_emperor.infrastructure.person import Person
from stoic_emperor.text import plain_line
from stoic_emperor.web.access import caller
from stoic_emperor.web.identity import Identity
from stoic_emperor.web.limits import too_many
from stoic_emperor.web.state import Hosted, hosted

T = TypeVar("T")

Here = Annotated[Hosted, Depends(hosted)]

#: An id of ours: a UUID, or, of what was brought along, whatever an earlier program chose.
Id = Annotated[str, Path(min_length=1, max_length=512)]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Every error: what happened, and what to do."""

    detail: str
    #: With contacts in `detail`, as what was said shows that somebody may be in danger: `detail` without them, and they
    #: as HTML with links.
    reason: str | None = None
    help: str | None = None


_MEANINGS = {
    400: "The body is no JSON, or cannot be read.",
    401: "Nobody is signed in.",
    403: "Signed in, but it is not for you, or not before something else is done.",
    404: "There is no such thing, or it is another person's.",
    409: "It cannot be done as things are.",
    413: "It is too large.",
    415: "It is of a kind that cannot be read.",
    422: "The request was not understood.",
    429: "Too much was asked for; Retry-After says when to come back.",
    503: "Something that is needed does not answer.",
}


def troubles(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for its description."""
    # By name: given as a model, it would be described in the type of the route's own answer, a stream for one.
    shape = {"application/json": {"schema": {"$ref": f"#/components/schemas/{Trouble.__name__}"}}}
    return {status: {"content": shape, "description": _MEANINGS[status]} for status in sorted(statuses)}


async def within_limits(identity: Annotated[Identity, Depends(caller)], here: Here) -> None:
    """The dependency of all routes that need a person.

    Raises:
        HTTPException: 429, they ask too often.
    """
    if seconds := here.limits.persons.take(identity.user_id):
        detail, headers = too_many(seconds)
        raise HTTPException(429, detail, headers)


def for_persons(tag: str) -> APIRouter:
    """A router of what needs a person."""
    return APIRouter(
        prefix="/api",
        tags=[tag],
        dependencies=[Depends(within_limits)],
        responses=troubles(400, 401, 403, 413, 422, 429, 503),
    )


def visible(line: str) -> str:
    """A name or a title without what is not seen; for models of requests.

    Raises:
        PydanticCustomError: nothing is left.
    """
    return plain_line(has_something(line))


def has_something(text: str) -> str:
    """``text`` as it is, if something of it can be seen.

    Raises:
        PydanticCustomError: nothing can.
    """
    if plain_line(text):
        return text
    raise PydanticCustomError("unseen", "nothing in this can be seen: it needs a letter, a digit or a sign")


def person_of(here: Hosted, identity: Identity) -> Person:
    """Who asks."""
    return here.application.database.person(identity.user_id)


async def erasing(here: Hosted, work: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """Erase something: one erasure at a time, for each takes two connections of the few there are."""
    async with here.erasing:
        return await asyncio.to_thread(work, *arguments, **options)
