"""Replies under way. A turn runs by itself, not in the request that began it: its reader may go and come back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from fastapi import HTTPException

import capsa
from stoic_emperor.companion import Event
from stoic_emperor.errors import StoicError
from stoic_emperor.models import Message, Role, Session, Status
from stoic_emperor.web.turn import Turn
from stoic_emperor.web.wording import ENDING, OUR_FAULT, of_database

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.database import Database

log = logging.getLogger(__name__)

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


def _note(error: Exception) -> None:
    """Its kind alone: what it says may hold what somebody wrote."""
    log.error("a reply ended early: %s", type(error).__name__)


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

    def open(self, user_id: str, session: Session) -> Turn:
        """Take the place of the one turn that a conversation may have at a time; `run` or `close` comes next.

        Raises:
            HTTPException: 409, it is taken; 429 and 503 as of `check`.
        """
        if any(turn.user_id == user_id and turn.session.id == session.id for turn in self.running()):
            raise HTTPException(409, STILL_SPEAKING)
        self.check(user_id)
        turn = Turn(user_id, session)
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
        except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever broke
            await self._failed(turn, error)
        finally:
            turn.end()
            asyncio.get_running_loop().call_later(KEPT, self._forget, turn)
            self._ended(turn)

    async def _failed(self, turn: Turn, error: Exception) -> None:
        if turn.reply is None and turn.beginning is not None:
            # Nobody gives it, so nobody should wait for it.
            with suppress(capsa.CapsaError):
                await asyncio.to_thread(self._database().person(turn.user_id).stop_replies, turn.session.id)
        if isinstance(error, StoicError):
            await turn.fail(str(error))
            return
        _note(error)
        await turn.fail(of_database(error) if isinstance(error, capsa.CapsaError) else OUR_FAULT)

    def _stopped_reply(self, turn: Turn) -> Message | None:
        person = self._database().person(turn.user_id)
        if turn.reply is not None or turn.beginning is not None:  # Else what is under way is somebody else's.
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
        if erased:
            self.let_go(user_id, session_id)

    def let_go(self, user_id: str, session_id: str | None = None) -> None:
        """Keep for nobody any more what was told in a conversation, or in all of somebody's."""
        for turn in list(self._turns.values()):
            if turn.over and turn.user_id == user_id and session_id in {None, turn.session.id}:
                self._forget(turn)

    async def stop_all(self, user_id: str) -> None:
        """End all turns of somebody who is about to be erased; those of other processes find out by themselves."""
        mine = [turn for turn in self.running() if turn.user_id == user_id]
        for turn in mine:
            turn.erased = True
        await asyncio.gather(*map(self._stop, mine))
        self.let_go(user_id)

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
