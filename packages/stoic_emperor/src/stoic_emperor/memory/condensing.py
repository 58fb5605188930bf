"""Older talk becomes summaries, and older summaries become shorter ones.

What a summary stands for bears its id (``condensed_into``), so nothing is condensed twice, nothing that is still hot
is condensed at all, and forgetting a message finds every summary that knows of it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from stoic_emperor.config import CondensationSettings
from stoic_emperor.errors import InvalidAnswer
from stoic_emperor.llm import ChatModel, Prompt, Turn, collected
from stoic_emperor.memory.quoting import quoted
from stoic_emperor.memory.tokens import count_tokens, cut
from stoic_emperor.memory.words import is_diagnostic
from stoic_emperor.models import CondensedSummary, Message, Role, new_id
from stoic_emperor.prompts import prompt

if TYPE_CHECKING:
    import capsa
    from stoic_emperor.infrastructure.person import Person

#: The level above which nothing is condensed further.
TOP_LEVEL = 10
#: Of a single message in a chunk: a pasted book must not push everything else out.
_MESSAGE_TOKENS = 2_000
#: What the person said, and the reply.
_LAST_TURN = 2


class _TakenError(Exception):
    """Somebody forgot what was to be condensed, or another process was faster."""


class Condensation:
    """Condenses what one person said."""

    def __init__(self, person: Person, model: ChatModel, settings: CondensationSettings) -> None:
        """Nothing is read or asked yet."""
        self._person = person
        self._model = model
        self._settings = settings

    async def work_off(self, most: int = 4, *, past: bool = False) -> list[CondensedSummary]:
        """Make the summaries that are due, at most ``most``; each is one call and one transaction.

        Args:
            past: also of what was said before the person agreed, as they have asked for it.

        Raises:
            ModelUnavailable: the model cannot be reached; what is done is kept.
            InvalidAnswer: it answered with what may not be kept.
        """
        made: list[CondensedSummary] = []
        while len(made) < most:
            messages, summaries = await asyncio.to_thread(self._due, past=past)
            if messages:
                summary = await self._condense_messages(messages)
            elif summaries:
                summary = await self._condense_summaries(summaries)
            else:
                break
            if summary is None:
                break
            made.append(summary)
        return made

    def _due(self, *, past: bool) -> tuple[Sequence[Message], Sequence[CondensedSummary]]:
        """What is to become one summary: messages, or else summaries; nothing while nothing is to be remembered."""
        with self._person.reading() as tx:
            user = self._person.get(tx=tx)
            if user is None or not user.remembers:
                return (), ()
            since = user.allowed_since(past=past)
            if chunk := self._due_messages(since, tx):
                return chunk, ()
            return (), self._due_summaries(since, tx)

    def _due_messages(self, since: dt.datetime, tx: capsa.Transaction) -> list[Message]:
        """The oldest talk outside the hot buffer that fills a chunk; empty if it does not."""
        hot = self._hot(since, tx)
        if hot is None:
            return []
        chunk: list[Message] = []
        size = 0
        with closing(self._person.walk_uncondensed(since, tx=tx)) as waiting:
            for message in itertools.takewhile(lambda message: message.id not in hot, waiting):
                chunk.append(message)
                size += _tokens(message)
                # A chunk ends with a reply, so that no summary tells half of a turn.
                if size >= self._settings.chunk_threshold_tokens and message.role != Role.USER:
                    return chunk
        return []

    def _hot(self, since: dt.datetime, tx: capsa.Transaction) -> set[str] | None:
        """The newest messages, which stand for themselves; None if that is all there are."""
        hot: set[str] = set()
        size = 0
        with closing(self._person.walk_uncondensed(since, newest_first=True, tx=tx)) as newest:
            for message in newest:
                size += _tokens(message)
                # The last turn stays hot, however long it is.
                if len(hot) >= _LAST_TURN and size > self._settings.hot_buffer_tokens:
                    return hot
                hot.add(message.id)
        return None

    def _due_summaries(self, since: dt.datetime, tx: capsa.Transaction) -> list[CondensedSummary]:
        """The older half of the lowest level that is over its budget; empty if none is."""
        active = [summary for summary in self._person.active_summaries(tx=tx) if summary.created_at >= since]
        for level in range(1, TOP_LEVEL):
            group = [summary for summary in active if summary.level == level]
            size = sum(count_tokens(summary.content) for summary in group)
            if len(group) >= 2 and size > self._settings.summary_budget_tokens:
                return group[: max(2, len(group) // 2)]
        return []

    async def _condense_messages(self, chunk: Sequence[Message]) -> CondensedSummary | None:
        lines = [
            f"[{message.created_at:%Y-%m-%d}] {'Person' if message.role == Role.USER else 'Companion'}: "
            f"{cut(message.content, _MESSAGE_TOKENS)}"
            for message in chunk
        ]
        summary = CondensedSummary(
            user_id=self._person.user_id,
            level=1,
            content=await self._written("\n\n".join(lines)),
            period_start=chunk[0].created_at,
            period_end=chunk[-1].created_at,
            source_message_count=len(chunk),
            source_word_count=sum(len(message.content.split()) for message in chunk),
        )
        return await asyncio.to_thread(self._keep, summary, [message.id for message in chunk], "set_condensed")

    async def _condense_summaries(self, group: Sequence[CondensedSummary]) -> CondensedSummary | None:
        lines = [f"[{s.period_start:%Y-%m-%d} to {s.period_end:%Y-%m-%d}] {s.content}" for s in group]
        summary = CondensedSummary(
            user_id=self._person.user_id,
            level=group[0].level + 1,
            content=await self._written("\n\n".join(lines)),
            period_start=min(s.period_start for s in group),
            period_end=max(s.period_end for s in group),
            source_message_count=sum(s.source_message_count for s in group),
            source_word_count=sum(s.source_word_count for s in group),
            source_summary_ids=[s.id for s in group],
        )
        return await asyncio.to_thread(self._keep, summary, [s.id for s in group], "set_summary_condensed")

    async def _written(self, material: str) -> str:
        asked = Prompt(
            system=prompt("condensation"), turns=(Turn("user", quoted("conversation", material)),), max_tokens=1_200
        )
        content = (await collected(self._model.stream(asked))).strip()
        if not content or is_diagnostic(content):
            raise InvalidAnswer("the model wrote a summary that may not be kept: it is tried again with the next turn")
        return content

    def _keep(self, summary: CondensedSummary, sources: Sequence[str], mark: str) -> CondensedSummary | None:
        """Store the summary, and let it stand for its sources; None if they are no longer what was read."""
        summary = summary.model_copy(update={"id": new_id()})
        person = self._person
        try:
            with person.writing() as tx:
                for source in sources:
                    if not person.run(tx, mark, id=source, summary=summary.id):
                        raise _TakenError
                person.add_summary(summary, tx=tx)
        except _TakenError:
            return None
        return summary


def _tokens(message: Message) -> int:
    return min(count_tokens(message.content), _MESSAGE_TOKENS)
