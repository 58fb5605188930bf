"""The format of the starter library: reflections written by hand, each with the passage it rests on.

data/stoic_texts/README.md explains it to those who write; what is wrong is told with its line.
"""

from __future__ import annotations

import re

from stoic_emperor.errors import TextUnreadable
from stoic_emperor.library.documents import Decoded, Document, Section, paragraphs
from stoic_emperor.library.markdown import front_matter, tags_of
from stoic_emperor.library.passages import Kind

#: The front matter's ``format``, by which such a file is known.
FORMAT = "reflections"

_FIELD = re.compile(r"-\s+([a-z]+):\s*(.*)")
_FIELDS = frozenset({"passage", "classical", "modern", "themes"})
_NEEDED = ("name", "author", "work")


def is_reflections(text: str) -> bool:
    """Whether a Markdown text says that it is in this format."""
    return front_matter(text.replace("\r\n", "\n"))[0].get("format") == FORMAT


def read_reflections(decoded: Decoded) -> Document:
    """The entries of a file of reflections.

    Raises:
        TextUnreadable: something that belongs to an entry or to the file is missing; the message names it.
    """
    text = decoded.text.replace("\r\n", "\n")
    keys, body = front_matter(text)
    missing = [key for key in _NEEDED if not keys.get(key)]
    if missing:
        raise TextUnreadable(f"its front matter has no {' and no '.join(missing)}")
    first = text.count("\n") - body.count("\n") + 1
    sections: list[Section] = []
    entry: list[str] = []
    opened = 0
    for number, line in enumerate([*body.split("\n"), "## "], first):
        if not line.startswith("## "):
            entry.append(line)
            continue
        if opened:
            sections.append(_entry(entry, opened))
        entry, opened = [line.removeprefix("## ").strip()], number
    if not sections:
        raise TextUnreadable("it has no entry: each begins with a line '## Title'")
    return Document(
        sections=tuple(sections),
        kind=Kind.REFLECTION,
        name=keys["name"],
        author=keys["author"],
        work=keys["work"],
        source=keys.get("source"),
        tags=tags_of(keys),
        notes=decoded.notes,
    )


def _entry(lines: list[str], number: int) -> Section:
    title, *rest = lines
    where = f"line {number:,}: the entry {title!r}"
    if not title:
        raise TextUnreadable(f"line {number:,}: an entry has no title")
    fields: dict[str, str] = {}
    while rest and (not rest[0].strip() or rest[0].startswith("- ")):
        line = rest.pop(0)
        if not line.strip():
            if fields:
                break
            continue
        match = _FIELD.fullmatch(line.rstrip())
        if match is None or match[1] not in _FIELDS or match[1] in fields:
            raise TextUnreadable(f"{where} has a line that is none of {sorted(_FIELDS)}: {line.strip()[:60]!r}")
        fields[match[1]] = match[2].strip()
    if not fields.get("passage"):
        raise TextUnreadable(f"{where} has no line '- passage: …'")
    blocks = paragraphs("\n".join(rest))
    if not blocks:
        raise TextUnreadable(f"{where} has no text")
    return Section(paragraphs=blocks, place=fields["passage"], title=title, tags=tags_of(fields))
