"""What of an entry goes into the recall index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from afterimage.entries import IN_PROJECT
from afterimage.hook import fingerprints
from afterimage.hook.files import name_of
from afterimage.hook.fingerprints import Lines, digest

if TYPE_CHECKING:
    from capsa import Record

#: Characters of an entry that are recognised: what is longer was not written by hand.
_MOST = 400_000

#: A definition in most languages: a word for it, then its name.
_DEFINITION = re.compile(
    r"^[^\S\n]*(?:[\w@.]+[^\S\n]+){0,4}?"
    r"(?:def|class|func|function|fn|struct|enum|trait|interface|type|module|macro_rules!|protocol)[^\S\n*]+"
    r"(?:\([^)\n]{0,80}\)[^\S\n]*)?(?P<name>[^\W\d]\w{1,63})",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one entry."""

    whole: int
    grams: frozenset[int]
    #: Marks that say nothing if many have them.
    rare: frozenset[int]
    #: Marks that every entry keeps: what it is about.
    about: frozenset[int]
    #: What it defines, in its order.
    definitions: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, record: Record) -> Marks:
        """The marks of ``record``."""
        text = record.text[:_MOST]
        lines = Lines(text)
        worthwhile = lines.worthwhile()
        whole = lines.whole() if worthwhile else 0
        grams = frozenset(lines.grams()) if worthwhile else frozenset()
        definitions = tuple(dict.fromkeys(match["name"] for match in _DEFINITION.finditer(text)))
        rare = grams | {whole} | frozenset(fingerprints.terms(text)) if worthwhile else frozenset()
        return cls(whole, grams, rare, frozenset(_about(record, definitions)), definitions)


def _about(record: Record, definitions: tuple[str, ...]) -> Iterator[int]:
    for name in definitions[:64]:
        yield digest(b"define", name.encode("utf-8", "surrogatepass"))
    if record.path:
        yield fingerprints.path_mark(record.path)
        yield fingerprints.name_mark(name_of(record.path))
    project, inside = record.metadata.get("project"), record.metadata.get(IN_PROJECT)
    if isinstance(project, str):
        yield fingerprints.project_mark(project)
        if isinstance(inside, str):
            yield fingerprints.place_mark(project, inside)
