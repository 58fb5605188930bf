"""The companion without a model: passages that fit, one good question, and no pretence."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from stoic_emperor.errors import ModelUnavailable
from stoic_emperor.llm._text import clean
from stoic_emperor.llm.chat_model import Prompt, T
from stoic_emperor.llm.questions import question_for

_NOTICE = (
    "No language model is connected, so nobody is composing an answer to you. What you read here comes from the "
    "library as it stands, and the question is one of a fixed collection."
)
_SHORT_NOTICE = "From the library; no language model is connected."

_ONE = "One passage touches on what you wrote:"
_SEVERAL = "These passages touch on what you wrote:"
_NOTHING = "Nothing in the library comes close to what you wrote."

_EARLIER = "On {day} you wrote something near to this:"
_ASKING = "A question to take with you:"
_ALL_ASKED = "You have met all of my questions by now. Perhaps one of them is worth a second answer."

#: A person reads three passages, not ten.
_SHOWN = 3
_LONGEST = 700


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of the library, and where it stands."""

    text: str
    author: str
    work: str
    #: Book and section, such as "IV.3"; empty if unknown.
    place: str = ""
    #: Written after that place, and not by its author.
    reflection: bool = False

    @property
    def source(self) -> str:
        """Author, work and place on one line."""
        title = f"*{self.work}* {self.place}".strip() if self.work else self.place
        where = ", ".join(part for part in (self.author, title) if part)
        return f"after {where}, in our words" if where and self.reflection else where


@dataclass(frozen=True, slots=True)
class Earlier:
    """Something the person said on another day."""

    text: str
    said_on: dt.date


class LibraryMode:
    """Answers with passages and a question. One instance a session: it asks nothing twice."""

    name = "library"

    def __init__(self) -> None:
        self._asked: list[str] = []

    async def stream(
        self,
        prompt: Prompt,
        passages: Sequence[Passage] = (),
        *,
        said: str | None = None,
        earlier: Earlier | None = None,
    ) -> AsyncGenerator[str, None]:
        """The reply, paragraph by paragraph.

        Args:
            prompt: the conversation; what was asked before, in a session that is resumed, is not asked again.
            passages: what the library has on it, best first.
            said: the person's own words, where the last turn of the prompt holds more than those.
            earlier: what they said before that is near to it.
        """
        before = [turn.text for turn in prompt.turns if turn.role == "assistant"]
        words = prompt.turns[-1].text if said is None else said
        first = True
        for paragraph in self._paragraphs(words, passages, before, earlier):
            yield paragraph if first else f"\n\n{paragraph}"
            first = False

    async def extract(self, prompt: Prompt, schema: type[T]) -> T:  # noqa: ARG002  # the interface's
        """There is nobody to fill in a form.

        Raises:
            ModelUnavailable: always.
        """
        _no_model(schema.__name__)

    async def close(self) -> None:
        """Nothing is open."""

    def _paragraphs(
        self, said: str, passages: Sequence[Passage], before: Sequence[str], earlier: Earlier | None
    ) -> Iterator[str]:
        yield _SHORT_NOTICE if before or self._asked else _NOTICE
        shown = [passage for passage in passages if passage.text.strip()][:_SHOWN]
        if shown:
            yield _ONE if len(shown) == 1 else _SEVERAL
            for passage in shown:
                yield _quoted(passage)
        else:
            yield _NOTHING
        if earlier is not None:
            day = f"{earlier.said_on.day} {earlier.said_on:%B %Y}"
            yield f"{_EARLIER.format(day=day)} “{_shortened(clean(earlier.text).strip())}”"
        question = question_for(said, {*self._asked, *_asked_in(before)})
        if question is None:
            yield _ALL_ASKED
            return
        self._asked.append(question)
        yield f"{_ASKING} {question}"


def _asked_in(replies: Sequence[str]) -> list[str]:
    return [reply.rpartition(_ASKING)[2].strip() for reply in replies if _ASKING in reply]


def _quoted(passage: Passage) -> str:
    """The passage as a quotation in Markdown, cut at the end of a sentence where it is long."""
    lines = [f"> {line}".rstrip() for line in _shortened(clean(passage.text).strip()).splitlines()]
    if passage.source:
        lines += [">", f"> — {passage.source}"]
    return "\n".join(lines)


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    cut = text[:_LONGEST]
    end = max(cut.rfind(mark) for mark in (". ", "! ", "? ", ".\n", "!\n", "?\n"))
    # A sentence that alone fills the space is cut between two words.
    return f"{cut[: end + 1]} […]" if end > _LONGEST // 3 else f"{cut.rpartition(' ')[0]} […]"


def _no_model(what: str) -> NoReturn:
    raise ModelUnavailable(
        f"no language model is configured, so nothing can fill in {what}: set LLM_MAIN_MODEL together with "
        "LLM_BASE_URL, OPENAI_API_KEY or ANTHROPIC_API_KEY"
    )
