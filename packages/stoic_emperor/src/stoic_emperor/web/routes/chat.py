"""Talking: all at once, or as it is said."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Header, HTTPException, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from stoic_emperor.errors import NotFound
from stoic_emperor.web.access import Adult
from stoic_emperor.web.routes.common import Here, Id, for_persons, has_something, person_of, troubles
from stoic_emperor.web.streaming import EventStream
from stoic_emperor.web.talking import Asked
from stoic_emperor.web.wording import NO_CONVERSATION

router = for_persons("chat")

Words = Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"\S"), AfterValidator(has_something)]
_EVENT = {
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9]+$"},
        "event": {"enum": ["started", "help", "piece", "rendered", "finished", "failed"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events, numbered from 1; each says in JSON what happened.",
        "content": {"text/event-stream": {"schema": _EVENT}},
    }
}
_STREAMED: Any = {"status_code": 200, "response_class": EventStream, "responses": _EVENTS | troubles(404, 409)}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Said(_Body):
    """Something that is said."""

    message: Words
    #: Which conversation; without it, see the route.
    session_id: Annotated[str, Field(min_length=1, max_length=512)] | None = None


class Edit(_Body):
    """Other words in the place of what was said."""

    message_id: Annotated[str, Field(min_length=1, max_length=512)]
    message: Words
    #: Whether more may have been said since, which is forgotten then.
    and_after: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Help:
    """People to turn to; shown before anything else."""

    html: str
    #: Nothing was found in what was said; the second look failed.
    to_be_safe: bool = False
    #: The reply began to say what must not be said, and was stopped.
    reply_stopped: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A reply, whole."""

    response: str
    session_id: str
    message_id: str
    status: str
    help: Help | None
    #: Where the quotations in it stand.
    sources: Sequence[str]


@router.post("/chat", responses=troubles(404, 409))
async def chat(said: Said, identity: Adult, here: Here) -> Answer:
    """Say something and wait for the whole reply; without a session_id, in the conversation that was spoken in last."""
    session_id = said.session_id
    if session_id is None:
        latest = await asyncio.to_thread(person_of(here, identity).latest_spoken_session)
        session_id = None if latest is None else latest.id
    turn = await here.talking.begin(identity.user_id, Asked(session_id, said.message))
    await turn.ended()
    if turn.reply is None or (turn.failure is not None and not turn.reply.content):
        detail = turn.failure or "the reply was stopped before its first word"
        raise HTTPException(503, f"{detail}; what you wrote is kept")
    return Answer(
        response=turn.reply.content,
        session_id=turn.session.id,
        message_id=turn.reply.id,
        status=turn.reply.status.value,
        help=None if turn.help is None else Help(**turn.help),
        sources=turn.sources,
    )


@router.post("/chat/stream", **_STREAMED)
async def stream(said: Said, identity: Adult, here: Here) -> EventStream:
    """Say something and hear the reply as it comes; without a session_id, in a new conversation.

    Content-Location names where to go on hearing it.
    """
    turn = await here.talking.begin(identity.user_id, Asked(said.session_id, said.message))
    told = EventStream(turn)
    told.headers["Content-Location"] = f"/api/sessions/{quote(turn.session.id, safe='')}/stream"
    return told


@router.post("/sessions/{session_id}/again", **_STREAMED)
async def again(
    session_id: Id,
    identity: Adult,
    here: Here,
    said: Annotated[str | None, Query(min_length=1, max_length=512)] = None,
) -> EventStream:
    """Have the last thing that was said answered anew; the reply there is, is replaced.

    If ``said`` names what that was, and something else was said since, nothing is changed (409).
    """
    return EventStream(await here.talking.begin(identity.user_id, Asked(session_id, last_said=said)))


@router.post("/sessions/{session_id}/edit", **_STREAMED)
async def edit(session_id: Id, edited: Edit, identity: Adult, here: Here) -> EventStream:
    """Say something else in the place of what was said last; a reply under way is stopped first.

    If more was said since, nothing is changed (409), or with ``and_after`` that is forgotten.
    """
    last = None if edited.and_after else edited.message_id
    asked = Asked(session_id, edited.message, instead_of=edited.message_id, last_said=last)
    return EventStream(await here.talking.begin(identity.user_id, asked))


@router.get(
    "/sessions/{session_id}/stream",
    status_code=200,
    response_class=EventStream,
    responses=_EVENTS | troubles(404) | {204: {"description": "No reply is under way here: read the messages."}},
)
async def resume(
    session_id: Id,
    identity: Adult,
    here: Here,
    after: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> Response:
    """Go on hearing a reply, after the event with that number."""
    person = person_of(here, identity)
    if await asyncio.to_thread(person.session, session_id) is None:
        raise NotFound(NO_CONVERSATION)
    turn = here.talking.turns.of(identity.user_id, session_id)
    # What ended is kept a while for who was away, but not what was erased since, maybe by another process.
    if turn is None or (
        turn.over and turn.reply is not None and await asyncio.to_thread(person.message, turn.reply.id) is None
    ):
        return Response(status_code=204)
    if not after and last_event_id and last_event_id.isdecimal():
        after = int(last_event_id)
    return EventStream(turn, after)


@router.post("/sessions/{session_id}/stop", status_code=204, responses=troubles(404))
async def stop(session_id: Id, identity: Adult, here: Here) -> Response:
    """Stop the reply that is under way, in whatever process; what was said of it is kept."""
    if await asyncio.to_thread(person_of(here, identity).session, session_id) is None:
        raise NotFound(NO_CONVERSATION)
    await here.talking.turns.stop(identity.user_id, session_id)
    return Response(status_code=204)
