"""One turn after another: stored, answered, checked, remembered."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import threading
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import capsa
from stoic_emperor.companion.beginning import Beginning, begun
from stoic_emperor.companion.elsewhere import followed
from stoic_emperor.companion.events import Event, Failed, Finished, HelpShown, Piece, Started
from stoic_emperor.companion.keeping import Keeper, Keeping
from stoic_emperor.companion.lately import Lately
from stoic_emperor.companion.watching import Watcher
from stoic_emperor.errors import ModelUnavailable, NotFound, ReplyTooLong
from stoic_emperor.library import Kind, Library, Passage, check_quotations, find_quoted
from stoic_emperor.llm import ChatModel, Earlier, LibraryMode
from stoic_emperor.llm import Passage as Shown
from stoic_emperor.memory.context import Context, ContextBuilder
from stoic_emperor.memory.dating import dated_turns
from stoic_emperor.memory.recall import Recall, Recalled
from stoic_emperor.models import Message, Role, Status
from stoic_emperor.safety import ReplyGuard, ResourceCard, SafetyDesk, Verdict

if TYPE_CHECKING:
    from stoic_emperor.config import MemorySettings
    from stoic_emperor.infrastructure.database import Database
    from stoic_emperor.infrastructure.person import Person

#: Messages in which words that a reply quotes may be the person's own.
_OWN_WORDS = 20

#: Cosine from which what was said before is worth telling; MiniLM gives less to what merely shares a mood.
_NEAR = 0.45
#: Where there are no meanings to compare: so many words that both have, or half of them, of those that say something.
_WORDS_IN_COMMON = 2
_TELLING = re.compile(r"\w{4,}")
#: What was said within a day needs no telling; what was said before this is told rather than what came after.
_A_DAY, _LONG_PAST = dt.timedelta(days=1), dt.timedelta(days=30)
#: Of the past, for one thing to tell.
_LOOKED_AT = 50

#: Searches at the same time: they need the processor, so that more would only keep those waiting who are answered.
_SEARCHES = 2

_WITHOUT_A_MODEL = (
    "No language model is connected, so nobody can answer you here. Please do not stay alone with this: turn to "
    "somebody near you, or to one of the numbers shown above, now. What you wrote is kept, and only you can see it."
)


@dataclass(slots=True)
class _Turn:
    """What is known of a turn while it lasts."""

    person: Person
    said: Message
    #: Whether it was said now; else an earlier reply to it is replaced.
    is_new: bool
    verdict: Verdict
    context: Context | None = None
    remembered: asyncio.Future[None] | None = None


class Companion:
    """Talks with people, in one event loop at a time; one for a whole process."""

    def __init__(
        self,
        database: Database,
        *,
        model: ChatModel | None,
        libraries: Sequence[Library],
        embedder: capsa.Embedder | None,
        memory: MemorySettings,
        desk: SafetyDesk | None = None,
        watcher: ChatModel | None = None,
    ) -> None:
        """Nothing is read or asked yet.

        Args:
            model: None for the library mode.
            libraries: the texts to draw on; quotations are checked against the first.
            embedder: best one that remembers its last texts (`memory.caching`).
            watcher: looks for signs of danger where the rules found none; it can only add to them.
        """
        self.database = database
        self.model = model
        self.libraries = tuple(libraries)
        self.desk = desk or SafetyDesk()
        self._store = capsa.Store(database.engine, embedder=embedder)
        self._memory = memory
        self._watcher = None if watcher is None else Watcher(watcher)
        self._keeping = Keeping()
        self._searching = ThreadPoolExecutor(_SEARCHES, "context")
        self._beside = ThreadPoolExecutor(_SEARCHES, "library")
        #: By conversation: how the library answered there, and whether it was told that a second look failed.
        self._library_modes = Lately(LibraryMode)
        self._told_of_failure = Lately(threading.Event)

    def recall(self, user_id: str) -> Recall:
        """The searchable memory of one person."""
        return Recall(self._store, user_id)

    def reply(self, user_id: str, session_id: str, text: str) -> AsyncGenerator[Event, None]:
        """Answer what a person says, event by event.

        What they say is on the disk before it is looked up or answered. Closing the generator stops the reply; what
        was shown of it is kept, as stopped.

        Raises:
            NotFound: the conversation is not this person's.
            capsa.CapsaError: the database failed; `HelpShown` comes all the same, before it.
        """
        return self._turn(self.database.person(user_id), session_id, text)

    def answer(self, user_id: str, what: Message | Beginning) -> AsyncGenerator[Event, None]:
        """As `reply`, where what they say is stored already, and maybe the reply has begun with it."""
        said, beginning = (what, None) if isinstance(what, Message) else (what.said, what)
        return self._turn(self.database.person(user_id), said.session_id, said, beginning)

    def again(self, user_id: str, session_id: str) -> AsyncGenerator[Event, None]:
        """Answer the last thing the person said anew; the reply to it, if there is one, is replaced.

        Raises:
            NotFound: the person has said nothing in this conversation.
        """
        return self._turn(self.database.person(user_id), session_id, None)

    async def _turn(
        self, person: Person, session_id: str, what: Message | str | None, beginning: Beginning | None = None
    ) -> AsyncGenerator[Event, None]:
        """Answer words, a message that is stored already, or, without either, what was said last."""
        old: list[Message] = []
        if what is None:
            said, old = await asyncio.to_thread(_said_last, person, session_id)
        else:
            said = what if isinstance(what, Message) else Message(session_id=session_id, role=Role.USER, content=what)
        verdict = self.desk.before(said.content) if beginning is None else beginning.verdict
        if verdict.card is not None:
            verdict = replace(verdict, card=await self._card(person))
            yield _help(verdict)
        reply = None if beginning is None else beginning.reply
        waited: Message | None = None
        while reply is None:
            stored = waited is not None or not isinstance(what, str)
            found, is_ours = await begun(person, said, verdict, old, stored=stored, waited=waited)
            if is_ours:
                reply = found
                break
            if found.status is not Status.STREAMING:
                yield Finished(found)
                return
            waited = waited or found
            async with aclosing(followed(person, found)) as others:
                async for other in others:
                    yield other
        # What a process that was killed kept and never answered is new, too.
        turn = _Turn(person, said, not old, verdict)
        async with aclosing(self._answer(turn, Keeper(self._keeping, person, reply, self.desk.guard()))) as events:
            async for event in events:
                yield event

    async def _look_again(self, person: Person, said: Message, verdict: Verdict) -> Verdict:
        """What a model adds to what the rules found; help it asks for comes with a card of the person's country."""
        if self._watcher is None:
            return verdict
        second = await self.desk.again(verdict, self._watcher, said.content)
        if second.failed and second.finding is None:
            # The rules found nothing and the model failed: shown once, for at every turn nobody would read it.
            told = self._told_of_failure.of(said.session_id)
            if told.is_set():
                return verdict
            told.set()
        if second.card is not None and verdict.card is None:
            second = replace(second, card=await self._card(person))
        return second

    async def _card(self, person: Person) -> ResourceCard:
        """The contacts where the person is, if they said so; a database that fails must not keep help from them."""
        return self.desk.card(await asyncio.to_thread(person.country))

    async def _answer(self, turn: _Turn, keeper: Keeper) -> AsyncGenerator[Event, None]:
        error: ModelUnavailable | None = None
        try:
            async with keeper, aclosing(self._speak(turn, keeper)) as events:
                async for event in events:
                    yield event
        except ModelUnavailable as failure:
            error = failure
        if keeper.rest:
            yield Piece(keeper.rest)
        if keeper.guard.stopped is not None:
            await asyncio.to_thread(turn.person.mark_processed, [keeper.reply.id])
            yield HelpShown(await self._card(turn.person), reply_stopped=True)
        if turn.remembered is not None:
            await turn.remembered
        if error is not None:
            yield Failed(keeper.reply, str(error), isinstance(error, ReplyTooLong))
            return
        assert turn.context is not None  # noqa: S101 - nothing failed
        sources: tuple[str, ...] = ()
        if self.model is not None and find_quoted(keeper.reply.content):
            sources = await asyncio.to_thread(self._sources, turn.context, keeper.reply)
        yield Finished(keeper.reply, sources, turn.context.passages)

    async def _speak(self, turn: _Turn, keeper: Keeper) -> AsyncGenerator[Event, None]:
        """From the second look to the last piece that the guard lets pass."""
        person, said, first = turn.person, turn.said, turn.verdict
        loop = asyncio.get_running_loop()
        preparing = loop.run_in_executor(self._searching, self._context, turn)
        turn.verdict = await self._look_again(person, said, first)
        if turn.verdict.card is not None and first.card is None:
            if turn.verdict.finding is not None:
                await asyncio.to_thread(person.mark_processed, [keeper.reply.id])
            yield _help(turn.verdict)
        turn.context = await preparing
        if turn.verdict.persona_off and not first.persona_off:
            turn.context = await loop.run_in_executor(self._searching, self._context, turn)
        if turn.is_new and (referral := self.desk.referral(turn.verdict)) is not None:
            await asyncio.to_thread(self.database.count_referral, referral)
        yield Started(said, keeper.reply)
        if turn.is_new and not turn.verdict.persona_off:
            # While the model begins to speak. What was said while nothing was to be remembered stays so.
            turn.remembered = loop.run_in_executor(None, self._remember, person, said)
        async with aclosing(_guarded(self._stream(turn, turn.context), keeper.guard)) as pieces:
            async for piece in pieces:
                keeper.add(piece)
                yield Piece(piece)
                if not keeper.wanted:
                    return

    def _context(self, turn: _Turn) -> Context:
        """What the model is given."""
        recall = self.recall(turn.person.user_id)
        builder = ContextBuilder(turn.person, recall, self.libraries, self._memory.max_context_tokens, self._beside)
        context = builder.build(turn.said, in_danger=turn.verdict.persona_off)
        if self.model is not None or turn.verdict.persona_off:
            return context
        # The library mode tells one thing of another day, and has no notes.
        return replace(context, episodes=dated_turns(turn.person, recall.elsewhere(turn.said, _LOOKED_AT)))

    def _remember(self, person: Person, said: Message) -> None:
        """What was said becomes findable for other days."""
        recall = self.recall(person.user_id)
        recall.prepare(said.content)
        with person.writing() as tx:
            user = person.get(tx=tx)
            # Paused, or forgotten meanwhile: then it stays so.
            if user is not None and user.paused_at is None and person.run(tx, "message_by_id", id=said.id):
                recall.add_turn(said, tx)

    def _stream(self, turn: _Turn, context: Context) -> AsyncGenerator[str, None]:
        if self.model is not None:
            return self.model.stream(context.prompt)
        if turn.verdict.persona_off:
            return _in_danger_without_a_model()
        said = turn.said
        mode = self._library_modes.of(said.session_id)
        passages = [_shown(passage) for passage in context.passages]
        return mode.stream(context.prompt, passages, said=said.content, earlier=_earlier(context.episodes, said))

    def _sources(self, context: Context, reply: Message) -> tuple[str, ...]:
        """Where the quotations in a finished reply stand; the person's own words are none, ours said before are."""
        said = [message.content for message in context.talk if message.role == Role.USER][-_OWN_WORDS:]
        return tuple(found.source_line for found in check_quotations(reply.content, self.libraries[0], said=said))


def _help(verdict: Verdict) -> HelpShown:
    assert verdict.card is not None  # noqa: S101 - asked before
    return HelpShown(verdict.card, to_be_safe=verdict.failed and verdict.finding is None)


def _said_last(person: Person, session_id: str) -> tuple[Message, list[Message]]:
    """The last thing the person said, and the replies to it."""
    talk = person.messages(session_id)
    said = next((message for message in reversed(talk) if message.role == Role.USER), None)
    if said is None:
        raise NotFound("nothing has been said in this conversation yet: say something first")
    return said, [message for message in talk[talk.index(said) + 1 :] if message.role == Role.EMPEROR]


def _shown(passage: Passage) -> Shown:
    return Shown(
        passage.text,
        passage.author or "",
        passage.work or "",
        passage.place or "",
        reflection=passage.kind == Kind.REFLECTION,
    )


def _earlier(found: Sequence[Recalled], said: Message) -> Earlier | None:
    """What the person said on another day that is near enough to be worth telling; what is long past before the rest.

    By meaning, where meanings can be compared, else by words.
    """
    near = [
        each
        for each in found
        if said.created_at - each.record.created_at >= _A_DAY
        and (_has_its_words(each.words, said.content) if each.similarity is None else each.similarity >= _NEAR)
    ]
    near.sort(key=lambda each: said.created_at - each.record.created_at < _LONG_PAST)
    return next((Earlier(each.words, each.record.created_at.date()) for each in near), None)


def _has_its_words(earlier: str, said: str) -> bool:
    wanted = set(_TELLING.findall(said.casefold()))
    common = wanted & set(_TELLING.findall(earlier.casefold()))
    return len(common) >= _WORDS_IN_COMMON or 0 < len(wanted) <= 2 * len(common)


async def _guarded(pieces: AsyncGenerator[str, None], guard: ReplyGuard) -> AsyncGenerator[str, None]:
    """What of a reply may be shown; it ends where the guard stops it."""
    async with aclosing(pieces) as stream:
        async for piece in stream:
            if shown := guard.feed(piece):
                yield shown
            if guard.stopped is not None:
                return
    if rest := guard.finish():
        yield rest


async def _in_danger_without_a_model() -> AsyncGenerator[str, None]:
    """No passage and no question now."""
    yield _WITHOUT_A_MODEL
