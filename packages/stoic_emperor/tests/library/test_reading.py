from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoic_emperor.errors import NotAText, StoicError, TextMissing, TextUnreadable
from stoic_emperor.library import Kind
from stoic_emperor.library.documents import Decoded, decode
from stoic_emperor.library.markdown import front_matter, read_markdown
from stoic_emperor.library.plain_text import read_plain_text
from stoic_emperor.library.reading import find_files, read_document
from stoic_emperor.library.reflections import read_reflections

GUTENBERG = """The Project Gutenberg EBook of Meditations, by Marcus Aurelius

This eBook is for the use of anyone anywhere.

Title: Meditations

Author: Marcus Aurelius

*** START OF THIS PROJECT GUTENBERG EBOOK MEDITATIONS ***

Produced by A. Volunteer

BOOK II.

Begin the morning
with a plan.

CHAPTER 3

Second thought.

End of Project Gutenberg's Meditations, by Marcus Aurelius

*** END OF THIS PROJECT GUTENBERG EBOOK MEDITATIONS ***

Section 1. General Terms of Use. Please donate.
"""

ENTRIES = """---
format: reflections
name: mine
author: Epictetus
work: Enchiridion
---

## Two handles
- passage: 43
- classical: phronesis, Oikeiosis
- modern: family

Everything has
two handles.

## The price
- passage: 12

Start small.
"""


# Encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_read_with_and_without_its_mark(encoding: str) -> None:
    assert decode("Ἀγαθός – gut".encode(encoding)) == Decoded("Ἀγαθός – gut")


def test_latin_1_is_read_and_told() -> None:
    decoded = decode("Montaigne cita Sénèque à table".encode("latin-1"))
    assert decoded.text == "Montaigne cita Sénèque à table"
    assert "Latin-1" in decoded.notes[0]


def test_damaged_utf_8_is_refused_with_the_place_of_the_damage() -> None:
    with pytest.raises(TextUnreadable, match=r"byte 14 \(line 2\).*save it as UTF-8"):
        decode("Ἀγαθ\nέ ".encode() + b"b\xff\xfe ok")


@pytest.mark.parametrize("content", [b"", b"\n \t", b"\xef\xbb\xbf"])
def test_an_empty_file_is_no_text(content: bytes) -> None:
    with pytest.raises(NotAText, match="empty"):
        decode(content)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0", b"\x01\x02\x03abc"])
def test_a_binary_file_is_no_text(content: bytes) -> None:
    with pytest.raises(NotAText, match="binary"):
        decode(content)


@given(st.binary(max_size=300))
def test_whatever_the_bytes_they_are_read_or_refused(content: bytes) -> None:
    try:
        text = decode(content).text
    except TextUnreadable:
        return
    assert text.strip()


# Plain text


def test_what_project_gutenberg_puts_around_a_book_is_left_out() -> None:
    document = read_plain_text(Decoded(GUTENBERG))
    assert (document.author, document.work, document.source) == ("Marcus Aurelius", "Meditations", "Project Gutenberg")
    assert [(section.place, section.paragraphs) for section in document.sections] == [
        ("Book II", ("Begin the morning with a plan.",)),
        ("Book II, Chapter 3", ("Second thought.",)),
    ]


def test_the_licence_of_the_old_kind_is_left_out_too() -> None:
    old = "**Welcome**\n\n*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\nThe text.\n"
    assert read_plain_text(Decoded(old)).sections[0].paragraphs == ("The text.",)


def test_a_licence_without_a_book_is_refused() -> None:
    with pytest.raises(TextUnreadable, match="licence"):
        read_plain_text(Decoded("*** START OF THE PROJECT GUTENBERG EBOOK X ***\n*** END OF THE PROJECT GUTENBERG"))


def test_a_sentence_that_begins_like_a_heading_is_none() -> None:
    text = "Book two of his work, which I read on the train, made me think.\n\nLetter after letter came."
    assert [section.place for section in read_plain_text(Decoded(text)).sections] == [None]


# Markdown


def test_headings_of_markdown_are_places_and_its_signs_are_gone() -> None:
    text = "# On Anger\n\n## First *book*\n\nA **bold** word, a [link](http://x), `code`.\n\n> quoted\n> on\n\n- item\n"
    (section,) = read_markdown(Decoded(text)).sections
    assert section.place == "First book"
    assert section.paragraphs == ("A bold word, a link, code.", "quoted on", "item")


def test_front_matter_says_whose_work_it_is() -> None:
    document = read_markdown(Decoded("---\nauthor: Seneca\ntitle: 'On Anger'\ntags: [a, b]\n---\nText.\n"))
    assert (document.author, document.work, document.tags.themes) == ("Seneca", "On Anger", ("a", "b"))


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    assert front_matter("---\nText without end") == ({}, "---\nText without end")


@given(st.text(alphabet="#-=*_`[]()>\n ab\t~!<", max_size=200))
def test_whatever_the_markdown_it_is_read_or_refused(text: str) -> None:
    try:
        sections = read_markdown(Decoded(text)).sections
    except TextUnreadable:
        return
    assert all(paragraph.strip() for section in sections for paragraph in section.paragraphs)


def test_a_hundred_thousand_signs_take_no_longer_than_other_text() -> None:
    for sign in "*_[(`#>-!<\n":
        read_markdown(Decoded("word " + sign * 100_000 + " word"))


# The starter library's own format


def test_entries_have_title_passage_tags_and_text() -> None:
    document = read_reflections(Decoded(ENTRIES))
    assert (document.kind, document.name, document.author) == (Kind.REFLECTION, "mine", "Epictetus")
    first, second = document.sections
    assert (first.title, first.place, first.paragraphs) == ("Two handles", "43", ("Everything has two handles.",))
    assert (first.tags.classical, first.tags.modern) == (("phronesis", "oikeiosis"), ("family",))
    assert (second.title, second.place, second.paragraphs) == ("The price", "12", ("Start small.",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("name: mine\n", ""), "front matter has no name"),
        (("- passage: 12\n", ""), "line 16: the entry 'The price' has no line '- passage"),
        (("Start small.\n", ""), "the entry 'The price' has no text"),
        (("- modern: family", "- moderm: family"), "line 8: the entry 'Two handles' has a line that is none of"),
        (("## The price", "## "), "line 16: an entry has no title"),
    ],
)
def test_what_is_wrong_in_an_entry_is_told_with_its_line(change: tuple[str, str], message: str) -> None:
    with pytest.raises(TextUnreadable) as caught:
        read_reflections(Decoded(ENTRIES.replace(*change)))
    assert message in str(caught.value)


# Files and folders


def test_a_missing_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TextMissing, match="nothing was imported"):
        find_files(tmp_path / "none")


def test_a_folder_is_read_with_its_folders_but_no_hidden_ones_and_no_readme(tmp_path: Path) -> None:
    for name in ("b.txt", "a/c.md", "a/README.md", ".git/d.txt", ".hidden.txt", "picture.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    files, left = find_files(tmp_path)
    assert [file.relative_to(tmp_path).as_posix() for file in files] == ["b.txt", "a/c.md"]
    assert {file.name for file, _ in left} == {"README.md", "picture.png"}


def test_a_link_back_up_does_not_lead_round_for_ever(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert len(find_files(tmp_path)[0]) == 1


def test_a_format_nobody_reads_is_named(tmp_path: Path) -> None:
    file = tmp_path / "book.pdf"
    file.write_text("text")
    with pytest.raises(StoicError, match=r"\.epub"):
        read_document(file)
