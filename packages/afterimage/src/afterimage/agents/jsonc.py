"""Changes a JSON file that belongs to somebody else: what is not changed keeps every byte, comments included."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")

Path = Sequence[str | int]


class Unparsable(ValueError):
    """The text is no JSON, also if comments and a comma at the end of a list are let pass."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands."""

    value: Any
    start: int
    end: int
    #: Of an object by key, of an array by index: where a part begins (an object's at its key), and its value.
    parts: dict[str | int, tuple[int, Node]] = field(default_factory=dict)


def parse(text: str) -> Node:
    """The value that ``text`` is.

    Raises:
        Unparsable: it is none, or a key stands twice in one object.
    """
    start = _skip(text, 1 if text.startswith("\ufeff") else 0)
    if start == len(text):
        raise Unparsable("it is empty")
    try:
        node = _value(text, start)
    except RecursionError:
        raise Unparsable("it is nested too deeply") from None
    if _skip(text, node.end) != len(text):
        raise Unparsable(_where(text, node.end))
    return node


def get(text: str, path: Path) -> Any:
    """The value at ``path``; None if there is none."""
    node = _find(parse(text), path)
    return None if node is None else node.value


def put(text: str, path: Path, value: Any) -> str:
    """``text`` with ``value`` at ``path`` of keys, or appended where the last step is -1; makes what leads there.

    Raises:
        Unparsable: it cannot be read, or something else stands on the way.
    """
    root = parse(text)
    for depth in range(len(path), -1, -1):
        found = _find(root, path[:depth])
        if found is None:
            continue
        if depth == len(path):
            return text[: found.start] + _spelled(value, text, found.start) + text[found.end :]
        for step in reversed(path[depth + 1 :]):
            value = [value] if step == -1 else {step: value}
        step = path[depth]
        if not isinstance(found.value, list if step == -1 else dict):
            place = ".".join(map(str, path[:depth])) or "it"
            raise Unparsable(f"{place} is {_kind(found.value)}, not {'a list' if step == -1 else 'an object'}")
        return _insert(text, found, step, value)
    raise Unparsable("it has no value")


def remove(text: str, path: Path) -> str:
    """``text`` without what stands at ``path``, its comma and its line."""
    parent = _find(parse(text), path[:-1])
    if parent is None or path[-1] not in parent.parts:
        return text
    start, node = parent.parts[path[-1]]
    end = node.end
    steps = list(parent.parts)
    place = steps.index(path[-1])
    if place + 1 < len(steps):
        end = parent.parts[steps[place + 1]][0]
    elif place:
        # A comma after the last part, which some allow, is then after the one before it, as it was.
        start = parent.parts[steps[place - 1]][1].end
    else:
        return text[: parent.start + 1] + text[parent.end - 1 :]
    return text[:start] + text[end:]


def _insert(text: str, node: Node, step: str | int, value: Any) -> str:
    key = "" if step == -1 else f"{json.dumps(step, ensure_ascii=False)}: "
    if not node.parts:
        inner = _indent_at(text, node.start) + _unit(text)
        body = f"\n{inner}{key}{_json(value, text, inner)}\n{_indent_at(text, node.start)}"
        return text[: node.start + 1] + body + text[node.end - 1 :]
    start, last = list(node.parts.values())[-1]
    if "\n" not in text[node.start : start]:
        body = f", {key}{json.dumps(value, ensure_ascii=False)}"
    else:
        inner = _indent_at(text, start)
        body = f",\n{inner}{key}{_json(value, text, inner)}"
    return text[: last.end] + body + text[last.end :]


def _json(value: Any, text: str, indent: str) -> str:
    return json.dumps(value, indent=_unit(text), ensure_ascii=False).replace("\n", f"\n{indent}")


def _spelled(value: Any, text: str, at: int) -> str:
    return _json(value, text, _indent_at(text, at))


def _kind(value: Any) -> str:
    """What sort of thing ``value`` is, by JSON's names: what it is itself may be nobody else's business."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    kinds = ((str, "a text"), (dict, "an object"), (list, "a list"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "a number")


def _indent_at(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]


def _unit(text: str) -> str:
    found = re.search(r'\n([ \t]+)"', text)
    return found[1] if found else "  "


def _find(node: Node, path: Path) -> Node | None:
    for step in path:
        if step not in node.parts:
            return None
        node = node.parts[step][1]
    return node


def _value(text: str, start: int) -> Node:
    sign = text[start : start + 1]
    if sign in {"{", "["}:
        return _container(text, start, "}" if sign == "{" else "]")
    found = _STRING.match(text, start) or _SCALAR.match(text, start)
    if found is None:
        raise Unparsable(_where(text, start))
    try:
        return Node(json.loads(found[0]), start, found.end())
    except ValueError:
        raise Unparsable(_where(text, start)) from None


def _container(text: str, start: int, closing: str) -> Node:
    parts: dict[str | int, tuple[int, Node]] = {}
    at = _skip(text, start + 1)
    while text[at : at + 1] != closing:
        begin = at
        step: str | int = len(parts)
        if closing == "}":
            key = _STRING.match(text, at)
            colon = _skip(text, key.end()) if key else at
            if key is None or text[colon : colon + 1] != ":":
                raise Unparsable(_where(text, at))
            step = json.loads(key[0])
            if step in parts:
                raise Unparsable(f"the key {step!r} stands there twice")
            at = _skip(text, colon + 1)
        node = _value(text, at)
        parts[step] = (begin, node)
        at = _skip(text, node.end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != closing:
            raise Unparsable(_where(text, at))
    values = {step: node.value for step, (_, node) in parts.items()}
    return Node(values if closing == "}" else list(values.values()), start, at + 1, parts)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _where(text: str, at: int) -> str:
    line = text.count("\n", 0, at) + 1
    return f"line {line}, column {at - text.rfind(chr(10), 0, at)} is not JSON"
