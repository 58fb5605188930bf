"""Conversations: listing, reading, naming, searching, exporting, erasing."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Annotated, Any, Literal

from fastapi import Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from stoic_emperor.errors import NotFound
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.memory.exporting import conversation_json, conversation_markdown
from stoic_emperor.memory.finding import find_conversations
from stoic_emperor.models import Session
from stoic_emperor.web.access import Adult
from stoic_emperor.web.routes.common import Here, Id, erasing, for_persons, person_of, troubles, visible
from stoic_emperor.web.routes.shapes import FoundShape, MessageShape, ReceiptShape, SessionShape
from stoic_emperor.web.unfinished import settled
from stoic_emperor.web.wording import NO_CONVERSATION

router = for_persons("conversations")

NO_MESSAGE = "there is no such message: reload the conversation"


class Title(BaseModel):
    """A name for a conversation."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S"), AfterValidator(visible)]


@router.post("/sessions")
def begin(identity: Adult, here: Here) -> SessionShape:
    """Begin a conversation."""
    session = person_of(here, identity).begin_session()
    return SessionShape.made(session, 0, session.created_at)


@router.get("/sessions")
def sessions(
    identity: Adult,
    here: Here,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    skip: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> list[SessionShape]:
    """One's conversations, the newest first."""
    return [SessionShape.of(listed) for listed in person_of(here, identity).sessions(limit, skip)]


@router.get("/sessions/{session_id}/messages", responses=troubles(404))
def messages(session_id: Id, identity: Adult, here: Here) -> list[MessageShape]:
    """All that was said in a conversation, in order."""
    person = person_of(here, identity)
    session = _session(person, session_id)
    return [MessageShape.of(message) for message in settled(here, person, person.messages(session.id))]


@router.patch("/sessions/{session_id}", responses=troubles(404))
def rename(session_id: Id, title: Title, identity: Adult, here: Here) -> SessionShape:
    """Give a conversation another name."""
    person = person_of(here, identity)
    _session(person, session_id)
    session = person.rename_session(session_id, title.title)
    kept = person.messages(session_id)
    return SessionShape.made(session, len(kept), kept[-1].created_at if kept else session.created_at)


@router.delete("/sessions/{session_id}", responses=troubles(404))
async def erase(session_id: Id, identity: Adult, here: Here) -> ReceiptShape:
    """Erase a conversation and all that came of it; a reply under way ends."""
    person = person_of(here, identity)
    await asyncio.to_thread(_session, person, session_id)
    await here.talking.erase(identity.user_id, session_id)
    return ReceiptShape.of(await erasing(here, here.application.forgetting(person).session, session_id))


@router.delete("/messages/{message_id}", responses=troubles(404))
async def erase_turn(message_id: Id, identity: Adult, here: Here) -> ReceiptShape:
    """Erase what was said and the reply to it, named by either, with all that came of it."""
    person = person_of(here, identity)
    message = await asyncio.to_thread(person.message, message_id)
    if message is None:
        raise NotFound(NO_MESSAGE)
    turn = here.talking.turns.of(identity.user_id, message.session_id)
    if turn is not None and not turn.over:
        await here.talking.turns.stop(identity.user_id, message.session_id)
    return ReceiptShape.of(await erasing(here, here.application.forgetting(person).message, message_id))


@router.get("/search")
def search(
    identity: Adult,
    here: Here,
    q: Annotated[str, Query(max_length=500)],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> list[FoundShape]:
    """One's conversations whose title has these words, or in which something like it was said."""
    person = person_of(here, identity)
    found = find_conversations(person, here.application.recall(identity.user_id), q, limit)
    return [FoundShape(**dataclasses.asdict(one)) for one in found]


_FILES: Any = {
    200: {
        "description": "A file.",
        "content": {"text/markdown": {"schema": {"type": "string"}}, "application/json": {"schema": {}}},
    }
}


@router.get("/sessions/{session_id}/export", response_class=Response, responses=_FILES | troubles(404))
def export(session_id: Id, identity: Adult, here: Here, format: Literal["markdown", "json"] = "markdown") -> Response:
    """One conversation as a file."""
    person = person_of(here, identity)
    session = _session(person, session_id)
    if format == "json":
        text, kind, suffix = conversation_json(person, session), "application/json", "json"
    else:
        text, kind, suffix = "".join(conversation_markdown(person, session)), "text/markdown; charset=utf-8", "md"
    name = f"conversation-{session.created_at:%Y-%m-%d}.{suffix}"
    return Response(
        text.encode("utf-8", "replace"),
        media_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _session(person: Person, session_id: str) -> Session:
    if (session := person.session(session_id)) is None:
        raise NotFound(NO_CONVERSATION)
    return session
