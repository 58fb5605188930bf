"""The starter library itself: what somebody reads at night must be in order."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from capsa import Store, open_database
from capsa.testing.embedders import HashingEmbedder
from stoic_emperor.library import Kind, Library
from stoic_emperor.library.chunks import chunks
from stoic_emperor.library.documents import Document, Section
from stoic_emperor.library.reading import find_files, read_document

FOLDER = Path(__file__).resolve().parents[4] / "data" / "stoic_texts"

#: Chapters of works in one book; of works in several, sections or chapters of each.
EXTENTS: dict[tuple[str, str], int | list[int]] = {
    ("Marcus Aurelius", "Meditations"): [17, 17, 16, 51, 37, 59, 75, 61, 42, 38, 39, 36],
    ("Epictetus", "Discourses"): [30, 26, 26, 13],
    ("Epictetus", "Enchiridion"): 53,
    ("Epictetus", "Fragments"): 36,
    ("Seneca", "Letters to Lucilius"): 124,
    ("Seneca", "On Anger"): [21, 36, 43],
    ("Seneca", "On Benefits"): [15, 35, 38, 40, 25, 43, 32],
    ("Seneca", "On Providence"): 6,
    ("Seneca", "On the Happy Life"): 28,
    ("Seneca", "On the Shortness of Life"): 20,
    ("Seneca", "On Tranquillity of Mind"): 17,
    ("Seneca", "Consolation to Helvia"): 20,
    ("Seneca", "Consolation to Marcia"): 26,
    ("Musonius Rufus", "Lectures"): 21,
}


def documents() -> list[Document]:
    return [read_document(path) for path in find_files(FOLDER)[0]]


def entries() -> list[tuple[Document, Section]]:
    return [(document, section) for document in documents() for section in document.sections]


def vocabulary() -> tuple[set[str], set[str]]:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    classical = set(re.findall(r"^\| ([^|]+?) \|", readme.partition("## Classical tags")[2], re.MULTILINE))
    modern = readme.partition("## Modern tags")[2]
    return classical - {"tag", "---"}, {tag.strip() for tag in " ".join(modern.split()).split(",")}


def is_within(author: str, work: str, place: str) -> bool:
    extent = EXTENTS[author, work]
    match = re.fullmatch(r"(\d{1,3})[AB]?(?:\.(\d{1,2}))?(?:-(\d{1,3}))?", place)
    if match is None:
        return False
    first, second, last = (int(part) if part else None for part in match.groups())
    assert first is not None
    if isinstance(extent, int):
        return 1 <= first <= (last or first) <= extent
    return second is not None and first <= len(extent) and 1 <= second <= (last or second) <= extent[first - 1]


def test_there_are_enough_of_them_from_every_author() -> None:
    authors = Counter(document.author for document, _ in entries())
    assert sum(authors.values()) >= 180
    assert authors.keys() == {"Marcus Aurelius", "Epictetus", "Seneca", "Musonius Rufus"}
    books = {section.place.partition(".")[0] for d, section in entries() if d.work == "Meditations" and section.place}
    assert books == {str(book) for book in range(1, 13)}


def test_every_entry_has_forty_to_a_hundred_and_twenty_words() -> None:
    lengths = {section.title: len(" ".join(section.paragraphs).split()) for _, section in entries()}
    assert {title: length for title, length in lengths.items() if not 40 <= length <= 120} == {}


def test_no_title_no_text_and_no_name_occurs_twice() -> None:
    found = entries()
    for values in (
        [section.title for _, section in found],
        [" ".join(section.paragraphs) for _, section in found],
        [document.name for document in documents()],
        [(document.author, document.work, section.place) for document, section in found],
    ):
        assert [value for value, count in Counter(values).items() if count > 1] == []


def test_every_reference_lies_within_its_work() -> None:
    wrong = [
        (document.work, section.place)
        for document, section in entries()
        if not is_within(document.author or "", document.work or "", section.place or "")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("work", "place"), [("Meditations", "2.18"), ("Meditations", "13.1"), ("Meditations", "4"), ("Meditations", "iv.3")]
)
def test_a_reference_beyond_its_work_would_be_noticed(work: str, place: str) -> None:
    assert not is_within("Marcus Aurelius", work, place)


def test_every_tag_is_in_the_documented_vocabulary_and_every_entry_has_both_kinds() -> None:
    classical, modern = vocabulary()
    assert len(classical) > 40
    assert len(modern) > 60
    for document, section in entries():
        assert section.tags.classical, section.title
        assert section.tags.modern, section.title
        assert set(section.tags.classical) <= classical, (document.work, section.title)
        assert set(section.tags.modern) <= modern, (document.work, section.title)


@pytest.mark.parametrize("theme", ["anger", "grief", "work stress", "procrastination", "envy", "illness", "parenting"])
def test_the_themes_of_everyday_life_are_all_there(theme: str) -> None:
    assert sum(theme in section.tags.modern for _, section in entries()) >= 3


def test_every_entry_is_one_passage() -> None:
    for document in documents():
        assert len(list(chunks(document.sections))) == len(document.sections)


def test_nothing_tells_anybody_to_leave_life() -> None:
    # Stoics wrote of the open door; a reader at night must not find it here.
    dangerous = re.compile(r"suicid|the door (?:is|stands) open|kill (?:your|him|them)self|smok[ey]", re.IGNORECASE)
    assert [section.title for _, section in entries() if dangerous.search(" ".join(section.paragraphs))] == []


def test_it_is_imported_whole_and_found_by_its_themes(store_url: str) -> None:
    with open_database(store_url) as database:
        library = Library(database, HashingEmbedder())
        report = library.import_path(FOLDER)
        assert report.failed == ()
        assert [skipped.file for skipped in report.skipped] == ["README.md"]
        assert library.count() == report.added == len(entries())
        assert library.import_path(FOLDER).added == 0
        assert {passage.kind for passage in library.browse()} == {Kind.REFLECTION}
        found = library.search("procrastination", 5, mode="lexical")
        assert [p.reference for p in found if "procrastination" not in p.tags.modern] == []
        assert len(found) == 5
        # The engine under it is the same for whoever looks at it.
        assert Store(database).collection("stoic_wisdom", owner="@public").count() == library.count()
