"""What a model is given beside the persona: the talk at hand, and what fits from memory and library."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import capsa
from stoic_emperor.library import Library, Passage
from stoic_emperor.llm import Prompt, Turn
from stoic_emperor.memory.dating import dated_insights, dated_turns
from stoic_emperor.memory.quoting import quoted
from stoic_emperor.memory.recall import Recall, Recalled, plain
from stoic_emperor.memory.tokens import count_tokens, cut
from stoic_emperor.models import CondensedSummary, Message, Profile, Role, Status
from stoic_emperor.prompts import prompt

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person

REPLY_TOKENS = 1_200

#: Of the budget: what the person says now may take up, and what the notes may of the rest.
_NOW_SHARE = 0.5
_NOTES_SHARE = 0.5
_TURNS_READ = 60
_INSIGHTS, _EPISODES, _PASSAGES = 5, 3, 3
#: Earlier programs noted the same again and again: looked at for each insight that is wanted.
_DOUBLES = 4
#: More do not fit into any budget worth having.
_SUMMARIES = 12
_EPISODE_TOKENS, _PASSAGE_TOKENS, _PORTRAIT_TOKENS = 200, 350, 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """A prompt, and what went into it."""

    prompt: Prompt
    passages: tuple[Passage, ...]
    insights: tuple[Recalled, ...]
    episodes: tuple[Recalled, ...]
    #: The talk at hand, as far as it was read, what is answered now included.
    talk: tuple[Message, ...]
    #: Of everything beside the persona.
    tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _AtHand:
    """What is drawn on without a search, as of one moment."""

    #: The conversation without what is answered now, in order.
    talk: tuple[Message, ...]
    name: str | None = None
    #: Newest first.
    summaries: Sequence[CondensedSummary] = ()
    portraits: Sequence[Profile] = ()


class ContextBuilder:
    """Puts together what the model is given for one turn of one person."""

    def __init__(
        self, person: Person, recall: Recall, libraries: Sequence[Library], budget: int, beside: Executor
    ) -> None:
        """Nothing is read yet.

        Args:
            libraries: the texts that are searched, in this order.
            budget: tokens of everything beside the persona.
            beside: where the libraries are searched while the person's own memory is; not where `build` runs.
        """
        self._beside = beside
        self._person = person
        self._recall = recall
        self._libraries = libraries
        self._budget = budget

    def build(self, said: Message, *, in_danger: bool = False) -> Context:
        """The prompt for an answer to ``said``, which is stored already.

        Args:
            in_danger: the persona steps back, and neither memory nor library is drawn on.
        """
        at_hand = self._at_hand(said, talk_alone=in_danger)
        now = cut(said.content, int(self._budget * _NOW_SHARE))
        if in_danger:
            return self._context("in_danger", said, at_hand, now)
        query = self._query(said, at_hand.talk)
        known = frozenset([said.id, *(m.id for m in at_hand.talk if m.role == Role.USER)])
        # What cannot be embedded is found by words.
        with suppress(capsa.EmbedderUnavailable):
            self._recall.prepare(query)
        # The library and the person's own memory have nothing in common: neither waits for the other.
        searched = self._beside.submit(self._passages, query)
        with self._person.reading() as tx:
            insights = self._insights(query, tx)
            turns = self._recall.turns(query, _EPISODES, leaving_out=known, tx=tx)
            episodes = dated_turns(self._person, turns, tx)
        passages = searched.result()
        left = self._budget - count_tokens(now)
        notes = self._notes(at_hand, insights, episodes, passages, int(left * _NOTES_SHARE))
        last = f"{notes}\n\n{now}" if notes else now
        return self._context("emperor", said, at_hand, last, passages=passages, insights=insights, episodes=episodes)

    def _context(
        self,
        persona: str,
        said: Message,
        at_hand: _AtHand,
        last: str,
        *,
        passages: tuple[Passage, ...] = (),
        insights: tuple[Recalled, ...] = (),
        episodes: tuple[Recalled, ...] = (),
    ) -> Context:
        turns = _alternating(_newest(at_hand.talk, self._budget - count_tokens(last)), last)
        return Context(
            prompt=Prompt(system=prompt(persona), turns=turns, max_tokens=REPLY_TOKENS),
            passages=passages,
            insights=insights,
            episodes=episodes,
            talk=(*at_hand.talk, said),
            tokens=sum(count_tokens(turn.text) for turn in turns),
        )

    def _at_hand(self, said: Message, *, talk_alone: bool) -> _AtHand:
        person = self._person
        with person.reading() as tx:
            read = person.last_messages(said.session_id, _TURNS_READ, tx=tx)
            talk = tuple(message for message in read if message.id != said.id and message.content)
            if talk_alone:
                return _AtHand(talk=talk)
            user = person.get(tx=tx)
            return _AtHand(
                talk=talk,
                name=None if user is None else user.name,
                summaries=person.newest_summaries(_SUMMARIES, tx=tx),
                portraits=person.profiles(1, tx=tx),
            )

    def _passages(self, query: str) -> tuple[Passage, ...]:
        with self._person.reading() as tx:
            return tuple(found for library in self._libraries for found in library.search(query, _PASSAGES, tx=tx))

    def _insights(self, query: str, tx: capsa.Transaction) -> tuple[Recalled, ...]:
        """What is known of the person that fits, each assertion where it comes first, as it was noted last."""
        same: dict[str, list[Recalled]] = {}
        for found in self._recall.known(query, _INSIGHTS * _DOUBLES, tx):
            same.setdefault(plain(found.record.text), []).append(found)
        chosen = list(same.values())[:_INSIGHTS]
        dated = iter(dated_insights(self._person, [found for some in chosen for found in some], tx))
        return tuple(max(islice(dated, len(some)), key=lambda found: found.record.created_at) for some in chosen)

    def _query(self, said: Message, hot: Sequence[Message]) -> str:
        """What to look for: a short answer such as "yes, him" means nothing without what it answers."""
        if len(said.content.split()) >= 6 or not hot:
            return said.content
        before = [m.content for m in hot if m.role == Role.USER][-1:]
        return "\n".join([*before, said.content])

    def _notes(
        self,
        at_hand: _AtHand,
        insights: Sequence[Recalled],
        episodes: Sequence[Recalled],
        passages: Sequence[Passage],
        budget: int,
    ) -> str:
        """The block of notes, the most telling first; a note that does not fit is left out whole."""
        candidates: list[tuple[str, str]] = []
        if at_hand.name:
            candidates.append(("About the person", f"- Their name is {at_hand.name}."))
        candidates += [
            ("About the person", f"- {r.record.text} (noted {r.record.created_at:%Y-%m-%d})") for r in insights
        ]
        candidates += [
            (
                "What they said before",
                f"- On {r.record.created_at:%Y-%m-%d}: “{cut(r.words, _EPISODE_TOKENS)}”",
            )
            for r in episodes
        ]
        candidates += [("From the library", f"- {p.credit}: “{cut(p.text, _PASSAGE_TOKENS)}”") for p in passages]
        candidates += [
            ("Earlier conversations", f"- {s.period_start:%Y-%m-%d} to {s.period_end:%Y-%m-%d}: {s.content}")
            for s in at_hand.summaries
        ]
        candidates += [("Portrait", f"- {cut(p.content, _PORTRAIT_TOKENS)}") for p in at_hand.portraits]
        chosen: dict[str, list[str]] = {}
        # The tags and the blank lines.
        size = 10
        for heading, line in candidates:
            more = count_tokens(line) + 1 + (0 if heading in chosen else count_tokens(heading) + 2)
            if size + more <= budget:
                chosen.setdefault(heading, []).append(line)
                size += more
        if not chosen:
            return ""
        return quoted("notes", "\n\n".join("\n".join([f"{heading}:", *lines]) for heading, lines in chosen.items()))


def _newest(hot: Sequence[Message], budget: int) -> list[Message]:
    """The newest messages that fit, in order."""
    kept: list[Message] = []
    for message in reversed(hot):
        if message.status is Status.FAILED:
            continue
        budget -= count_tokens(message.content) + 4
        if budget < 0:
            break
        kept.append(message)
    return kept[::-1]


def _alternating(messages: Sequence[Message], last: str) -> tuple[Turn, ...]:
    """Turns that begin with the person and alternate, as every provider wants them."""
    turns: list[Turn] = []
    for message in messages:
        role = "user" if message.role == Role.USER else "assistant"
        if not turns and role == "assistant":
            continue
        if turns and turns[-1].role == role:
            turns[-1] = Turn(turns[-1].role, f"{turns[-1].text}\n\n{message.content}")
        elif role == "user":
            turns.append(Turn("user", message.content))
        else:
            turns.append(Turn("assistant", message.content))
    if turns and turns[-1].role == "user":
        last = f"{turns.pop().text}\n\n{last}"
    return (*turns, Turn("user", last))
