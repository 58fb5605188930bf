"""Replies under way. A turn runs by itself, not in the request that began it: its reader may go and come back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException

import capsa
from stoic_emperor.companion import Event, Failed, Finished, HelpShown, Piece, Started
from stoic_emperor.errors import StoicError
from stoic_emperor.models import Message, Role, Session, Status
from stoic_emperor.web.cards import card_html
from stoic_emperor.web.growing import Growing
from stoic_emperor.web.rendering import render
from stoic_emperor.web.streaming import encoded
from stoic_emperor.web.wording import CUT_OFF, ENDING, OUR_FAULT, STOPPED_EARLY, of_database

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.database import Database

log = logging.getLogger(__name__)

#: Seconds within which small pieces are sent together.
_TOGETHER = 0.05
#: Letters of Markdown that are rendered before a thread would have begun to.
_SHORT = 2_000
#: Seconds that an ended turn is kept for readers who were away.
KEPT = 120.0
#: Seconds that stopping waits for a turn that has not begun to speak: until then there is nothing to keep.
_BEGINNING = 2.0
#: Seconds after which a model that is silent makes us look whether its reply is still wanted.
_SILENCE = 1.0
#: Conversations in which a person is answered at once.
MOST_AT_ONCE = 3

STILL_SPEAKING = "the last message of this conversation is still being answered: wait for its end, or stop it"
TOO_MANY = f"{MOST_AT_ONCE} of your conversations are being answered just now: wait for one of them to end"


class Turn:
    """One reply under way, and all that was told of it."""

    def __init__(self, user_id: str, session: Session, said: Message | None = None, notice: str | None = None) -> None:
        """Nothing was told yet.

        Args:
            said: what is answered, as it is stored; None to answer anew what was said last.
            notice: that this is a program, where that is due.
        """
        self.user_id = user_id
        self.session, self.said = session, said
        #: The reply as it is kept in the end; None before, and if it was never stored.
        self.reply: Message | None = None
        #: What the person was shown beside: help, and where quotations stand.
        self.help: dict[str, Any] | None = None
        self.sources: tuple[str, ...] = ()
        #: Why there is no reply.
        self.failure: str | None = None
        #: Whether it was erased, so that nothing is analysed later; whether it is stopped because the process ends.
        self.erased = self.cut_off = False
        self.over = False
        self.started = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.moved_at = time.monotonic()
        self._stopping = self._unwanted = False
        self.notice = notice
        self._events: list[bytes] = []
        self._more = asyncio.Event()
        self._text = ""
        self._rendered = 0
        self._html = Growing()
        self._unsent: list[str] = []
        self._sent_at = 0.0
        self._sending: asyncio.TimerHandle | None = None

    # For readers

    def told_after(self, number: int) -> tuple[list[bytes], bool]:
        """The events after that number, and whether no others will come."""
        return self._events[number:], self.over

    async def more(self) -> None:
        """Wait until more was told, or it is over."""
        await self._more.wait()

    async def ended(self) -> None:
        """Wait for the end."""
        while not self.over:
            await self.more()

    # For what it tells

    async def take(self, event: Event) -> None:
        """Tell what happened."""
        self.moved_at = time.monotonic()
        match event:
            case Started(said, reply):
                self.reply = reply
                self.started.set()
                self._tell(
                    "started",
                    session={"id": self.session.id, "title": self.session.title},
                    said=await _heard(said),
                    reply={"id": reply.id},
                    notice=self.notice,
                )
            case HelpShown(card, to_be_safe=to_be_safe, reply_stopped=reply_stopped):
                self.help = {
                    "html": card_html(card),
                    "to_be_safe": to_be_safe,
                    "reply_stopped": reply_stopped,
                }
                self._tell("help", **self.help)
            case Piece(text):
                await self._piece(text)
            case Finished(reply, sources, passages):
                self.reply, self.sources = reply, sources
                shown = [
                    {
                        "id": p.id,
                        "author": p.author,
                        "work": p.work,
                        "place": p.place,
                        "credit": p.credit,
                        "text": p.text,
                    }
                    for p in passages
                ]
                told = _told(reply, await self._whole_html(reply))
                self._tell("finished", reply=told, sources=list(dict.fromkeys(sources)), passages=shown)
            case Failed(reply, message, _):
                self.reply = reply
                await self.fail(message)

    async def fail(self, detail: str) -> None:
        """Tell that there will be no more of the reply."""
        self.failure = detail
        told = None if self.reply is None else _told(self.reply, await self._whole_html(self.reply))
        said = None if self.said is None else await _heard(self.said)
        self._tell("failed", said=said, reply=told, detail=detail)

    async def stopped(self, reply: Message | None) -> None:
        """Tell that it was stopped, and what is kept of it."""
        self.reply = reply
        # A thread that renders may have been left behind, so this begins anew.
        self._html = Growing()
        if reply is None or self.cut_off:
            await self.fail(CUT_OFF if self.cut_off else STOPPED_EARLY)
        else:
            self._tell("finished", reply=_told(reply, await self._whole_html(reply)), sources=[], passages=[])

    def cancel(self) -> None:
        """Stop it, once: a second time would interrupt its end."""
        if self.task is not None and not self._stopping:
            self._stopping = True
            self.task.cancel()

    def unwanted(self, *, unwanted: bool) -> None:
        """Stop it if it was found unwanted twice: once may be its very end."""
        if unwanted and self._unwanted:
            self.cancel()
        self._unwanted = unwanted

    def end(self) -> None:
        """No more will be told."""
        self._send()
        self.over = True
        self._wake()

    async def _piece(self, text: str) -> None:
        self._text += text
        self._unsent.append(text)
        since = time.monotonic() - self._sent_at
        if since >= _TOGETHER:
            self._send()
        elif self._sending is None:
            self._sending = asyncio.get_running_loop().call_later(_TOGETHER - since, self._send)
        # Whole paragraphs only: half of one may yet turn out to be a list.
        upto = self._text.rfind("\n\n")
        if upto > self._rendered:
            html = await _rendered(self._html.html, self._text[:upto], upto - self._rendered)
            self._rendered = upto
            self._tell("rendered", html=html, upto=upto)

    async def _whole_html(self, reply: Message) -> str:
        return await _rendered(self._html.html, reply.content, len(reply.content) - self._rendered)

    def _send(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        if self._unsent:
            text, self._unsent = "".join(self._unsent), []
            self._sent_at = time.monotonic()
            self._add("piece", {"text": text})

    def _tell(self, event: str, **data: Any) -> None:
        self._send()
        self._add(event, data)

    def _add(self, event: str, data: dict[str, Any]) -> None:
        self._events.append(encoded(len(self._events) + 1, event, data))
        self._wake()

    def _wake(self) -> None:
        more, self._more = self._more, asyncio.Event()
        more.set()


def _note(error: Exception) -> None:
    """Its kind alone: what it says may hold what somebody wrote."""
    log.error("a reply ended early: %s", type(error).__name__)


def _told(reply: Message, html: str) -> dict[str, Any]:
    return {"id": reply.id, "status": reply.status.value, "html": html}


async def _heard(said: Message) -> dict[str, Any]:
    return {"id": said.id, "html": await _rendered(render, said.content, len(said.content))}


async def _rendered(how: Callable[[str], str], text: str, new: int) -> str:
    """Rendered at once, if ``new`` letters of it are few; in a thread what takes longer than others should wait."""
    return str(how(text) if new <= _SHORT else await asyncio.to_thread(how, text))


class Turns:
    """The replies under way in this process."""

    def __init__(self, database: Callable[[], Database], ended: Callable[[Turn], None]) -> None:
        """Nobody speaks yet.

        Args:
            database: asked for when it is needed.
            ended: what is to be done after each turn.
        """
        self._database = database
        self._ended = ended
        self._turns: dict[tuple[str, str], Turn] = {}
        self._watching: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    def of(self, user_id: str, session_id: str) -> Turn | None:
        """The turn of a conversation that is under way, or ended a short while ago."""
        return self._turns.get((user_id, session_id))

    def running(self) -> list[Turn]:
        """Those that are under way."""
        return [turn for turn in self._turns.values() if not turn.over]

    def open(self, user_id: str, session: Session, said: Message | None = None, notice: str | None = None) -> Turn:
        """Take the place of the one turn that a conversation may have at a time; `run` or `close` comes next.

        Raises:
            HTTPException: 409, it is taken; 429 and 503 as of `check`.
        """
        if any(turn.user_id == user_id and turn.session.id == session.id for turn in self.running()):
            raise HTTPException(409, STILL_SPEAKING)
        self.check(user_id)
        turn = Turn(user_id, session, said, notice)
        self._turns[user_id, session.id] = turn
        return turn

    def check(self, user_id: str) -> None:
        """Refuse another turn, before anything is stored for it.

        Raises:
            HTTPException: 429, the person is answered in too many conversations; 503, the process is about to end.
        """
        if self._ending is not None:
            raise HTTPException(503, ENDING, {"Retry-After": "30"})
        if sum(turn.user_id == user_id for turn in self.running()) >= MOST_AT_ONCE:
            raise HTTPException(429, TOO_MANY, {"Retry-After": "10"})

    def close(self, turn: Turn) -> None:
        """Give the place up: nothing will come of it."""
        turn.end()
        self._turns.pop((turn.user_id, turn.session.id), None)

    def run(self, turn: Turn, events: AsyncGenerator[Event, None]) -> None:
        """Let a turn speak, whoever listens."""
        turn.moved_at = time.monotonic()
        turn.task = asyncio.create_task(self._run(turn, events), name="turn")
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch(), name="turns")

    async def _run(self, turn: Turn, events: AsyncGenerator[Event, None]) -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    await turn.take(event)
        except asyncio.CancelledError:
            # Stopping a turn ends it in good order: what was shown is kept, and told.
            await turn.stopped(await asyncio.to_thread(self._stopped_reply, turn))
        except capsa.CapsaError as error:
            _note(error)
            await turn.fail(of_database(error))
        except StoicError as error:
            await turn.fail(str(error))
        except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever broke
            _note(error)
            await turn.fail(OUR_FAULT)
        finally:
            turn.end()
            asyncio.get_running_loop().call_later(KEPT, self._forget, turn)
            self._ended(turn)

    def _stopped_reply(self, turn: Turn) -> Message | None:
        person = self._database().person(turn.user_id)
        if turn.reply is not None:  # Before it begins, what is under way is somebody else's.
            person.stop_replies(turn.session.id)
        last = person.last_messages(turn.session.id, 1)
        return last[0] if last and last[0].role != Role.USER and last[0].status is not Status.STREAMING else None

    def _forget(self, turn: Turn) -> None:
        if self._turns.get((turn.user_id, turn.session.id)) is turn:
            del self._turns[turn.user_id, turn.session.id]

    # Stopping

    async def stop(self, user_id: str, session_id: str, *, erased: bool = False) -> None:
        """End the turn of a conversation, in whatever process it runs; what was shown is kept.

        Args:
            erased: it is about to be erased.
        """
        turn = self.of(user_id, session_id)
        if turn is not None and not turn.over:
            turn.erased = turn.erased or erased
            await self._stop(turn)
        else:
            await asyncio.to_thread(self._database().person(user_id).stop_replies, session_id)

    async def stop_all(self, user_id: str) -> None:
        """End all turns of somebody who is about to be erased; those of other processes find out by themselves."""
        mine = [turn for turn in self.running() if turn.user_id == user_id]
        for turn in mine:
            turn.erased = True
        await asyncio.gather(*map(self._stop, mine))

    async def _stop(self, turn: Turn) -> None:
        if turn.task is None:
            return
        if not turn.started.is_set():
            # Before the first word there is no reply to keep: a moment later there may be.
            beginning = asyncio.create_task(turn.started.wait())
            await asyncio.wait({beginning, turn.task}, timeout=_BEGINNING, return_when=asyncio.FIRST_COMPLETED)
            beginning.cancel()
        turn.cancel()
        await asyncio.wait({turn.task})

    def end(self, seconds: float) -> asyncio.Task[None]:
        """Begin no turn any more; let what is under way come to its end, for so long, and then stop it."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(seconds), name="ending")
        return self._ending

    async def _end(self, seconds: float) -> None:
        tasks = {turn.task for turn in self.running() if turn.task is not None}
        if tasks:
            log.info("waiting for %d replies to end", len(tasks))
            await asyncio.wait(tasks, timeout=seconds)
        for turn in (left := self.running()):
            turn.cut_off = True
        await asyncio.gather(*map(self._stop, left))
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        """Look after turns whose model is silent: nobody else would find out that they are wanted no more."""
        while running := self.running():
            await asyncio.sleep(_SILENCE)
            quiet = [turn for turn in running if not turn.over and time.monotonic() - turn.moved_at >= _SILENCE]
            if quiet:
                for turn, unwanted in await asyncio.to_thread(self._looked_at, quiet):
                    turn.unwanted(unwanted=unwanted)

    def _looked_at(self, turns: list[Turn]) -> list[tuple[Turn, bool]]:
        found = []
        for turn in turns:
            try:
                found.append((turn, self._is_unwanted(turn)))
            except capsa.CapsaError:
                # Maybe the database is away for a moment; the reply itself will find out.
                break
        return found

    def _is_unwanted(self, turn: Turn) -> bool:
        person = self._database().person(turn.user_id)
        if turn.reply is None:
            return person.session(turn.session.id) is None
        kept = person.message(turn.reply.id)
        return kept is None or kept.status is Status.STOPPED
