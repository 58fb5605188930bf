"""What quality is measured with: some of a person's own entries, and what somebody might ask for each of them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from afterimage.chunking.cutting import cut
from afterimage.hook.fingerprints import Lines

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from capsa import Record

#: Of each memory the same entries, as long as it stays the same.
SEED = 1
#: So many are drawn for one that is asked for: some have too little code to be asked for.
_DRAWN = 4
#: Letters of a line that is looked for, and words of a sentence.
_LINE = range(16, 121)
_SENTENCE = range(3, 40)
_DOCSTRING = re.compile(r'"""\s*(.+?)(?:"""|\Z)|/\*\*?\s*(.+?)\*/', re.DOTALL)
_COMMENT = re.compile(r"^\s*(?:#|//)\s?(\w.*)$", re.MULTILINE)


def sample(backend: StorageBackend, size: int, seed: int = SEED) -> list[Record]:
    """At most ``size`` entries with enough code to be recognised, drawn evenly, in constant memory."""
    chance = random.Random(seed)  # noqa: S311  # the same every time
    drawn: list[str] = []
    for number, id_ in enumerate(backend.collection.ids()):
        if number < size * _DRAWN:
            drawn.append(id_)
        elif (place := chance.randrange(number + 1)) < size * _DRAWN:
            drawn[place] = id_
    chance.shuffle(drawn)
    found: list[Record] = []
    for first in range(0, len(drawn), size):
        records = backend.collection.get_many(drawn[first : first + size])
        found += [records[id_] for id_ in drawn[first : first + size] if id_ in records and _enough(records[id_])]
        if len(found) >= size:
            break
    return found[:size]


def questions(record: Record) -> Iterator[tuple[str, str]]:
    """Kinds of question, each with the one that asks for this entry; what it cannot be asked by is left out."""
    if names := [unit.name for unit in cut(record.path or "", record.text).units if unit.name and unit.kind != "block"]:
        yield "identifiers", " ".join(name.rpartition(".")[2] for name in names[:2])
    lines = [line.strip() for line in record.text.split("\n")]
    if known := [line for line in lines if len(line) in _LINE]:
        yield "line", max(known, key=len)
    if sentence := _sentence(record.text):
        yield "sentence", sentence


def _enough(record: Record) -> bool:
    return bool(record.path) and Lines(record.text).worthwhile()


def _sentence(text: str) -> str:
    """The first sentence of the docstring or comment that comes first."""
    found = [match for match in (_DOCSTRING.search(text), _COMMENT.search(text)) if match]
    if not found:
        return ""
    first = min(found, key=lambda match: match.start())
    said = " ".join((next(filter(None, first.groups()), "")).replace("*", " ").split())
    sentence = re.split(r"[.:;?!](?:\s|$)", said)[0]
    return sentence if len(sentence.split()) in _SENTENCE else ""
