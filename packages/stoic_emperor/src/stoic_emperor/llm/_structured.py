"""Gets a form filled in: by schema, once more with what was wrong, then by words."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from stoic_emperor.errors import InvalidAnswer
from stoic_emperor.llm._effort import FormatRefused
from stoic_emperor.llm._form import Form, Unreadable
from stoic_emperor.llm.chat_model import Prompt, T, Turn

#: Sends a prompt, with the form as a schema or without it, and gives back what the model wrote.
Ask = Callable[[Prompt, Form[Any] | None], Awaitable[str]]

#: More of a wrong answer than this is not sent back.
_QUOTED = 4000


async def filled_in(ask: Ask, prompt: Prompt, form: Form[T], *, model: str) -> T:
    """The form, filled in and checked.

    Servers differ: some enforce a schema, some refuse the very word, some take it and do as they like. So the schema
    is asked for first, and what comes is checked as if it had not been. Whoever refuses it, or cannot keep to it even
    with the mistake pointed out, is told in words.

    Raises:
        InvalidAnswer: no answer fitted.
        ModelUnavailable: there was none.
    """
    in_words = dataclasses.replace(prompt, system=f"{prompt.system}\n\n{form.in_words()}".strip())
    try:
        found = await _asked_twice(ask, prompt, form, schema=form)
    except FormatRefused:
        found = await _asked_twice(ask, in_words, form, schema=None)
    else:
        if isinstance(found, _Wrong):
            # Afresh: what went wrong with the schema would only lead astray.
            found = await _asked(ask, in_words, form, schema=None)
    if isinstance(found, _Wrong):
        raise InvalidAnswer(
            f"the model {model} did not fill in {form.name} as asked ({found.why}): nothing of its answer was kept; "
            "ask again, or choose another model"
        )
    return found


@dataclass(frozen=True, slots=True)
class _Wrong:
    answer: str
    why: str

    def pointed_out(self, prompt: Prompt) -> Prompt:
        correction = (
            f"This does not fit the form: {self.why}. Answer again, with the whole JSON object and nothing else."
        )
        turns = (*prompt.turns, Turn("assistant", self.answer[:_QUOTED]), Turn("user", correction))
        return dataclasses.replace(prompt, turns=turns)


async def _asked_twice(ask: Ask, prompt: Prompt, form: Form[T], *, schema: Form[T] | None) -> T | _Wrong:
    first = await _asked(ask, prompt, form, schema=schema)
    if isinstance(first, _Wrong):
        return await _asked(ask, first.pointed_out(prompt), form, schema=schema)
    return first


async def _asked(ask: Ask, prompt: Prompt, form: Form[T], *, schema: Form[T] | None) -> T | _Wrong:
    answer = await ask(prompt, schema)
    try:
        return form.read(answer)
    except Unreadable as unreadable:
        return _Wrong(answer, str(unreadable))
