"""Plain text: books as Project Gutenberg and others give them away."""

from __future__ import annotations

import re

from stoic_emperor.errors import TextUnreadable
from stoic_emperor.library.documents import Decoded, Document, Section, paragraphs

_START = re.compile(r"\*{3}\s*START OF TH(?:E|IS) PROJECT GUTENBERG[^*]{0,400}\*{3}", re.IGNORECASE)
_END = re.compile(r"\*{3}\s*END OF TH(?:E|IS) PROJECT GUTENBERG", re.IGNORECASE)
#: Before 2003 the licence stood in front, and ended so.
_SMALL_PRINT = re.compile(r"\*END\*?\s*THE SMALL PRINT![^\n]*\n", re.IGNORECASE)
_LAST_LINE = re.compile(r"^End of (?:the |this )?Project Gutenberg", re.IGNORECASE | re.MULTILINE)
_CREDIT = re.compile(
    r"^(?:produced by|e-?text prepared by|this e-?text was|transcribed (?:by|from)|updated editions will)",
    re.IGNORECASE,
)
_FIELD = re.compile(r"^(Title|Author):[ \t]*(\S[^\n]*)$", re.MULTILINE)

_NUMBER = r"(?:[ivxlc]+|\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_ORDINAL = r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth)"
_BOOK = re.compile(
    rf"(?:the\s+{_ORDINAL}\s+book|(?:book|part|volume)\s+{_NUMBER})\b(?:\s*[.:—-]\s*.*)?\.?", re.IGNORECASE
)
_CHAPTER = re.compile(
    rf"(?:chapter|chap\.|letter|epistle|section|lecture|discourse|fragment|essay)\s+{_NUMBER}\b(?:\s*[.:—-]\s*.*)?\.?",
    re.IGNORECASE,
)
#: Longer lines are sentences that begin like a heading.
_MAX_HEADING = 100


def read_plain_text(decoded: Decoded) -> Document:
    """The sections of a book, by its headings; what Project Gutenberg puts around it is left out."""
    text, about = _without_gutenberg(decoded.text.replace("\r\n", "\n"))
    sections = _sections(paragraphs(text))
    if not sections:
        raise TextUnreadable("it has no text but Project Gutenberg's licence")
    return Document(
        sections=sections,
        author=about.get("author"),
        work=about.get("title"),
        source="Project Gutenberg" if about else None,
        notes=decoded.notes,
    )


def _without_gutenberg(text: str) -> tuple[str, dict[str, str]]:
    start = _START.search(text) or _SMALL_PRINT.search(text)
    end = _END.search(text, start.end() if start else 0)
    last = _LAST_LINE.search(text, start.end() if start else 0)
    ends = [match.start() for match in (end, last) if match]
    if start is None and not ends:
        return text, {}
    head = text[: start.start()] if start else ""
    about = {name.lower(): value.strip() for name, value in _FIELD.findall(head)}
    return text[start.end() if start else 0 : min(ends, default=len(text))], {"source": "gutenberg", **about}


def _sections(blocks: tuple[str, ...]) -> tuple[Section, ...]:
    sections: list[Section] = []
    book: str | None = None
    chapter: str | None = None
    current: list[str] = []

    def close() -> None:
        if current:
            place = ", ".join(part for part in (book, chapter) if part) or None
            sections.append(Section(paragraphs=tuple(current), place=place))
            current.clear()

    for number, block in enumerate(blocks):
        if number < 3 and _CREDIT.match(block):
            continue
        if len(block) <= _MAX_HEADING and _BOOK.fullmatch(block):
            close()
            book, chapter = _tidy(block), None
        elif len(block) <= _MAX_HEADING and _CHAPTER.fullmatch(block):
            close()
            chapter = _tidy(block)
        else:
            current.append(block)
    close()
    return tuple(sections)


def _tidy(heading: str) -> str:
    """``BOOK II.`` as ``Book II``; what is not shouted stays."""
    words = heading.rstrip(". ").split()
    if heading.upper() != heading:
        return " ".join(words)
    numeral = re.compile(r"[IVXLC]+[.:]?$")
    return " ".join(word if numeral.match(word) else word.capitalize() for word in words)
