"""EPUB: a zip of XHTML pages in the order of a spine, read without trusting any of it.

Nothing is unpacked to the disk, so no name in the archive can lead anywhere; what is read is counted, so a
bomb ends with a message; the XML may declare no entities, so none can multiply.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from html import unescape
from urllib.parse import unquote, urlsplit
from xml.parsers import expat

from stoic_emperor.errors import TextUnreadable
from stoic_emperor.library.documents import Document, Section, paragraphs

#: Of the archive, of all that is read out of it, and of one file in it.
MAX_FILES = 20_000
MAX_TOTAL = 64 << 20
MAX_FILE = 16 << 20

_PAGES = frozenset({"application/xhtml+xml", "text/html", "text/x-oeb1-document"})
_CONTAINER = "META-INF/container.xml"

Element = tuple[str, dict[str, str], str]


def read_epub(content: bytes) -> Document:
    """The pages of a book as sections.

    Raises:
        TextUnreadable: no EPUB, protected, damaged, or too large once unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _read(_Archive(archive))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise TextUnreadable(f"it is a damaged EPUB or none at all ({error})") from None


class _Archive:
    """A zip file that gives only so much."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._members = {info.filename: info for info in archive.infolist()}
        self._left = MAX_TOTAL
        if len(self._members) > MAX_FILES:
            raise TextUnreadable(f"it has more than {MAX_FILES:,} files inside, which no book has")

    def read(self, name: str) -> bytes:
        info = self._members.get(name)
        if info is None:
            raise TextUnreadable(f"it is a damaged EPUB: {name!r} is named but not inside")
        if info.flag_bits & 1:
            raise TextUnreadable("it is protected by a password or a licence: the library reads free books only")
        # The size that the archive declares may be a lie; what is read is counted.
        bound = min(MAX_FILE, self._left)
        with self._archive.open(info) as member:
            data = member.read(bound + 1)
        if len(data) > bound:
            raise TextUnreadable(
                f"unpacked it grows beyond {MAX_TOTAL >> 20} MiB, or a page of it beyond {MAX_FILE >> 20} MiB: "
                f"no book does"
            )
        self._left -= len(data)
        return data


def _read(archive: _Archive) -> Document:
    package = next(
        (about.get("full-path", "") for name, about, _ in _elements(archive.read(_CONTAINER)) if name == "rootfile"), ""
    )
    package = _inside("", package)
    elements = _elements(archive.read(package))
    manifest = {about.get("id", ""): about for name, about, _ in elements if name == "item"}
    sections: list[Section] = []
    for name, about, _ in elements:
        item = manifest.get(about.get("idref", "")) if name == "itemref" else None
        if item is None or item.get("media-type") not in _PAGES or "nav" in item.get("properties", "").split():
            continue
        page = archive.read(_inside(posixpath.dirname(package), item.get("href", "")))
        sections.extend(_sections(page))
    if not sections:
        raise TextUnreadable("it is an EPUB without any text")
    return Document(sections=tuple(sections), author=_said(elements, "creator"), work=_said(elements, "title"))


def _said(elements: list[Element], name: str) -> str | None:
    return next((" ".join(text.split()) for found, _, text in elements if found == name and text.strip()), None)


def _inside(folder: str, reference: str) -> str:
    """The name in the archive that a reference means."""
    parts = urlsplit(reference)
    name = posixpath.normpath(posixpath.join(folder, unquote(parts.path)))
    if parts.scheme or parts.netloc or not parts.path or name.startswith(("/", "../")) or name == "..":
        raise TextUnreadable(f"it is a damaged EPUB: {reference[:80]!r} leads out of it")
    return name


def _elements(content: bytes) -> list[Element]:
    """Every element in the order of the file: name without namespace, attributes, and the text directly in it."""
    found: list[tuple[str, dict[str, str], list[str]]] = []
    open_: list[list[str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        found.append((_local(name), {_local(key): value for key, value in attributes.items()}, []))
        open_.append(found[-1][2])

    def declared(*_: object) -> None:
        raise TextUnreadable("it declares XML entities, which no book needs: it is not read")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: open_.pop()
    parser.CharacterDataHandler = lambda text: open_[-1].append(text) if open_ else None
    parser.EntityDeclHandler = declared
    try:
        parser.Parse(content, True)  # noqa: FBT003 - positional only
    except expat.ExpatError as error:
        raise TextUnreadable(f"it is a damaged EPUB: its XML cannot be read ({error})") from None
    return [(name, about, "".join(text)) for name, about, text in found]


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


#: With declarations of its own in brackets, after whose first ``>`` a reader of HTML would take the rest for text.
_DOCTYPE = re.compile(r"""(?:[^>\["']|"[^"]*"|'[^']*')*(?:\[(?:[^\]"']|"[^"]*"|'[^']*')*\]\s*)?>""")


def _without_doctype(text: str) -> str:
    # Looked for once: a page with a thousand of them must not take a thousand times as long.
    before, found, rest = text.partition("<!DOCTYPE")
    match = _DOCTYPE.match(rest)
    return before + (rest.partition(">")[2] if match is None else rest[match.end() :]) if found else text


#: The beginning of a comment or of text as it stands; a tag; a declaration. No ``<`` may stand inside a tag, as XML has
#: it: so whatever is not closed is looked at as far as the next one, and not to the end of the page.
_MARKUP = re.compile(
    r"""<(?:(?P<verbatim>!--|!\[CDATA\[)"""
    r"""|(?P<closing>/?)(?P<name>[A-Za-z][^\s/<>"']*+)(?:(?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+>|[^<>]*+>)"""
    r"""|[!?][^<>]*+>)"""
)
_VERBATIM_ENDS = {"!--": "-->", "![CDATA[": "]]>"}
_PROGRAM_ENDS = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style")}


def _sections(page: bytes) -> list[Section]:
    """The headings and paragraphs of a page, be it well-formed or not, in time linear to its length."""
    text, reader, at = _without_doctype(_page_text(page)), _Page(), 0
    while match := _MARKUP.search(text, at):
        reader.text(unescape(text[at : match.start()]))
        at = match.end()
        if verbatim := match["verbatim"]:
            end = text.find(_VERBATIM_ENDS[verbatim], at)
            # What never ends reaches to the end of the page.
            at, within = (len(text), "") if end < 0 else (end + 3, text[at:end])
            if verbatim != "!--":
                reader.text(within)
        elif match["name"]:
            name, closed_at_once = match["name"].lower(), match[0].endswith("/>")
            if not match["closing"]:
                reader.start(name)
            if match["closing"] or closed_at_once:
                reader.end(name)
            elif name in _PROGRAM_ENDS:
                end_tag = _PROGRAM_ENDS[name].search(text, at)
                at = len(text) if end_tag is None else end_tag.start()
    reader.text(unescape(text[at:]))
    return reader.sections()


def _page_text(page: bytes) -> str:
    if page.startswith((b"\xff\xfe", b"\xfe\xff")):
        return page.decode("utf-16", "replace")
    declared = re.search(rb"encoding=[\"']([\w-]{1,40})", page[:200])
    try:
        return page.decode(declared[1].decode() if declared else "utf-8-sig")
    except (UnicodeDecodeError, LookupError):
        return page.decode("cp1252", "replace")


class _Page:
    """One page: its headings and its paragraphs."""

    _BLOCKS = frozenset(
        {"p", "div", "li", "blockquote", "section", "article", "tr", "td", "th", "dt", "dd", "pre", "ul", "ol", "dl"}
        | {"table", "body", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "figure"}
    )
    _LEFT_OUT = frozenset({"script", "style", "head", "nav", "svg", "math", "sup"})
    _HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})

    def __init__(self) -> None:
        self._parts: list[tuple[str | None, list[str]]] = [(None, [])]
        self._heading: list[str] | None = None
        self._outside = 0

    def start(self, tag: str) -> None:
        if tag in self._LEFT_OUT:
            self._outside += 1
        elif tag in self._HEADINGS:
            self._heading = []
        elif tag == "br":
            self._add(" ")
        elif tag in self._BLOCKS:
            self._add("\n\n")

    def end(self, tag: str) -> None:
        if tag in self._LEFT_OUT:
            self._outside = max(0, self._outside - 1)
        elif tag in self._HEADINGS and self._heading is not None:
            heading, self._heading = " ".join("".join(self._heading).split()), None
            if heading:
                self._parts.append((heading, []))
        elif tag in self._BLOCKS:
            self._add("\n\n")

    def text(self, data: str) -> None:
        # Line breaks in the source are no paragraphs.
        self._add(data.replace("\n", " ").replace("\r", " "))

    def _add(self, text: str) -> None:
        if not self._outside:
            (self._parts[-1][1] if self._heading is None else self._heading).append(text)

    def sections(self) -> list[Section]:
        """Those with text."""
        read = [(heading, paragraphs("".join(parts))) for heading, parts in self._parts]
        return [Section(paragraphs=blocks, place=heading) for heading, blocks in read if blocks]
