"""The portrait of a person: two models write one each, review each other's, and revise until both agree."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from stoic_emperor.errors import InvalidAnswer, NotFound
from stoic_emperor.llm import ChatModel, Prompt, Turn, collected
from stoic_emperor.memory.quoting import quoted
from stoic_emperor.memory.tokens import count_tokens, cut
from stoic_emperor.memory.words import is_diagnostic
from stoic_emperor.models import Profile, Role, now
from stoic_emperor.prompts import prompt

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person

T = TypeVar("T")

#: Called with what is being done, the calls made and the calls there may be.
Progress = Callable[[str, int, int], None]

_MATERIAL_TOKENS = 12_000
_MESSAGE_TOKENS = 400
_PORTRAIT_TOKENS = 1_200


class Review(BaseModel):
    """What one model thinks of the other's portrait."""

    approved: bool
    agreements: list[str] = []
    concerns: list[str] = []


@dataclass(frozen=True, slots=True)
class Round:
    """One round: who wrote what the other thought of."""

    number: int
    #: Model -> its review of the other's portrait.
    reviews: dict[str, Review]

    @property
    def agreed(self) -> bool:
        """Whether each would put its name to the other's portrait."""
        return all(review.approved for review in self.reviews.values())


def most_calls(models: int, rounds: int) -> int:
    """How many calls a portrait can cost: each model writes, reviews, and revises between rounds."""
    return 1 if models < 2 else 2 + 2 * rounds + 2 * (rounds - 1)


class Portraying:
    """Writes the portrait of one person."""

    def __init__(self, person: Person, main: ChatModel, reviewer: ChatModel | None, rounds: int) -> None:
        """Nothing is read or asked yet.

        Args:
            reviewer: another model than ``main``; without one, nobody reviews, and the portrait says so.
            rounds: of writing and reviewing, at most.
        """
        self._person = person
        self._models = [main] if reviewer is None or reviewer.name == main.name else [main, reviewer]
        self._rounds = rounds

    @property
    def most_calls(self) -> int:
        """How many calls it can cost, known beforehand."""
        return most_calls(len(self._models), self._rounds)

    async def write(self, progress: Progress | None = None) -> Profile:
        """Write, review, revise, and keep the result as the next version.

        Raises:
            NotFound: nothing is remembered that a portrait could be written from.
            ModelUnavailable, InvalidAnswer: a model failed; nothing was kept.
        """
        material = await asyncio.to_thread(self._material)
        if not material:
            raise NotFound("there is nothing to write a portrait from yet: talk for a while, or import a journal")
        calls = _Calls(progress, self.most_calls)
        if len(self._models) == 1:
            content = await calls.make("writing", self._written(self._models[0], material, None))
            log: dict[str, object] = {"models": [self._models[0].name], "consensus": None, "rounds": []}
            return await asyncio.to_thread(self._keep, content, log)
        return await self._agreed(material, calls)

    async def _agreed(self, material: str, calls: _Calls) -> Profile:
        one, other = self._models
        portraits = {
            model.name: await calls.make("writing", self._written(model, material, None)) for model in (one, other)
        }
        rounds: list[Round] = []
        for number in range(1, self._rounds + 1):
            reviews = {
                one.name: await calls.make("reviewing", self._review(one, material, portraits[other.name])),
                other.name: await calls.make("reviewing", self._review(other, material, portraits[one.name])),
            }
            rounds.append(Round(number, reviews))
            if rounds[-1].agreed or number == self._rounds:
                break
            # Each revises its own with the other's review in hand.
            portraits = {
                one.name: await calls.make(
                    "revising", self._written(one, material, (portraits[one.name], reviews[other.name]))
                ),
                other.name: await calls.make(
                    "revising", self._written(other, material, (portraits[other.name], reviews[one.name]))
                ),
            }
        chosen = _chosen(one.name, other.name, rounds[-1])
        log = {
            "models": [one.name, other.name],
            "consensus": rounds[-1].agreed,
            "chosen": chosen,
            "rounds": [
                {"number": r.number, "reviews": {n: v.model_dump() for n, v in r.reviews.items()}} for r in rounds
            ],
            "calls": calls.made,
            "at": now().isoformat(),
        }
        return await asyncio.to_thread(self._keep, portraits[chosen], log)

    def _keep(self, content: str, log: dict[str, object]) -> Profile:
        with self._person.writing() as tx:
            # Erased while the models wrote: then nothing of them comes back.
            if self._person.get(tx=tx) is None:
                raise NotFound("the person whom the portrait is of is no more: nothing was kept")
            return self._person.add_profile(content, log, tx=tx)

    def _material(self) -> str:
        """What is remembered, newest last, within what a model can read."""
        lines = [
            f"- {insight.assertion} (noted {insight.created_at:%Y-%m-%d})" for insight in self._person.insights(60)
        ]
        summaries = self._person.active_summaries()
        lines += [f"- {s.period_start:%Y-%m-%d} to {s.period_end:%Y-%m-%d}: {s.content}" for s in summaries]
        said = [
            f"- {message.created_at:%Y-%m-%d}, their words: {cut(message.content, _MESSAGE_TOKENS)}"
            for message in self._person.recent_messages(200)
            if message.role == Role.USER and message.content.strip()
        ]
        left = _MATERIAL_TOKENS - sum(count_tokens(line) + 1 for line in lines)
        kept: list[str] = []
        for line in reversed(said):
            left -= count_tokens(line) + 1
            if left < 0:
                break
            kept.append(line)
        return "\n".join([*lines, *reversed(kept)])

    async def _written(self, model: ChatModel, material: str, before: tuple[str, Review] | None) -> str:
        parts = [quoted("memory", material)]
        if before is not None:
            portrait, review = before
            concerns = "\n".join(f"- {concern}" for concern in review.concerns) or "- none named"
            parts += [
                "Your last version:",
                quoted("portrait", portrait),
                "A careful reader asks for these changes. Write it anew, and meet each that the material bears out:",
                quoted("concerns", concerns),
            ]
        asked = Prompt(
            system=prompt("portrait"), turns=(Turn("user", "\n\n".join(parts)),), max_tokens=_PORTRAIT_TOKENS
        )
        content = (await collected(model.stream(asked))).strip()
        if not content or is_diagnostic(content):
            raise InvalidAnswer(
                f"{model.name} wrote a portrait that may not be kept (it labels, or is empty): try again"
            )
        return content

    async def _review(self, model: ChatModel, material: str, portrait: str) -> Review:
        text = "\n\n".join([quoted("memory", material), quoted("portrait", portrait)])
        asked = Prompt(system=prompt("review"), turns=(Turn("user", text),), max_tokens=1_000)
        return await model.extract(asked, Review)


class _Calls:
    """Counts the calls, and tells of them."""

    def __init__(self, progress: Progress | None, most: int) -> None:
        self.made = 0
        self._progress = progress
        self._most = most

    async def make(self, what: str, call: Awaitable[T]) -> T:
        if self._progress is not None:
            self._progress(what, self.made, self._most)
        self.made += 1
        return await call


def _chosen(one: str, other: str, last: Round) -> str:
    """The portrait that its reviewer has less against; the main model's if they are even."""
    against = {one: last.reviews[other], other: last.reviews[one]}
    return min((one, other), key=lambda name: (not against[name].approved, len(against[name].concerns)))
