"""Makes `afterimage/hook/redaction_table.tsv`, the hook's table of what vendors' secrets look like, from Kingfisher.

    python scripts/redaction_table.py [--check]

Kingfisher (MongoDB, Apache-2.0) carries the rules of Betterleaks (MIT) and Veles (Apache-2.0) and gives them in
process. They are written for engines that never step back; here each is brought into a form that Python's `re` takes,
with every repetition bounded, and with the literals by which the hook tells in microseconds that a rule has nothing to
find.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

TABLE = Path(__file__).parents[1] / "packages/afterimage/src/afterimage/hook/redaction_table.tsv"

_DETECTOR = "kingfisher-secret-scanner"
#: How far something without an end is followed, at most, and at least.
_LONGEST, _SHORTEST = 1_000, 100
#: A literal is at least this long, or it stands everywhere; and so many spellings of one are followed.
_LEAST_LITERAL = 2
_MOST_SPELLINGS = 16
#: What can be shorter than this is too much like anything else.
_LEAST_SECRET = 8
#: What the hook's own rules find whatever the vendor, or what is no secret.
_LEFT_OUT = {
    "curl-auth-header": "the hook's own rule",
    "curl-auth-user": "the hook's own rule",
    "generic-credential-uri": "the hook's own rule",
    "mongodb-connection-string": "the hook's own rule",
    "private-key": "found by its lines",
    "generic-api-key": "the hook's own rule",
}


def rows() -> Iterator[tuple[str, str, int, float, str]]:
    """The table: name, literals, group, entropy, pattern."""
    from kingfisher_sdk import Rules

    rules = Rules(confidence="low")
    patterns: set[str] = set()
    names: set[str] = set()
    for rule in sorted(rules.metadata(), key=lambda rule: rule["id"]):
        detail = rules.detail(rule["id"])
        name = re.sub(r"\.\d+$", "", rule["id"].split(".", 1)[1]).rpartition("/")[2]
        # Parts of a pair, and what is one only in a file of a certain name, are no secrets by themselves.
        if not detail["visible"] or detail["path"] or name in _LEFT_OUT:
            continue
        made = _row(detail)
        if made is None or made[3] in patterns:
            continue
        patterns.add(made[3])
        # Two rules of one thing: the second tells itself apart.
        names.add(name := f"{name}-2" if name in names else name)
        yield (name, *made)


def _row(detail: dict[str, Any]) -> tuple[str, int, float, str] | None:
    group = detail["betterleaks_secret_group"] or 1
    pattern = translated(detail["pattern"])
    tree = parser.parse(pattern)
    literals = required(tree)
    if not literals or min(map(len, literals)) < _LEAST_LITERAL:
        return None
    if group >= tree.state.groups:
        group = 0
    if not detail["betterleaks_secret_group"] and _first_may_be_missing(tree):
        group = 0
    width = _width_of(tree, group)
    if width < _LEAST_SECRET:
        return None
    return ",".join(sorted(literals)), group, _entropy(detail["betterleaks_filter"]), pattern


# Patterns


def translated(pattern: str) -> str:
    """``pattern`` as `re` takes it: flags first or around what they are for, and every repetition bounded."""
    made: list[str] = []
    # For each open group: how many scoped flags end with it.
    open_flags = [0]
    at = 0
    while at < len(pattern):
        step, text = _step(pattern, at)
        if text == "(?i)" and at:
            text = "(?i:"
            open_flags[-1] += 1
        elif text.startswith("(") and not re.fullmatch(r"\(\?[a-z]+\)", text):
            open_flags.append(0)
        elif text == ")":
            text += ")" * open_flags.pop()
        made.append(text)
        at += step
    return "".join(made) + ")" * open_flags.pop()


def _step(pattern: str, at: int) -> tuple[int, str]:
    """How long the next part of ``pattern`` is, and what it becomes."""
    rest = pattern[at:]
    if found := re.match(r"\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\]", rest, re.DOTALL):
        return len(found[0]), found[0].replace("[:alnum:]", "a-zA-Z0-9").replace("[", "\\[").replace("\\[", "[", 1)
    if rest.startswith("\\"):
        return 2, {"\\z": "\\Z", "\\A": "\\A"}.get(rest[:2], rest[:2])
    if found := re.match(r"\(\?(?:[a-z]+\)|[a-z-]*:|P<\w+>)|\(", rest):
        # A name is of no use here.
        return len(found[0]), re.sub(r"\?P<\w+>", "", found[0])
    if found := re.match(r"\{(\d+),\}|([*+])", rest):
        least = int(found[1]) if found[1] else int(found[2] == "+")
        return len(found[0]), f"{{{least},{min(max(4 * least, _SHORTEST), max(_LONGEST, least))}}}"
    return 1, rest[0]


def required(tree: Any) -> frozenset[str]:
    """Texts, in small letters, of which every match has one; the longest there are. Empty if there are none."""
    found: list[frozenset[str]] = []
    runs = [""]
    for operation, argument in [*tree, (None, None)]:
        letters = _spellings(operation, argument)
        if letters and len(runs) * len(letters) <= _MOST_SPELLINGS:
            runs = [run + letter for run in runs for letter in letters]
            continue
        found += [frozenset(runs)] if runs != [""] else []
        runs = [*letters] or [""]
        inner: list[Any] = []
        if operation is sre.SUBPATTERN:
            inner = [argument[3]]
        elif operation is sre.BRANCH:
            inner = argument[1]
        elif operation in {sre.MAX_REPEAT, sre.MIN_REPEAT} and argument[0]:
            inner = [argument[2]]
        each = [required(part) for part in inner]
        if each and all(each):
            found.append(frozenset().union(*each))
    return max(found, key=lambda texts: (min(map(len, texts)), -len(texts)), default=frozenset())


def _spellings(operation: Any, argument: Any) -> tuple[str, ...]:
    """The few texts, in small letters, that a part can be; none if it can be many."""
    if operation is sre.LITERAL:
        return (chr(argument).lower(),)
    if operation is sre.IN and all(kind is sre.LITERAL for kind, _ in argument):
        return tuple(dict.fromkeys(chr(code).lower() for _, code in argument))[: _MOST_SPELLINGS + 1]
    if operation is sre.SUBPATTERN:
        return _spelled(argument[3])
    if operation is sre.BRANCH:
        each = [_spelled(part) for part in argument[1]]
        return tuple(dict.fromkeys(text for texts in each for text in texts)) if all(each) else ()
    return ()


def _spelled(tree: Any) -> tuple[str, ...]:
    made = [""]
    for operation, argument in tree:
        letters = _spellings(operation, argument)
        made = [text + letter for text in made for letter in letters]
        if not 0 < len(made) <= _MOST_SPELLINGS:
            return ()
    return tuple(made) if made != [""] else ()


def _width_of(tree: Any, group: int) -> int:
    """The length of the shortest text that ``group`` can be."""
    if not group:
        return int(tree.getwidth()[0])
    return next(int(part.getwidth()[0]) for number, part in _groups(tree) if number == group)


def _first_may_be_missing(tree: Any) -> bool:
    """Whether one match can have a first group and another none: then all of the match is taken out."""
    for operation, argument in tree:
        if operation is sre.SUBPATTERN:
            if argument[0] == 1:
                return False
            if any(number == 1 for number, _ in _groups(argument[3])):
                return _first_may_be_missing(argument[3])
        elif operation is sre.BRANCH:
            return any(number for part in argument[1] for number, _ in _groups(part))
        elif operation in {sre.MAX_REPEAT, sre.MIN_REPEAT} and any(_groups(argument[2])):
            return True
    return False


def _groups(tree: Any) -> Iterator[tuple[int, Any]]:
    for operation, argument in tree:
        if operation is sre.SUBPATTERN:
            if argument[0]:
                yield argument[0], argument[3]
            yield from _groups(argument[3])
        elif operation is sre.BRANCH:
            for part in argument[1]:
                yield from _groups(part)
        elif operation in {sre.MAX_REPEAT, sre.MIN_REPEAT}:
            yield from _groups(argument[2])


# Filters


def _entropy(condition: Any) -> float:
    """The least entropy that a finding must have, by the condition under which it is dropped."""
    if not isinstance(condition, dict) or condition.get("kind") != "binary":
        return 0.0
    if condition["operator"] == "||":
        return max(_entropy(condition["left"]), _entropy(condition["right"]))
    callee = condition["left"].get("callee", {})
    if condition["operator"] in {"<", "<="} and callee.get("value") == "entropy":
        return float(condition["right"]["value"])
    return 0.0


def table() -> str:
    """The file's content."""
    lines = [
        f"{name}\t{literals}\t{group}\t{entropy:g}\t{pattern}" for name, literals, group, entropy, pattern in rows()
    ]
    return "\n".join([*_head(), *lines]) + "\n"


def _head() -> Sequence[str]:
    return (
        f"# Made by scripts/redaction_table.py from {_DETECTOR} {version(_DETECTOR)}: do not edit.",
        "# The patterns are those of Betterleaks (MIT) and Veles (Apache-2.0) as Kingfisher (Apache-2.0) carries them,",
        "# changed as the script says; their notices are in redaction_table.NOTICE.",
        "# name, literals of which one is there, group, entropy, pattern",
    )


def main(arguments: Sequence[str]) -> int:
    """Write the table, or with ``--check`` say whether it is what it should be."""
    made = table()
    if "--check" in arguments:
        same = TABLE.read_text("utf-8") == made
        print("the table is as the detector gives it" if same else f"{TABLE} is another: run this without --check")
        return 0 if same else 1
    TABLE.write_text(made, "utf-8")
    print(f"{TABLE}: {made.count(chr(10)) - len(_head())} rules")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
