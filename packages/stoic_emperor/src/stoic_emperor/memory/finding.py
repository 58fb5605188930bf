"""Finding a conversation again: by its title, or by what was said in it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stoic_emperor.infrastructure._rows import text

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person
    from stoic_emperor.memory.recall import Recall

#: Letters of what is shown of a place.
_SHOWN = 240
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A place in a conversation, or a conversation whose title fits."""

    session_id: str
    #: None where the title was found.
    message_id: str | None
    title: str | None
    excerpt: str
    created_at: dt.datetime


def find_conversations(person: Person, recall: Recall, query: str, limit: int = 20) -> list[Found]:
    """Titles that have all words of the query, the newest first; then what the person said, as the search ranks it."""
    words = [word.casefold() for word in _WORD.findall(query)]
    if not words:
        return []
    titles: dict[str, str | None] = {}
    found: list[Found] = []
    for id_, title, created_at in person.read("session_titles"):
        titles[text(id_)] = None if title is None else text(title)
        if title is not None and all(word in text(title).casefold() for word in words):
            at = person.database.engine.datetime(created_at)
            found.append(
                Found(session_id=text(id_), message_id=None, title=text(title), excerpt=text(title), created_at=at)
            )
    found = found[:limit]
    for recalled in recall.turns(query, limit - len(found)) if len(found) < limit else ():
        record = recalled.record
        # What older programs made searchable may belong to no conversation that is kept.
        if record.session_id in titles:
            found.append(
                Found(
                    session_id=record.session_id,
                    message_id=record.id,
                    title=titles[record.session_id],
                    excerpt=excerpt(recalled.words, words),
                    created_at=record.created_at,
                )
            )
    return found


def excerpt(said: str, words: Sequence[str]) -> str:
    """What stands around the first of the words, cut between words."""
    line = " ".join(said.split())
    if len(line) <= _SHOWN:
        return line
    places = [at for word in words if (at := line.casefold().find(word)) >= 0]
    start = max(0, min(places, default=0) - _SHOWN // 3)
    end = min(len(line), start + _SHOWN)
    start = 0 if start == 0 else line.find(" ", start) + 1
    end = end if end == len(line) else max(line.rfind(" ", start, end), start + 1)
    return f"{'… ' if start else ''}{line[start:end]}{' …' if end < len(line) else ''}"
