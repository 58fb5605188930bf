"""What was found as text for an agent: bounded, and marked as data, as the hook does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from afterimage.hook import answers, marker

if TYPE_CHECKING:
    import datetime as dt

    from afterimage.retrieval.forgetting import Forgotten
    from afterimage.retrieval.given import Given
    from afterimage.retrieval.items import Found, Item

#: Characters of one answer, markers included: the hook's limit, well below the 10,000 that clients take.
MOST = answers.MOST
#: Characters kept free for what is said of the answer itself.
_CLOSING = 600
#: Characters of a path, a branch or another fact.
_FACT = 300
_OTHERS = 3


def results(found: Found, nothing: str, given: Given) -> str:
    """Items with their code; those without room, and those that the session was given before, by a line each."""
    again = [_line(item) for item in found.items if item.key in given]
    items = [item for item in found.items if item.key not in given]
    lines = [_line(item) for item in items]
    shown: list[str] = []
    room = MOST - _CLOSING - sum(len(line) + 1 for line in [*lines, *again])
    for item in items:
        text = _block(item)
        if len(text) > room:
            break
        shown.append(text)
        given.add(item.key)
        room -= len(text) + 2
    rest = lines[len(shown) :]
    parts = [
        *shown,
        *(["More, without their code:\n" + "\n".join(rest)] if rest else []),
        *(["Given before in this session (`show` gives one again):\n" + "\n".join(again)] if again else []),
    ]
    return _marked([*(parts or [nothing]), *map(marker.escape, found.notes)])


def listing(found: Found, nothing: str) -> str:
    """Items by a line each."""
    return _marked(["\n".join(_line(item) for item in found.items) or nothing])


def whole(item: Item, line: int = 1) -> str:
    """One item, from a line of its code on, as much as there is room for."""
    lines = item.code.split("\n")
    first = min(max(line, 1), len(lines)) - 1
    facts = [*_facts(item), *([f"context: {_short(item.context)}"] if item.context else [])]
    room = MOST - _CLOSING - len(_short(item.path)) - sum(len(fact) + 2 for fact in facts)
    shown: list[str] = []
    for text in lines[first:]:
        if len(text) + 1 > room:
            break
        shown.append(text)
        room -= len(text) + 1
    last = first + len(shown)
    if not shown:  # A line as long as all the room.
        shown, last = [lines[first][:room] + "[…]"], first + 1
    left = len(lines) - last
    more = [f"{left:,} more lines: show it with line={last + 1}"] if left else []
    return _marked([answers.block(_short(item.path) or "a note", facts, "\n".join(shown), first), *more])


def forgotten(what: Forgotten) -> str:
    """What went, by where it was, and not what it said."""
    lines = [f"- {record.id} {_short(record.path or 'a note')} ({_day(record.created_at)})" for record in what.records]
    kept = lines[:40] + ([f"- and {len(lines) - 40} more"] if len(lines) > 40 else [])
    count = len(what.records)
    opening = (
        f"Forgotten: {count} {'entry' if count == 1 else 'entries'} with all words and vectors "
        f"({what.vectors} of the present model), {what.indexed} from the hooks' recall index."
    )
    later = [] if what.in_step else ["The hooks' recall index is in use; it follows within a minute."]
    return _marked(["\n".join([opening, *map(marker.escape, kept), *later])])


def _marked(parts: Sequence[str]) -> str:
    body = "\n\n".join(parts)
    most = MOST - len(marker.BEGIN) - len(marker.END) - 8
    return marker.wrap(body if len(body) <= most else body[:most] + "\n[…]")


def _block(item: Item) -> str:
    unit = item.unit
    shown, first = answers.part(unit.text if unit else item.code, item.near)
    text = answers.block(_place(item), _facts(item), shown, first + (unit.first - 1 if unit else 0))
    if not item.others:
        return text
    others = [f"{other.id} {_short(other.path)} ({_day(other.at)})" for other in item.others[:_OTHERS]]
    more = len(item.others) - _OTHERS
    others += [f"and {more} more"] if more > 0 else []
    return text + marker.escape("\nnearly the same, older: " + "; ".join(others))


def _line(item: Item) -> str:
    code = item.unit.text if item.unit else item.code
    title = next((line.strip() for line in code.split("\n") if line.strip()), item.change)
    times = f"{len(item.others) + 1} entries; " if item.others else ""
    return marker.escape(f"- {_place(item)} ({times}{'; '.join(_facts(item))}): {title[:80]}")


def _facts(item: Item) -> list[str]:
    facts = [
        _short(item.why),
        _day(item.at),
        f"by {_short(item.author)}" if item.author else "",
        f"session {item.session[:8]}" if item.session else "",
        f"project {_short(item.project)}" if item.project else "project unknown",
        f"branch {_short(item.branch)}" if item.branch else "",
        item.standing,
        f"id {item.id}",
    ]
    return [fact for fact in facts if fact]


def _place(item: Item) -> str:
    place = _short(item.path) or "a note"
    return f"{place}, {_short(item.unit.name)}" if item.unit and item.unit.name else place


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _FACT else "…" + flat[-_FACT + 1 :]


def _day(moment: dt.datetime) -> str:
    return answers.day(int(moment.timestamp() * 1_000_000))
