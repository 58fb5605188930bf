"""Markdown: its front matter, its headings as places, and its text without the signs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stoic_emperor.errors import TextUnreadable
from stoic_emperor.library.documents import Decoded, Document, Section, paragraphs
from stoic_emperor.library.passages import Tags

_KEY = re.compile(r"([A-Za-z][\w -]{0,40}?)\s*:\s*(.*)")
_ITEM = re.compile(r"\s*-\s+(.*)")
_HEADING = re.compile(r"(#{1,6})[ \t]+([^ \t].*)")
_UNDERLINE = re.compile(r"(=+|-+)[ \t]*")
_FENCE = re.compile(r"[ \t]{0,3}(?:```|~~~)")
_LINK = re.compile(r"!?\[([^\[\]]{0,500})\]\([^()\s]{0,1000}(?:[ \t]+\"[^\"]{0,200}\")?\)")
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3}|_{1,3})(?=\S)([^*_\n]{1,2000}?)(?<=\S)\1(?!\w)")
_MARKER = re.compile(r"^[ \t]{0,3}(?:>[ \t]?)+|^[ \t]*(?:[-*+])[ \t]+", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:[-*_][ \t]*){3,}$", re.MULTILINE)


def front_matter(text: str) -> tuple[dict[str, str], str]:
    """The keys between two lines of ``---`` at the top, and the rest; a list's items are joined by commas.

    Only what is needed of YAML: a key, a colon, a value on the line or items below it.
    """
    lines = text.split("\n")
    if lines[0].strip() != "---":
        return {}, text
    closing = next((i for i, line in enumerate(lines[1:], 1) if line.strip() in {"---", "..."}), None)
    if closing is None:
        return {}, text
    keys: dict[str, str] = {}
    last = ""
    for line in lines[1:closing]:
        if match := _KEY.fullmatch(line.rstrip()):
            last = match[1].casefold()
            keys[last] = match[2].strip().strip("\"'").removeprefix("[").removesuffix("]")
        elif last and (item := _ITEM.fullmatch(line)):
            keys[last] = ", ".join(part for part in (keys[last], item[1].strip().strip("\"'")) if part)
    return keys, "\n".join(lines[closing + 1 :])


def listed(value: str | None) -> list[str]:
    """What commas part."""
    return [part.strip().strip("\"'") for part in (value or "").split(",") if part.strip()]


def tags_of(keys: Mapping[str, str]) -> Tags:
    """The tags that a front matter, or an entry, names."""
    return Tags.of(
        listed(keys.get("classical")), listed(keys.get("modern")), listed(keys.get("themes") or keys.get("tags"))
    )


def read_markdown(decoded: Decoded) -> Document:
    """The sections of a Markdown file: one a heading, whose place is the path of headings above it."""
    keys, body = front_matter(decoded.text.replace("\r\n", "\n"))
    sections = _sections(_without_comments(body))
    if not sections:
        raise TextUnreadable("it has no text but headings")
    return Document(
        sections=sections,
        name=keys.get("name"),
        author=keys.get("author"),
        work=keys.get("work") or keys.get("title"),
        source=keys.get("source"),
        tags=tags_of(keys),
        notes=decoded.notes,
    )


def _without_comments(text: str) -> str:
    kept: list[str] = []
    at = 0
    while (begin := text.find("<!--", at)) >= 0 and (end := text.find("-->", begin + 4)) >= 0:
        kept.append(text[at:begin])
        at = end + 3
    return "".join([*kept, text[at:]])


def _sections(body: str) -> tuple[Section, ...]:
    sections: list[Section] = []
    path: list[tuple[int, str]] = []
    current: list[str] = []
    fenced = False

    def close() -> None:
        blocks = paragraphs(plain("\n".join(current)))
        current.clear()
        # A file's only first-level heading is its title, which every place would repeat.
        shown = [name for level, name in path if level > 1]
        if blocks:
            sections.append(Section(paragraphs=blocks, place=", ".join(shown) or None))

    for line in body.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
            continue
        heading = None if fenced else _HEADING.fullmatch(line)
        if heading:
            close()
            level = len(heading[1])
            path = [*((n, name) for n, name in path if n < level), (level, plain(_without_closing(heading[2])).strip())]
        elif not fenced and current and current[-1].strip() and _UNDERLINE.fullmatch(line):
            title = current.pop()
            close()
            level = 1 if line.startswith("=") else 2
            path = [*((n, name) for n, name in path if n < level), (level, plain(title).strip())]
        else:
            current.append(line)
    close()
    return tuple(sections)


def _without_closing(heading: str) -> str:
    """``Title ##`` as ``Title``."""
    shown = heading.rstrip(" \t")
    return shown.rstrip("#").rstrip(" \t") or shown


def plain(text: str) -> str:
    """Text without the signs of emphasis, links, lists and quotations."""
    text = _MARKER.sub("", _RULE.sub("", text))
    text = _LINK.sub(r"\1", text).replace("`", "")
    # Twice: one may stand inside the other.
    return _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", text))
