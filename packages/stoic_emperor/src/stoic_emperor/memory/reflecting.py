"""The second call: what a turn tells about the person. Off their path, after the reply, from a durable queue."""

from __future__ import annotations

import asyncio
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stoic_emperor.errors import InvalidAnswer
from stoic_emperor.llm import ChatModel, Prompt, Turn
from stoic_emperor.memory.quoting import quoted
from stoic_emperor.memory.recall import Recall
from stoic_emperor.memory.tokens import cut
from stoic_emperor.memory.words import is_diagnostic, may_be_remembered
from stoic_emperor.models import Message, PsychUpdate, SemanticAssertion, SemanticInsight
from stoic_emperor.prompts import prompt

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person

#: Assertions that the model itself doubts are not kept.
_LEAST_CONFIDENCE = 0.5
_MOST_ASSERTIONS = 3
_SAID_TOKENS = 3_000
_REPLY_TOKENS = 1_000


@dataclass(frozen=True, slots=True)
class Reflected:
    """What came of the queue."""

    turns: int
    insights: int
    #: Turns that the model could not analyse: they go on waiting.
    left: int = 0
    #: Turns that the model was asked about.
    asked: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A turn that waits to be analysed."""

    said: Message
    reply: Message


class _Queue:
    """The turns of one person that wait, oldest first; each is read just before the model is asked about it."""

    def __init__(self, person: Person, given_up: AbstractSet[str], limit: int, *, past: bool, journals: bool) -> None:
        """Nothing is read yet."""
        #: Turns that wait and are given up.
        self.passed: set[str] = set()
        self._person = person
        self._given_up = given_up
        self._limit = limit
        self._past = past
        self._journals = journals
        #: Whether none waited but the last: what came since is another's.
        self._exhausted = False

    def next(self) -> _Waiting | None:
        """The next turn; None if there is no other, or nothing is to be remembered now."""
        while self._limit and not self._exhausted:
            with self._person.reading() as tx:
                user = self._person.get(tx=tx)
                if user is None or not user.remembers:
                    return None
                since = user.allowed_since(past=self._past)
                replies = self._person.unprocessed_replies(len(self.passed) + 2, since, journals=self._journals, tx=tx)
                waiting = [reply for reply in replies if reply.id not in self.passed]
                self._exhausted = len(waiting) <= 1
                if not waiting:
                    return None
                reply = waiting[0]
                said = self._person.message_before(reply.id, tx=tx)
            if said is None:
                self._person.mark_processed([reply.id])
            elif reply.id in self._given_up:
                self.passed.add(reply.id)
            else:
                self._limit -= 1
                return _Waiting(said, reply)
        return None


class Reflection:
    """Analyses the turns of one person that wait for it."""

    def __init__(self, person: Person, recall: Recall, model: ChatModel, *, given_up: set[str] | None = None) -> None:
        """Nothing is read or asked yet.

        Args:
            given_up: turns that are not tried again for now; what cannot be analysed is added.
        """
        self._given_up = set() if given_up is None else given_up
        self._person = person
        self._recall = recall
        self._model = model

    async def work_off(self, limit: int = 20, *, past: bool = False, journals: bool = True) -> Reflected:
        """Analyse the oldest waiting turns, at most ``limit``; each is one call and one transaction.

        Nothing happens without the person's consent, or while they have paused it: the turns go on waiting. Consent
        is for what is written from then on, so what was said before waits until the person asks for it.

        Args:
            past: they did.
            journals: whether those brought along are read, too.

        Raises:
            ModelUnavailable: the model cannot be reached; what is done is kept, the rest goes on waiting.
                A turn that it cannot analyse in the form asked for goes on waiting, and holds up no other.
        """
        turns = insights = asked = 0
        queue = _Queue(self._person, self._given_up, limit, past=past, journals=journals)
        waiting = await asyncio.to_thread(queue.next)
        while waiting is not None:
            asked += _is_to_be_asked_about(waiting.reply)
            update = None
            try:
                update = await self._analyse(waiting.said, waiting.reply)
                turns += 1
            except InvalidAnswer:
                # Asked twice already; it must not hold up the turns after it, and may succeed another day.
                self._given_up.add(waiting.reply.id)
            kept, waiting = await asyncio.to_thread(self._go_on, waiting, update, queue)
            insights += kept
        return Reflected(turns, insights, len(queue.passed), asked)

    def _go_on(self, done: _Waiting, update: PsychUpdate | None, queue: _Queue) -> tuple[int, _Waiting | None]:
        """Keep what came of one turn and take the next, as each hand-over to a thread costs what a statement does."""
        kept = 0 if update is None else self._keep(done.said, done.reply, update)
        return kept, queue.next()

    async def _analyse(self, said: Message, reply: Message) -> PsychUpdate:
        if reply.psych_update is not None and not _is_to_be_asked_about(reply):
            return _in_plain_words(reply.psych_update)
        exchange = f"Person: {cut(said.content, _SAID_TOKENS)}\n\nCompanion: {cut(reply.content, _REPLY_TOKENS)}"
        asked = Prompt(
            system=prompt("reflection"), turns=(Turn("user", quoted("exchange", exchange)),), max_tokens=1_000
        )
        return _in_plain_words(await self._model.extract(asked, PsychUpdate))

    def _keep(self, said: Message, reply: Message, update: PsychUpdate) -> int:
        """Take the turn off the queue and keep what is new, together or not at all; how many insights."""
        fresh = [item for item in update.semantic_assertions if self._recall.says_the_same(item.text) is None]
        made = [
            SemanticInsight(
                user_id=self._person.user_id,
                source_message_id=said.id,
                assertion=item.text,
                confidence=item.confidence,
            )
            for item in fresh
        ]
        for insight in made:
            self._recall.prepare(insight.assertion)
        with self._person.writing() as tx:
            # Forgotten, paused or worked off by somebody else since: then there is nothing to keep.
            user = self._person.run(tx, "user_by_id")
            if not user or not self._person.database.rows.user(user[0]).remembers:
                return 0
            if not self._person.run(tx, "message_by_id", id=said.id):
                return 0
            if not self._person.set_processed(reply.id, update, tx=tx):
                return 0
            for insight in made:
                self._person.add_insight(insight, tx=tx)
                self._recall.add_insight(insight, tx)
        return len(made)


def _is_to_be_asked_about(reply: Message) -> bool:
    """Not if a program of the predecessor's time has asked the model already."""
    return reply.psych_update is None or not reply.psych_update.semantic_assertions


def _in_plain_words(update: PsychUpdate) -> PsychUpdate:
    """The analysis without labels, orders and guesses."""
    assertions: dict[str, SemanticAssertion] = {}
    for item in update.semantic_assertions:
        text = " ".join(item.text.split())
        if item.confidence >= _LEAST_CONFIDENCE and may_be_remembered(text):
            assertions.setdefault(text.casefold(), SemanticAssertion(text=text, confidence=item.confidence))
    return update.model_copy(
        update={
            "detected_patterns": [text for text in update.detected_patterns if may_be_remembered(text)][:3],
            "emotional_state": "" if is_diagnostic(update.emotional_state) else update.emotional_state[:100],
            "stoic_principle_applied": update.stoic_principle_applied[:200],
            "suggested_next_direction": (
                update.suggested_next_direction if may_be_remembered(update.suggested_next_direction) else ""
            ),
            "semantic_assertions": list(assertions.values())[:_MOST_ASSERTIONS],
        }
    )
