"""A file as the library sees it: sections of paragraphs, and what the file says about itself."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path

from stoic_emperor.errors import NotAText, TextUnreadable
from stoic_emperor.library.passages import Kind, Tags

#: Larger than any book; what is larger is something else.
MAX_BYTES = 64 << 20

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]")
#: Bytes to which Windows-1252 gives no character.
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_BLANK_LINE = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Paragraphs under one heading; no passage reaches from one section into the next."""

    paragraphs: tuple[str, ...]
    place: str | None = None
    title: str | None = None
    tags: Tags = field(default_factory=Tags)


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """The text of a file, and what the file says about it."""

    sections: tuple[Section, ...]
    kind: Kind = Kind.TEXT
    #: The name the file gives itself: it stays the same file wherever it lies.
    name: str | None = None
    author: str | None = None
    work: str | None = None
    source: str | None = None
    tags: Tags = field(default_factory=Tags)
    #: What the reader should know about how it was read.
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text out of bytes."""

    text: str
    notes: tuple[str, ...] = ()


def decode(content: bytes) -> Decoded:
    """The text of a file in UTF-8, in UTF-16 with its mark, or in Windows-1252, of which Latin-1 is a part.

    Raises:
        NotAText: it is empty or binary.
        TextUnreadable: it is damaged.
    """
    decoded = _decode(content)
    if not decoded.text.strip():
        raise NotAText("it is empty")
    if len(_CONTROL.findall(decoded.text)) > len(decoded.text) // 1000:
        raise NotAText("it is a binary file, not a text")
    return decoded


def _decode(content: bytes) -> Decoded:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return Decoded(content.decode("utf-16"))
        except UnicodeDecodeError:
            raise TextUnreadable("it begins as UTF-16 but is not: save it as UTF-8") from None
    if b"\0" in content:
        raise NotAText("it is a binary file, not a text")
    try:
        return Decoded(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return _decode_western(content, error)


def _decode_western(content: bytes, error: UnicodeDecodeError) -> Decoded:
    replaced = content.decode("utf-8", "replace")
    invalid = replaced.count("\ufffd")
    # In Western text two high letters in a row that happen to be valid UTF-8 are rare.
    valid = sum(character > "\x7f" for character in replaced) - invalid
    if valid > invalid or _UNDEFINED.search(content):
        line = content.count(b"\n", 0, error.start) + 1
        raise TextUnreadable(
            f"byte {error.start:,} (line {line:,}) is no valid UTF-8, and the file is no Latin-1 text either: "
            f"save it as UTF-8"
        )
    return Decoded(content.decode("cp1252"), ("no UTF-8: read as Latin-1 (Windows-1252)",))


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        TextUnreadable: it cannot be read, or is too large to be a text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise TextUnreadable(f"it cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise TextUnreadable(f"it is larger than {MAX_BYTES >> 20} MiB, which no book is: split it")
    return content


def paragraphs(text: str) -> tuple[str, ...]:
    """Text as paragraphs, which blank lines part; each is one line."""
    plain = _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n"))
    joined = (" ".join(block.split()) for block in _BLANK_LINE.split(plain))
    return tuple(block for block in joined if block)
