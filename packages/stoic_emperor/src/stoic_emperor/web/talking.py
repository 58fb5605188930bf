"""Beginning, stopping and ending replies: what has to be so before a model is asked, and what is done afterwards."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fastapi import HTTPException

import capsa
from stoic_emperor.companion import Event, Failed
from stoic_emperor.companion.beginning import Beginning, begin_reply
from stoic_emperor.errors import NotFound
from stoic_emperor.hosting import HOUSE
from stoic_emperor.hosting.tallies import Tallies
from stoic_emperor.hosting.usage import Usage
from stoic_emperor.hosting.waiting import Waiting
from stoic_emperor.models import Message, Role, Session, now
from stoic_emperor.safety.disclosure import notice_due
from stoic_emperor.text import plain_line
from stoic_emperor.web.turn import Turn
from stoic_emperor.web.turns import Turns
from stoic_emperor.web.wording import ELSEWHERE, NO_CONVERSATION

if TYPE_CHECKING:
    from stoic_emperor.application import Application
    from stoic_emperor.companion import Companion
    from stoic_emperor.infrastructure.person import Person
    from stoic_emperor.safety import Verdict
    from stoic_emperor.web.worker import Worker

log = logging.getLogger(__name__)

#: Of the metadata of a conversation: when it was last said there that this is a program.
_NOTICED = "noticed_at"
#: Seconds that a reply of the library waits for it, while a first start reads it in: less than makes it seem cut off.
_FILLING = 25.0
#: Messages among which the last thing that somebody said is looked for.
_LOOKED_AT = 20
#: Letters of a title that is made of the first words.
_TITLE = 60

WENT_ON = "this conversation went on elsewhere since: reload it to see what came; nothing was changed"
MODEL_FAILED = "the model did not answer: wait a little, and ask again"
USED_UP = (
    "today's {most} replies are used up, so that the model stays affordable for all: "
    "reading, searching and looking back go on, and from midnight (UTC) there are as many again"
)

#: The same of what takes several calls; and where a whole day has fewer.
NOT_ENOUGH = (
    "this may take {n} calls of the model, and of today's {most} replies {left} are left: "
    "from midnight (UTC) there are as many again"
)
NEVER_ENOUGH = (
    "this may take {n} calls of the model, and a day has {most} replies here: whoever keeps this server can allow more"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants answered."""

    #: None for a new conversation.
    session_id: str | None = None
    #: What they say; None to have the last thing they said answered anew.
    text: str | None = None
    #: What they said, which is to be forgotten with all after it.
    instead_of: str | None = None
    #: The last thing they said there, as far as they know; None if they mean whatever it is.
    last_said: str | None = None


class Talking:
    """The replies of one process."""

    def __init__(self, application: Application, worker: Worker) -> None:
        """Nobody speaks yet."""
        self.turns = Turns(lambda: application.database, self._ended)
        self._application = application
        self._worker = worker
        self._companion: Companion | None = None
        #: Done when the library can be drawn on; None if nobody fills it.
        self.filling: asyncio.Task[None] | None = None
        self._most = application.configuration.settings.web.daily_replies

    @property
    def _longest(self) -> dt.timedelta:
        # The second look, and the reply itself.
        return dt.timedelta(seconds=2 * self._application.configuration.settings.models.timeout + 30)

    async def begin(self, user_id: str, asked: Asked) -> Turn:
        """Have something answered.

        Raises:
            NotFound: there is no such conversation, or message in it.
            HTTPException: 409, the conversation is being answered; 429, too much of the day or at once.
        """
        person = self._application.database.person(user_id)
        if asked.session_id is None:
            # What is refused leaves no empty conversation.
            self.turns.check(user_id)
            session, beginning, notice = await asyncio.to_thread(self._begun, person, asked.text or "")
            turn = self.turns.open(user_id, session)
            turn.beginning, turn.notice = beginning, notice
        else:
            session = await asyncio.to_thread(_existing, person, asked)
            if asked.instead_of is not None:
                await self.turns.stop(user_id, session.id)
            before = self.turns.of(user_id, session.id)
            turn = self.turns.open(user_id, session)
            try:
                await asyncio.to_thread(self._prepare, person, turn, asked, before)
            except BaseException:
                self.turns.close(turn)
                raise
        events = self._answered(turn)
        if self._application.configuration.ways_in != ("single",):
            events = _without_addresses(events)
        self.turns.run(turn, events)
        return turn

    async def _answered(self, turn: Turn) -> AsyncGenerator[Event, None]:
        """The reply to what is stored already: at a process' start, what gives it may still have to be loaded."""
        if self._companion is None:
            self._companion = await asyncio.to_thread(lambda: self._application.companion)
        companion = self._companion
        if self.filling is not None and not self.filling.done() and self._application.model is None:
            # Else the first thing that anybody is told is that nothing in it comes close.
            await asyncio.wait({self.filling}, timeout=_FILLING)
        if turn.beginning is None:
            events = companion.again(turn.user_id, turn.session.id)
        else:
            events = companion.answer(turn.user_id, turn.beginning)
        async with aclosing(events):
            async for event in events:
                yield event

    async def erase(self, user_id: str, session_id: str | None = None) -> None:
        """See to it that nothing comes of replies under way to what is about to be erased: all, or one conversation."""
        if session_id is None:
            await self.turns.stop_all(user_id)
        else:
            await self.turns.stop(user_id, session_id, erased=True)

    def take(self, person: Person, n: int = 1, *, tx: capsa.Transaction | None = None) -> None:
        """Count ``n`` calls of a model.

        Args:
            tx: a transaction of the person to take part in.

        Raises:
            HTTPException: 429, they are not left today; 409, no day has so many.
        """
        usage = Usage(self._application.database)
        if self._application.model is None or usage.take(person.user_id, self._most, n, tx=tx):
            return
        if n > max(1, self._most):
            raise HTTPException(409, NEVER_ENOUGH.format(n=n, most=self._most))
        again = {"Retry-After": str(usage.seconds_left())}
        if n == 1:
            raise HTTPException(429, USED_UP.format(most=self._most), again)
        left = self._most - usage.today(person.user_id)
        raise HTTPException(429, NOT_ENOUGH.format(n=n, most=self._most, left=left), again)

    # Steps, each in a thread

    def _begun(self, person: Person, text: str) -> tuple[Session, Beginning, str | None]:
        """A new conversation with its first words, both or neither."""
        at = now()
        verdict = self._application.desk.before(text)
        with person.writing() as tx:
            self.take(person, tx=tx)
            session = person.begin_session(
                title=title_of(text), metadata={_NOTICED: at.isoformat()}, created_at=at, tx=tx
            )
            beginning = _said(person, session.id, text, verdict, tx)
            self._wait(person, tx)
        return session, beginning, notice_due(None, at)

    def _prepare(self, person: Person, turn: Turn, asked: Asked, before: Turn | None) -> None:
        """Go on with a conversation, of which ``before`` was the last turn here.

        All of it or nothing: what was refused or failed is still in its box, and what it was to replace is still there.
        """
        verdict = None if asked.text is None else self._application.desk.before(asked.text)
        with person.writing() as tx:
            _refuse_if_it_went_on(person, asked, tx)
            self.take(person, tx=tx)
            other = person.reply_under_way(turn.session.id, tx=tx)
            if other is not None and before is not None and before.reply is not None and other.id == before.reply.id:
                # Of this process none is under way: its end could not be kept.
                person.stop_replies(turn.session.id, tx=tx)
            elif other is not None:
                raise HTTPException(409, ELSEWHERE)
            if asked.instead_of is not None:
                self._application.forgetting(person).message(asked.instead_of, and_after=True, tx=tx)
            turn.session, turn.notice = _noticed(person, turn.session.id, asked.text, tx)
            if asked.text is not None and verdict is not None:
                turn.beginning = _said(person, turn.session.id, asked.text, verdict, tx)
            self._wait(person, tx)
        if asked.instead_of is not None:
            self._application.database.scrub()

    def _wait(self, person: Person, tx: capsa.Transaction) -> None:
        """Have the turn analysed in any case: kept before the model is asked, so a crash loses nothing.

        The last thing of ``tx``, which goes on as the house's.
        """
        if self._application.model is not None:
            tx.rebind(HOUSE)
            Waiting(self._application.database).put(person.user_id, "reflect", self._longest, tx=tx)

    def _ended(self, turn: Turn) -> None:
        if not turn.erased:
            self._worker.note(lambda tx: self._note(turn, tx))

    def _note(self, turn: Turn, tx: capsa.Transaction) -> None:
        database = self._application.database
        if self._application.model is not None:
            Waiting(database).put(turn.user_id, "reflect", tx=tx)
        Tallies(database).count("failed replies" if turn.failure else "replies", tx=tx)


def _said(person: Person, session_id: str, text: str, verdict: Verdict, tx: capsa.Transaction) -> Beginning:
    """Store what somebody says, with the empty reply: nobody else answers in that conversation."""
    said = person.add_message(Message(session_id=session_id, role=Role.USER, content=text), tx=tx)
    return Beginning(said, verdict, begin_reply(person, said, verdict, (), tx))


def title_of(text: str) -> str:
    """The first words of what was said, as a title."""
    words = plain_line(text)
    if len(words) <= _TITLE:
        return words
    return words[:_TITLE].rsplit(" ", 1)[0].rstrip(" ,;:.–-") + "…"


def _existing(person: Person, asked: Asked) -> Session:
    session = person.session(asked.session_id or "")
    if session is None:
        raise NotFound(NO_CONVERSATION)
    if asked.instead_of is not None:
        message = person.message(asked.instead_of)
        if message is None or message.session_id != session.id or message.role != Role.USER:
            raise NotFound("there is no such message of yours in this conversation: reload it")
    with person.reading() as tx:
        _refuse_if_it_went_on(person, asked, tx)
    return session


def _refuse_if_it_went_on(person: Person, asked: Asked, tx: capsa.Transaction) -> None:
    """What somebody does not see is neither replaced nor forgotten with what they see."""
    if asked.last_said is None:
        return
    last = person.last_messages(asked.session_id or "", _LOOKED_AT, tx=tx)
    said = [message.id for message in last if message.role == Role.USER]
    if asked.last_said not in said[-1:]:
        raise HTTPException(409, WENT_ON)


def _noticed(person: Person, session_id: str, text: str | None, tx: capsa.Transaction) -> tuple[Session, str | None]:
    """The conversation as it is now, with a title; and what has to be said of this being a program, if it is due."""
    session = person.session(session_id, tx=tx)
    if session is None:
        raise NotFound("there is no such conversation any more: begin a new one")
    at = now()
    last = session.metadata.get(_NOTICED)
    notice = notice_due(dt.datetime.fromisoformat(last) if isinstance(last, str) else None, at)
    title = session.title or title_of(text or "") or None
    if notice is None and title == session.title:
        return session, None
    metadata = {**session.metadata, **({_NOTICED: at.isoformat()} if notice else {})}
    return person.rename_session(session_id, title, metadata=metadata, tx=tx), notice


async def _without_addresses(events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    """What is wrong with a model's server names hosts and models: that is for whoever keeps this one."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Failed) and not event.is_for_everybody:
                log.warning("no reply: %s", event.message)
                yield replace(event, message=MODEL_FAILED)
            else:
                yield event
