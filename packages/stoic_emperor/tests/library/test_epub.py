"""EPUBs, those of honest people and the others."""

from __future__ import annotations

import io
import zipfile

import pytest

from stoic_emperor.errors import TextUnreadable
from stoic_emperor.library import epub
from stoic_emperor.library.epub import read_epub

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">
<metadata><dc:title>On Anger</dc:title><dc:creator>Seneca</dc:creator></metadata>
<manifest>
<item id="two" href="text/two%20.xhtml" media-type="application/xhtml+xml"/>
<item id="one" href="text/one.xhtml" media-type="application/xhtml+xml"/>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="cover" href="cover.png" media-type="image/png"/>
</manifest>
<spine><itemref idref="cover"/><itemref idref="nav"/><itemref idref="one"/><itemref idref="two"/></spine></package>"""
ONE = """<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html><head><title>no</title><style>no</style></head>
<body><h1>Book <em>I</em></h1><p>First &amp;
foremost<sup>1</sup>.</p><p>A<br/>break &#8212; caf&eacute;.</p><script>no()</script></body></html>"""
TWO = "<html><body><p>Before.</p><h2>Chapter 2</h2><div>In a <b>div</b>.</div></body></html>"


def book(**changes: str | bytes | None) -> bytes:
    files: dict[str, str | bytes | None] = {
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": PACKAGE,
        "OEBPS/text/one.xhtml": ONE,
        "OEBPS/text/two .xhtml": TWO,
        "OEBPS/nav.xhtml": "<html><body><p>Contents</p></body></html>",
    }
    files |= {name.replace("__", "/"): value for name, value in changes.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            if content is not None:
                archive.writestr(name, content)
    return buffer.getvalue()


def test_pages_are_read_in_the_order_of_the_spine() -> None:
    document = read_epub(book())
    assert (document.author, document.work) == ("Seneca", "On Anger")
    assert [(section.place, section.paragraphs) for section in document.sections] == [
        ("Book I", ("First & foremost.", "A break — café.")),
        (None, ("Before.",)),
        ("Chapter 2", ("In a div.",)),
    ]


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE html>",
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">',
        '<!DOCTYPE html [ <!ENTITY nbsp "&#160;"> <!ENTITY mdash "]>"> ]>',
        '<!DOCTYPE html SYSTEM "a>b" [\n<!ATTLIST p x CDATA "y">\n]\n>',
    ],
)
def test_of_a_document_type_nothing_is_read_as_text(doctype: str) -> None:
    page = ONE.replace("<!DOCTYPE html>", doctype)
    first = read_epub(book(**{"OEBPS/text/one.xhtml": page})).sections[0]
    assert (first.place, first.paragraphs[0]) == ("Book I", "First & foremost.")
    assert "]" not in "".join(first.paragraphs)


@pytest.mark.parametrize(
    ("page", "paragraphs"),
    [
        ("<p>One<!-- <p>no</p> > --> two</p><p>3</p>", ("One two", "3")),
        ("<p>One<![CDATA[ < two & ]]></p>", ("One < two &",)),
        ("<p>One<script>if (a<b) '<head>'</SCRIPT> two</p>", ("One two",)),
        ("<head><title/><script src='x'/></head><p>One</p>", ("One",)),
        ("<p title='a > b'>One</p><P CLASS=x>Two</P>", ("One", "Two")),
        ("<p don't>One</p>", ("One",)),
        ("<p>1 < 2, and 3<4.</p>", ("1 < 2, and 3<4.",)),
        ("<p>One<!-- and no end <p>Two</p>", ("One",)),
        ("<?xml version='1.0'?><p>AT&amp;T, AT&T &#8212; &nosuch;</p>", ("AT&T, AT&T — &nosuch;",)),
    ],
)
def test_a_page_is_read_whether_well_formed_or_not(page: str, paragraphs: tuple[str, ...]) -> None:
    assert read_epub(book(**{"OEBPS/text/one.xhtml": page})).sections[0].paragraphs == paragraphs


def test_what_is_no_zip_is_refused() -> None:
    with pytest.raises(TextUnreadable, match="EPUB"):
        read_epub(b"PK no")


@pytest.mark.parametrize("cut", [50, 300, 900])
def test_a_damaged_archive_is_refused(cut: int) -> None:
    content = book()
    with pytest.raises(TextUnreadable):
        read_epub(content[:cut])


def test_damage_inside_is_noticed_wherever_it_is() -> None:
    content = book()
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        try:
            read_epub(bytes(damaged))
        except TextUnreadable:
            continue


@pytest.mark.parametrize("missing", ["META-INF/container.xml", "OEBPS/book.opf", "OEBPS/text/one.xhtml"])
def test_a_missing_part_is_named(missing: str) -> None:
    with pytest.raises(TextUnreadable, match=missing):
        read_epub(book(**{missing: None}))


@pytest.mark.parametrize(
    "reference",
    ["../../../etc/passwd", "/etc/passwd", "../..", "file:///etc/passwd", "https://example.org/x", "//host/x"],
)
def test_a_reference_out_of_the_book_is_refused(reference: str) -> None:
    for part, text in (("OEBPS/book.opf", PACKAGE), ("META-INF/container.xml", CONTAINER)):
        named = text.replace("text/one.xhtml", reference).replace("OEBPS/book.opf", reference)
        with pytest.raises(TextUnreadable, match="leads out of it"):
            read_epub(book(**{part: named}))


def test_entities_are_refused_before_they_multiply() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(12))
    for encoding in ("utf-8", "utf-16"):
        bomb = f"<!DOCTYPE package [{laughs}]>{PACKAGE.replace('On Anger', '&l11;')}".encode(encoding)
        with pytest.raises(TextUnreadable, match="entities"):
            read_epub(book(**{"OEBPS/book.opf": bomb}))


def test_an_external_entity_reads_no_file() -> None:
    external = '<!DOCTYPE package [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + PACKAGE.replace("On Anger", "&x;")
    with pytest.raises(TextUnreadable, match="entities"):
        read_epub(book(**{"OEBPS/book.opf": external}))


def test_a_bomb_ends_with_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epub, "MAX_FILE", 100_000)
    with pytest.raises(TextUnreadable, match="grows beyond"):
        read_epub(book(**{"OEBPS/text/one.xhtml": "<p>" + "a" * 200_000}))
    monkeypatch.setattr(epub, "MAX_TOTAL", 1_000)
    with pytest.raises(TextUnreadable, match="grows beyond"):
        read_epub(book(**{"OEBPS/text/one.xhtml": "<p>" + "a" * 2_000}))


def test_a_size_that_the_archive_lies_about_does_not_help_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epub, "MAX_FILE", 100_000)
    content = book(**{"OEBPS/text/one.xhtml": "<p>" + "a" * 200_000})
    lie = content.replace((200_003).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lie != content
    with pytest.raises(TextUnreadable):
        read_epub(lie)


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epub, "MAX_FILES", 4)
    with pytest.raises(TextUnreadable, match="more than 4 files"):
        read_epub(book())


def test_a_protected_book_says_so() -> None:
    content = bytearray(book())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := content.find(signature, place + 1)) >= 0:
            content[place + offset] |= 1
    with pytest.raises(TextUnreadable, match="protected"):
        read_epub(bytes(content))


def test_a_book_of_pictures_has_no_text() -> None:
    with pytest.raises(TextUnreadable, match="without any text"):
        read_epub(book(**{"OEBPS/text/one.xhtml": "<html/>", "OEBPS/text/two .xhtml": "<html/>"}))


def test_deep_nesting_is_read() -> None:
    document = read_epub(book(**{"OEBPS/text/one.xhtml": "<div>" * 100_000 + "deep"}))
    assert document.sections[0].paragraphs == ("deep",)
