"""One turn after another: stored, answered, checked, remembered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

import capsa
from stoic_emperor.companion.events import Event, Failed, Finished, HelpShown, Piece, Started
from stoic_emperor.companion.keeping import Keeper
from stoic_emperor.companion.watching import Watcher
from stoic_emperor.errors import ModelUnavailable, NotFound
from stoic_emperor.library import Library, Passage, check_quotations
from stoic_emperor.llm import ChatModel, Earlier, LibraryMode
from stoic_emperor.llm import Passage as Shown
from stoic_emperor.memory.context import Context, ContextBuilder
from stoic_emperor.memory.recall import Recall
from stoic_emperor.models import Message, Role, Status, now
from stoic_emperor.safety import ReplyGuard, SafetyDesk, Verdict

if TYPE_CHECKING:
    from stoic_emperor.config import MemorySettings
    from stoic_emperor.infrastructure.database import Database
    from stoic_emperor.infrastructure.person import Person

#: Messages in which words that a reply quotes may be the person's own.
_OWN_WORDS = 20

#: Cosine from which what was said before is worth telling; MiniLM gives less to what merely shares a mood.
_NEAR = 0.45

_WITHOUT_A_MODEL = (
    "No language model is connected, so nobody can answer you here. Please do not stay alone with this: turn to "
    "somebody near you, or to one of the numbers shown above, now. What you wrote is kept, and only you can see it."
)


class Companion:
    """Talks with people. Thread-safe; one for a whole process."""

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
        self._embedder = embedder
        self._memory = memory
        self._watcher = None if watcher is None else Watcher(watcher)
        self._library_modes: dict[str, LibraryMode] = {}
        self._told_of_failure: set[str] = set()

    def recall(self, user_id: str) -> Recall:
        """The searchable memory of one person."""
        return Recall(self.database, user_id, self._embedder)

    async def reply(self, user_id: str, session_id: str, text: str) -> AsyncGenerator[Event, None]:
        """Answer what a person says, event by event.

        What they say is on the disk before anything else happens. Closing the generator stops the reply; what was
        shown of it is kept, as stopped.

        Raises:
            NotFound: the conversation is not this person's.
            capsa.CapsaError: the database failed; `HelpShown` comes all the same, before it.
        """
        person = self.database.person(user_id)
        verdict = await self._look(session_id, text, await _country(person))
        if verdict.card is not None:
            yield HelpShown(verdict.card, to_be_safe=verdict.failed and verdict.finding is None)
        said = Message(session_id=session_id, role=Role.USER, content=text)
        await asyncio.to_thread(person.add_message, said)
        if (referral := self.desk.referral(verdict)) is not None:
            await asyncio.to_thread(self.database.count_referral, referral)
        reply = await asyncio.to_thread(self._begin, person, said, verdict, [])
        yield Started(said, reply)
        async with aclosing(self._answer(person, said, reply, verdict)) as events:
            async for event in events:
                yield event

    async def again(self, user_id: str, session_id: str) -> AsyncGenerator[Event, None]:
        """Answer the last thing the person said anew; the reply to it, if there is one, is replaced.

        Raises:
            NotFound: the person has said nothing in this conversation.
        """
        person = self.database.person(user_id)
        talk = await asyncio.to_thread(person.messages, session_id)
        said = next((message for message in reversed(talk) if message.role == Role.USER), None)
        if said is None:
            raise NotFound("nothing has been said in this conversation yet: say something first")
        old = [message for message in talk[talk.index(said) + 1 :] if message.role == Role.EMPEROR]
        verdict = await self._look(session_id, said.content, await _country(person))
        if verdict.card is not None:
            yield HelpShown(verdict.card, to_be_safe=verdict.failed and verdict.finding is None)
        reply = await asyncio.to_thread(self._begin, person, said, verdict, old)
        yield Started(said, reply)
        async with aclosing(self._answer(person, said, reply, verdict)) as events:
            async for event in events:
                yield event

    async def _look(self, session_id: str, text: str, country: str | None) -> Verdict:
        if self._watcher is None:
            return self.desk.before(text, country)
        verdict = await self.desk.before_with_model(self._watcher, text, country)
        if verdict.failed and verdict.finding is None:
            # The rules found nothing and the model failed: shown once, for at every turn nobody would read it.
            if session_id in self._told_of_failure:
                return Verdict()
            self._told_of_failure.add(session_id)
        return verdict

    def _begin(self, person: Person, said: Message, verdict: Verdict, old: Sequence[Message]) -> Message:
        """Store an empty reply, which everything that comes of it goes into."""
        user = person.get()
        # Without consent, or where somebody was in danger, a turn is not analysed, now or later.
        analysed = user is not None and user.remembers and verdict.card is None
        reply = Message(
            session_id=said.session_id,
            role=Role.EMPEROR,
            content="",
            status=Status.STREAMING,
            semantic_processed_at=None if analysed else now(),
        )
        person.replace_replies(old, reply)
        return reply

    async def _answer(
        self, person: Person, said: Message, reply: Message, verdict: Verdict
    ) -> AsyncGenerator[Event, None]:
        keeper = Keeper(person, reply)
        guard = self.desk.guard()
        status = Status.STOPPED
        error: ModelUnavailable | None = None
        passages: tuple[Passage, ...] = ()
        try:
            context = await asyncio.to_thread(self._context, person, said, verdict)
            passages = context.passages
            async with aclosing(_guarded(self._stream(said, context, in_danger=verdict.persona_off), guard)) as pieces:
                async for piece in pieces:
                    wanted = await keeper.add(piece)
                    yield Piece(piece)
                    if not wanted:
                        break
                else:
                    if guard.stopped is None:
                        status = Status.COMPLETE
        except ModelUnavailable as failure:
            error = failure
        finally:
            rest = guard.finish()
            keeper.take(rest)
            reply = await keeper.finish(status if keeper.text or error is None else Status.FAILED)
        if rest:
            yield Piece(rest)
        if guard.stopped is not None:
            await asyncio.to_thread(person.mark_processed, [reply.id])
            yield HelpShown(self.desk.card(await _country(person)), reply_stopped=True)
        if error is not None:
            yield Failed(reply, str(error))
            return
        sources = await asyncio.to_thread(self._sources, person, reply) if self.model is not None else ()
        yield Finished(reply, sources, passages)

    def _context(self, person: Person, said: Message, verdict: Verdict) -> Context:
        """What the model is given; and what was said becomes findable for other days."""
        recall = self.recall(person.user_id)
        builder = ContextBuilder(person, recall, self.libraries, self._memory.max_context_tokens)
        context = builder.build(said, in_danger=verdict.persona_off)
        user = person.get()
        if user is not None and user.paused_at is None and not verdict.persona_off:
            recall.prepare(said.content)
            with person.writing() as tx:
                # Forgotten meanwhile: then it stays so.
                if person.run(tx, "message_by_id", id=said.id):
                    recall.add_turn(said, tx)
        return context

    def _stream(self, said: Message, context: Context, *, in_danger: bool) -> AsyncGenerator[str, None]:
        if self.model is not None:
            return self.model.stream(context.prompt)
        if in_danger:
            return _in_danger_without_a_model()
        mode = self._library_modes.setdefault(said.session_id, LibraryMode())
        passages = [Shown(p.text, p.author or "", p.work or "", p.place or "") for p in context.passages]
        return mode.stream(context.prompt, passages, said=said.content, earlier=_earlier(context))

    def _sources(self, person: Person, reply: Message) -> tuple[str, ...]:
        """Where the quotations in a finished reply stand; the person's own words are none."""
        said = [message.content for message in person.last_messages(reply.session_id, _OWN_WORDS)]
        found = check_quotations(reply.content, self.libraries[0], said=said[:-1])
        return tuple(quotation.source_line for quotation in found)


def _earlier(context: Context) -> Earlier | None:
    """What the person said before, if it is near enough to be worth telling."""
    near = (found for found in context.episodes if (found.similarity or 0) >= _NEAR)
    return next((Earlier(found.words, found.record.created_at.date()) for found in near), None)


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


async def _country(person: Person) -> str | None:
    """Where the person is, if they said so; a database that fails must not keep help from them."""
    try:
        user = await asyncio.to_thread(person.get)
    except capsa.CapsaError:
        return None
    return None if user is None else user.country
