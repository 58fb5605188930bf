"""What is wrong with the arguments of a call, in one line: which one, what it has to be, and a call that is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

#: A call of each tool that is right.
EXAMPLES: Mapping[str, str] = {
    "search": '{"query": "parse_config", "limit": 5}',
    "similar": '{"code": "def parse_config(path): ..."}',
    "show": '{"id": "3f2a9c1e"}',
    "recent": '{"limit": 10}',
    "remember": '{"text": "Durations are seconds.", "path": "src/durations.py"}',
    "forget": '{"ids": ["3f2a9c1e"]}',
}
#: What an argument has to be, by the kind of mistake; the numbers are the mistake's own.
_WANTED: Mapping[str, str] = {
    "missing": "is missing",
    "string_type": "must be a text",
    "string_unicode": "must be a text in Unicode: it has half of a character that is written as two",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large",
    "int_from_float": "must be a whole number",
    "finite_number": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "too_short": "must have at least {min_length} of them",
    "too_long": "must have at most {max_length} of them",
}
#: Mistakes that are named.
_MOST = 5


def told(tool: str, error: ValidationError) -> str:
    """The line for a call of ``tool`` that failed with ``error``. What was given is not said again."""
    mistakes = list(dict.fromkeys(map(_mistake, error.errors(include_url=False, include_input=False))))
    more = f"; and {len(mistakes) - _MOST} more" if len(mistakes) > _MOST else ""
    return f"{tool} was not called: {'; '.join(mistakes[:_MOST])}{more}. For example: {EXAMPLES[tool]}"


def _mistake(error: Mapping[str, Any]) -> str:
    name, *inside = error["loc"] or ("arguments",)
    place = f"`{name}`" + "".join(f"[{step}]" for step in inside)
    numbers = error.get("ctx", {})
    if numbers.get("min_length") == 1:
        return f"{place} must not be empty"
    wanted = _WANTED.get(error["type"], f"is not right ({error['type']})")
    return f"{place} {wanted.format_map(numbers)}"
