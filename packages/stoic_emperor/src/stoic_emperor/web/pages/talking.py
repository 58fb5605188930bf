"""The conversation, and those that were."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from stoic_emperor.infrastructure.person import Person
from stoic_emperor.memory.finding import find_conversations
from stoic_emperor.models import Session
from stoic_emperor.safety.disclosure import AI_NOTICE, PURPOSE_NOTICE
from stoic_emperor.web.access import Visitor
from stoic_emperor.web.identity import Identity
from stoic_emperor.web.pages.templating import page
from stoic_emperor.web.rendering import render
from stoic_emperor.web.state import Hosted, hosted, hosted_of
from stoic_emperor.web.unfinished import settled
from stoic_emperor.web.wording import NO_CONVERSATION

router = APIRouter()

#: Messages that are shown of a long conversation, and conversations in the list, at once.
_SHOWN = 100
_LISTED = 30


@router.get("/")
def latest(request: Request, identity: Visitor, hosted: Annotated[Hosted, Depends(hosted)]) -> Response:
    """The conversation in which something was said last, or a new one."""
    person = hosted.application.database.person(identity.user_id)
    return _conversation(request, identity, person, person.latest_spoken_session())


@router.get("/chat")
def new(request: Request, identity: Visitor, hosted: Annotated[Hosted, Depends(hosted)]) -> Response:
    """A conversation that begins with the first word."""
    return _conversation(request, identity, hosted.application.database.person(identity.user_id), None)


@router.get("/chat/{session_id}")
def one(
    session_id: str,
    request: Request,
    identity: Visitor,
    hosted: Annotated[Hosted, Depends(hosted)],
    *,
    all: bool = False,
) -> Response:
    """A conversation, to read and to go on with."""
    person = hosted.application.database.person(identity.user_id)
    session = person.session(session_id)
    if session is None:
        raise HTTPException(404, NO_CONVERSATION)
    return _conversation(request, identity, person, session, most=None if all else _SHOWN)


def _conversation(
    request: Request, identity: Identity, person: Person, session: Session | None, most: int | None = _SHOWN
) -> Response:
    user = person.get()
    kept = []
    if session is not None:
        kept = person.messages(session.id) if most is None else person.last_messages(session.id, most + 1)
    earlier = most is not None and len(kept) > most
    shown = [
        {"id": m.id, "role": m.role, "status": m.status.value, "html": render(m.content)}
        for m in settled(hosted_of(request), person, kept[1:] if earlier else kept)
    ]
    return page(
        request,
        "chat.html",
        identity,
        session=session,
        messages=shown,
        earlier=earlier,
        name=user.name if user is not None else None,
        notice=AI_NOTICE,
        purpose=PURPOSE_NOTICE,
        here="/",
    )


@router.get("/history")
def history(
    request: Request,
    identity: Visitor,
    hosted: Annotated[Hosted, Depends(hosted)],
    *,
    q: str = "",
    skip: int = 0,
) -> Response:
    """What was talked about: a list, or what is found in it."""
    person = hosted.application.database.person(identity.user_id)
    query = q.strip()[:200]
    skip = max(0, min(skip, 1_000_000))
    listed = [] if query else person.sessions(_LISTED + 1, skip)
    return page(
        request,
        "history.html",
        identity,
        query=query,
        found=find_conversations(person, hosted.application.recall(identity.user_id), query) if query else [],
        sessions=[
            {
                "id": entry.session.id,
                "title": entry.session.title,
                "created_at": entry.session.created_at,
                "last_at": entry.last_at,
                "message_count": entry.messages,
            }
            for entry in listed[:_LISTED]
        ],
        total=person.sessions_since(None),
        skip=skip,
        size=_LISTED,
        more=len(listed) > _LISTED,
    )
