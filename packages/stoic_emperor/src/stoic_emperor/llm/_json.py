"""Finds the one JSON object in what a model wrote around it."""

from __future__ import annotations

import json
from typing import Any

from stoic_emperor.llm._text import clean

_CLOSES = {"{": "}", "[": "]"}


class Unreadable(Exception):
    """What is wrong with an answer, told in the words of its form, so that the model can mend it."""


def first_object(answer: str) -> dict[str, Any]:
    """The first JSON object in ``answer``: after a preface, inside a code fence, alone in a list, before a farewell.

    A trailing comma is overlooked. Nothing else is repaired: a guess at what a model meant would be stored as if a
    person had said it.

    Raises:
        Unreadable: there is none, or it breaks off, or several stand in a list.
    """
    place = 0
    while (begin := _next_bracket(answer, place)) is not None:
        end = _end_of(answer, begin)
        if end is None:
            # What stands inside may be a whole object, but it is not the one that was asked for.
            raise Unreadable("the JSON breaks off before its end")
        value = _parsed(answer[begin:end])
        if isinstance(value, dict):
            return value
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            if len(value) == 1 and isinstance(value[0], dict):
                return value[0]
            raise Unreadable("a list of objects stands where one JSON object should")
        place = end
    raise Unreadable("there is no JSON object in it")


def _next_bracket(text: str, start: int) -> int | None:
    places = [place for bracket in _CLOSES if (place := text.find(bracket, start)) >= 0]
    return min(places, default=None)


def _end_of(text: str, begin: int) -> int | None:
    """Where the bracket that opens at ``begin`` is closed again; strings are skipped."""
    opener, closer = text[begin], _CLOSES[text[begin]]
    depth, inside, escaped = 0, False, False
    for place in range(begin, len(text)):
        character = text[place]
        if inside:
            escaped, inside = character == "\\" and not escaped, escaped or character != '"'
        elif character == '"':
            inside = True
        elif character == opener:
            depth += 1
        elif character == closer:
            depth -= 1
            if not depth:
                return place + 1
    return None


def _parsed(text: str) -> object:
    """The value that ``text`` is in JSON; None if it is none."""
    for candidate in (text, _without_trailing_commas(text)):
        try:
            return _cleaned(json.loads(candidate, strict=False))
        except (json.JSONDecodeError, RecursionError):
            continue
    return None


def _without_trailing_commas(text: str) -> str:
    kept: list[str] = []
    inside, escaped = False, False
    for character in text:
        if inside:
            escaped, inside = character == "\\" and not escaped, escaped or character != '"'
        elif character == '"':
            inside = True
        elif character in "]}":
            # Only blanks may stand between the comma and the bracket.
            last = next((place for place in range(len(kept) - 1, -1, -1) if not kept[place].isspace()), None)
            if last is not None and kept[last] == ",":
                del kept[last]
        kept.append(character)
    return "".join(kept)


def _cleaned(value: object) -> object:
    """``value`` with strings that a database can hold; a NUL written as an escape passes every parser."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): _cleaned(item) for key, item in value.items()}
    return value
