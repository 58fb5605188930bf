"""Finding a conversation again: by its title, or by what was said in it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stoic_emperor.infrastructure._rows import text
from stoic_emperor.memory.dating import dated_turns

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person
    from stoic_emperor.memory.recall import Recall

#: What has none of the words is shown from this nearness in meaning on (cosine). Measured with MiniLM on 24 made-up
#: things to have said and a question in other words for each: 17 of the 24 are above it, and 1 in 61 of what a question
#: is not about; at .22 it is 20, and 1 in 17.
LEAST_NEAR = 0.28

#: Places that are looked at for each conversation that is wanted.
_PLACES = 4

#: Letters of what is shown of a place.
_SHOWN = 240
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A conversation whose title fits, or in which something was said that does."""

    session_id: str
    #: Of what was said; None where only the title was found.
    message_id: str | None
    title: str | None
    excerpt: str
    created_at: dt.datetime


def find_conversations(person: Person, recall: Recall, query: str, limit: int = 20) -> list[Found]:
    """Conversations, each once, with the place that fits best.

    Those whose titles have all words of the query come first, the newest before others; then as the search ranks what
    was said in them.
    """
    words = [word.casefold() for word in _WORD.findall(query)]
    if not words:
        return []
    titles: dict[str, str | None] = {}
    found: dict[str, Found] = {}
    for id_, title, created_at in person.read("session_titles"):
        titles[text(id_)] = None if title is None else text(title)
        if title is not None and all(word in text(title).casefold() for word in words):
            at = person.database.engine.datetime(created_at)
            found[text(id_)] = Found(
                session_id=text(id_), message_id=None, title=text(title), excerpt=text(title), created_at=at
            )
    # One long conversation may have all the best places.
    for recalled in dated_turns(person, recall.turns(query, _PLACES * limit)):
        session_id = recalled.record.session_id
        # What older programs made searchable may belong to no conversation that is kept.
        if session_id not in titles or (not recalled.by_words and (recalled.similarity or 0.0) < LEAST_NEAR):
            continue
        by_title = found.get(session_id)
        if by_title is None or by_title.message_id is None:
            found[session_id] = Found(
                session_id=session_id,
                message_id=recalled.record.id,
                title=titles[session_id],
                excerpt=excerpt(recalled.words, words),
                created_at=recalled.record.created_at,
            )
    return list(found.values())[:limit]


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
