"""The library on both databases: what an import does to it, and what is found in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from capsa import Database, InvalidRecord, Record, Store, open_database
from capsa.testing.embedders import FailingEmbedder, HashingEmbedder
from stoic_emperor.errors import ModelUnavailable, TextMissing
from stoic_emperor.library import PSYCHOANALYSIS, Kind, Library, Outcome, Tags, Work

BOOK = "BOOK I\n\nThe first thought is about anger.\n\nBOOK II\n\nThe second thought is about time and the river.\n"


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    with open_database(store_url) as database:
        yield database


@pytest.fixture
def library(database: Database) -> Library:
    return Library(database, HashingEmbedder())


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "book.txt").write_text(BOOK)
    return folder


def long_text(sentences: int) -> str:
    return " ".join(f"Sentence {n} says that wave number {n} breaks on the headland." for n in range(sentences))


# Importing


def test_a_book_is_imported_with_author_work_and_place(library: Library, texts: Path) -> None:
    report = library.import_path(texts / "book.txt", author="Anon", work="Thoughts", tags=Tags.of(themes=["Old"]))
    assert (report.added, report.files[0].outcome) == (2, Outcome.ADDED)
    first, second = library.browse()
    assert first.reference == "Anon, Thoughts, Book I"
    assert (first.text, first.kind, first.source) == ("The first thought is about anger.", Kind.TEXT, "book.txt")
    assert (second.place, second.position, second.tags.themes) == ("Book II", 1, ("old",))
    assert library.works() == [Work(author="Anon", work="Thoughts", passages=2)]
    assert library.get(first.id) == first
    assert library.get("none") is None


def test_importing_again_adds_nothing_and_embeds_nothing(database: Database, texts: Path) -> None:
    Library(database, HashingEmbedder()).import_path(texts)
    before = list(Library(database).browse())
    again = Library(database, FailingEmbedder(name="hashing-384")).import_path(texts)
    assert (again.added, again.removed, again.updated, again.kept, again.notes) == (0, 0, 0, 2, ())
    assert again.files[0].outcome is Outcome.UNCHANGED
    assert list(Library(database).browse()) == before


def test_a_changed_file_replaces_only_what_changed(library: Library, texts: Path) -> None:
    library.import_path(texts)
    first, second = library.browse()
    (texts / "book.txt").write_text(BOOK.replace("the river", "the sea"))
    report = library.import_path(texts)
    assert (report.added, report.removed, report.kept) == (1, 1, 1)
    assert report.files[0].outcome is Outcome.CHANGED
    assert [passage.text for passage in library.browse()] == [first.text, second.text.replace("river", "sea")]
    assert next(iter(library.browse())).id == first.id


def test_what_is_taken_out_of_a_file_is_taken_out_of_the_library(library: Library, texts: Path) -> None:
    library.import_path(texts)
    (texts / "book.txt").write_text(BOOK.partition("BOOK II")[0])
    assert library.import_path(texts).removed == 1
    assert library.count() == 1
    assert [found.text for found in library.search("time river", mode="lexical")] == []


def test_a_file_that_is_no_more_in_its_folder_is_told_of_and_taken_out_when_asked(
    library: Library, texts: Path, tmp_path: Path
) -> None:
    (texts / "second.txt").write_text("A third thought, about gardens.")
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text("A fourth thought, about ships.")
    library.import_path(texts)
    library.import_path(elsewhere)
    elsewhere.unlink()
    (texts / "second.txt").unlink()
    told = library.import_path(texts)
    assert [(file.file, file.outcome) for file in told.files] == [
        ("book.txt", Outcome.UNCHANGED),
        ("second.txt", Outcome.GONE),
    ]
    assert "1 files read" in told.lines()[0]
    assert "second.txt: gone (it is not in the folder any more; its 1 passages stay in the library)" in told.lines()
    assert library.count() == 4
    removed = library.import_path(texts, remove_gone=True)
    assert [(file.file, file.removed) for file in removed.of(Outcome.REMOVED)] == [("second.txt", 1)]
    assert library.count() == 3, "what was imported from elsewhere is not the folder's"
    assert not library.import_path(texts).of(Outcome.GONE)


def test_a_file_of_another_name_is_kept_under_it_when_the_old_one_is_taken_out(library: Library, texts: Path) -> None:
    library.import_path(texts)
    (texts / "book.txt").rename(texts / "first book.txt")
    report = library.import_path(texts, remove_gone=True)
    assert (report.added, report.removed) == (2, 2)
    assert {Path(passage.file or "").name for passage in library.browse()} == {"first book.txt"}


def test_what_is_put_in_front_moves_the_others_without_embedding_them_again(library: Library, texts: Path) -> None:
    library.import_path(texts)
    (texts / "book.txt").write_text("A new beginning.\n\n" + BOOK)
    report = library.import_path(texts)
    assert (report.added, report.updated, report.removed) == (1, 2, 0)
    assert [passage.position for passage in library.browse()] == [0, 1, 2]


def test_another_author_is_an_update_not_a_second_copy(library: Library, texts: Path) -> None:
    library.import_path(texts, author="One")
    report = library.import_path(texts, author="Two")
    assert (report.added, report.updated) == (0, 2)
    assert library.works() == [Work(author="Two", work="book", passages=2)]


def test_a_copy_under_another_name_is_not_taken_twice(library: Library, texts: Path) -> None:
    library.import_path(texts, work="Book")
    (texts / "copy.txt").write_text(BOOK)
    report = library.import_path(texts, work="Book")
    assert (report.added, library.count()) == (0, 2)
    assert "the same as" in report.files[1].detail


def test_the_same_words_twice_in_a_file_are_two_passages(library: Library, texts: Path) -> None:
    (texts / "refrain.md").write_text("# A\n\n## I\n\nAgain.\n\n## I\n\nAgain.\n")
    library.import_path(texts / "refrain.md")
    assert library.count() == 2
    assert library.import_path(texts / "refrain.md").added == 0


def test_a_missing_path_is_an_error_and_changes_nothing(library: Library, tmp_path: Path) -> None:
    with pytest.raises(TextMissing, match="nowhere"):
        library.import_path(tmp_path / "nowhere")
    assert library.count() == 0


def test_files_that_cannot_be_read_are_named_and_the_rest_is_imported(library: Library, texts: Path) -> None:
    (texts / "a_empty.txt").write_bytes(b"")
    (texts / "a_binary.txt").write_bytes(b"\0\1\2")
    (texts / "a_damaged.epub").write_bytes(b"no zip")
    (texts / "z.md").write_text("The last one.")
    report = library.import_path(texts)
    assert {file.file: file.outcome for file in report.files} == {
        "a_binary.txt": Outcome.SKIPPED,
        "a_damaged.epub": Outcome.FAILED,
        "a_empty.txt": Outcome.SKIPPED,
        "book.txt": Outcome.ADDED,
        "z.md": Outcome.ADDED,
    }
    told = "\n".join(report.lines())
    assert "2 files read: 3 passages new" in told
    assert "a_damaged.epub: failed (it is a damaged EPUB" in told


def test_a_files_name_cannot_begin_a_line_of_the_report(library: Library, texts: Path) -> None:
    (texts / "a\n100 files read.txt").write_bytes(b"")
    lines = library.import_path(texts).lines()
    assert "\n" not in "".join(lines)
    assert not any(line.startswith("100 files") for line in lines)


def test_progress_goes_up_to_the_whole(library: Library, texts: Path) -> None:
    (texts / "long.txt").write_text(long_text(1_500))
    (texts / "empty.txt").write_text("")
    seen: list[tuple[int, int]] = []
    library.import_path(texts, progress=lambda done, total: seen.append((done, total)))
    assert len({total for _, total in seen}) == 1
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) > 3
    assert seen[-1][0] == seen[-1][1]
    library.import_path(texts, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]


def test_without_a_model_texts_are_imported_and_the_report_says_so(database: Database, texts: Path) -> None:
    report = Library(database, FailingEmbedder()).import_path(texts)
    assert report.added == 2
    assert "without vectors" in report.notes[0]
    library = Library(database, HashingEmbedder())
    assert library.collection.embed_missing() == 2
    assert library.search("time", mode="semantic").mode == "semantic"


# Tags of a model


def test_a_model_tags_every_new_passage(library: Library, texts: Path) -> None:
    asked: list[str] = []

    def tagger(text: str) -> Tags:
        asked.append(text)
        return Tags.of(classical=["Tempus"], modern=["time"])

    library.import_path(texts, tagger=tagger, tags=Tags.of(modern=["river"]))
    assert [passage.tags.modern for passage in library.browse()] == [("river", "time")] * 2
    library.import_path(texts, tagger=tagger, tags=Tags.of(modern=["river"]))
    library.import_path(texts, tags=Tags.of(modern=["river"]))
    assert len(asked) == 2
    assert [passage.tags.classical for passage in library.browse()] == [("tempus",)] * 2


def test_a_model_that_fails_leaves_the_texts_without_tags_and_is_told(library: Library, texts: Path) -> None:
    (texts / "long.txt").write_text(long_text(300))
    asked: list[str] = []

    def fails(text: str) -> Tags:
        asked.append(text)
        raise ModelUnavailable("the model does not answer")

    report = library.import_path(texts, tagger=fails)
    assert report.added == library.count() > 10
    assert len(asked) == 3, "a model that is down is not asked for every passage"
    assert "the model does not answer" in report.notes[0]
    assert f"{report.added} passages have no tags of a model" in report.notes[-1]
    assert not any(passage.tags for passage in library.browse())
    later = library.import_path(texts, tagger=lambda _: Tags.of(modern=["waves"]))
    assert (later.added, later.updated) == (0, report.added)
    assert all(passage.tags.modern == ("waves",) for passage in library.browse())


# Finding


def test_a_search_goes_by_words_and_by_meaning_and_can_keep_to_an_author(library: Library, tmp_path: Path) -> None:
    for author in ("Seneca", "Epictetus"):
        (tmp_path / f"{author}.md").write_text(f"# X\n\n## {author}\n\nAbout the river of time and {author}.\n")
        library.import_path(tmp_path / f"{author}.md", author=author, work="Work")
    found = library.search("the river of time", 5)
    assert (len(found), found.notes) == (2, ())
    assert found[0].score is not None
    assert found[0].reason
    assert [p.author for p in library.search("the river of time", 5, author="Seneca")] == ["Seneca"]
    assert [p.author for p in library.search("the river of time", 1, work="Work")] != []
    assert list(library.search("the river of time", 5, author="Nobody")) == []


def test_tags_are_found_by_their_words(library: Library, texts: Path) -> None:
    library.import_path(texts, tags=Tags.of(modern=["procrastination"]))
    assert len(library.search("procrastination", mode="lexical")) == 2


def test_without_a_model_a_search_goes_by_words_and_says_so(database: Database, texts: Path) -> None:
    library = Library(database)
    library.import_path(texts)
    found = library.search("a thought about anger")
    assert found[0].place == "Book I"
    assert "found by words alone" in found.notes[0]


def test_a_passage_is_read_in_its_place(library: Library, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.txt").write_text(
            "\n\n".join(f"BOOK {n}\n\n{name} thought {n}." for n in ("I", "II", "III", "IV"))
        )
    library.import_path(tmp_path)
    passages = [passage for passage in library.browse() if passage.text.startswith("two")]
    before, after = library.around(passages[1], reach=1)
    assert [passage.text for passage in (*before, *after)] == ["two thought I.", "two thought III."]
    assert library.around(passages[0])[0] == []
    assert library.around(passages[3])[1] == []
    library.remove(file=tmp_path / "two.txt")
    assert library.around(passages[1]) == ([], [])


def test_the_order_is_that_of_the_book_whatever_the_file_says(library: Library, tmp_path: Path) -> None:
    head = "---\nformat: reflections\nname: {0}\nauthor: Marcus\nwork: Meditations\nsource: ours\n---\n"
    files = {"a": ("10.2", "10.1"), "b": ("2.9", "2.10", "9.40", "13A", "13")}
    for name, places in files.items():
        entries = "".join(f"\n## On {place}\n- passage: {place}\n\nAbout {place}.\n" for place in places)
        (tmp_path / f"{name}.md").write_text(head.format(name) + entries)
    library.import_path(tmp_path)
    passages = list(library.browse("Marcus", "Meditations"))
    assert [p.place for p in passages] == ["2.9", "2.10", "9.40", "10.1", "10.2", "13", "13A"]
    before, after = library.around(passages[3])
    assert [p.place for p in (*before, *after)] == ["2.10", "9.40", "10.2", "13"]


def test_translations_are_not_mixed(library: Library, tmp_path: Path) -> None:
    for name in ("Long", "Casaubon"):
        (tmp_path / f"{name}.txt").write_text("\n\n".join(f"BOOK {n}\n\n{name} {n}." for n in ("I", "II", "III")))
        library.import_path(tmp_path / f"{name}.txt", author="Marcus", work="Meditations", source=name)
    middle = next(p for p in library.browse() if p.text == "Long II.")
    before, after = library.around(middle)
    assert [p.text for p in (*before, *after)] == ["Long I.", "Long III."]


def test_the_two_libraries_are_apart(database: Database, library: Library, texts: Path) -> None:
    other = Library(database, HashingEmbedder(), collection=PSYCHOANALYSIS)
    other.import_path(texts)
    assert (library.count(), other.count()) == (0, 2)


def test_passages_of_a_migrated_library_are_shown_and_found_too(database: Database, library: Library) -> None:
    # Earlier programs kept tags joined by commas, and no file.
    about = {"source": "s.txt", "author": "Seneca", "work": "Letters", "classical_tags": "logos, virtue", "themes": ""}
    with database.maintain() as tx:
        Store(database).collection("stoic_wisdom", owner="@public").add(
            [Record(text="An old one.", metadata=about)], tx=tx
        )
    (passage,) = library.browse()
    assert (passage.reference, passage.tags.classical) == ("Seneca, Letters", ("logos", "virtue"))
    assert library.works() == [Work(author="Seneca", work="Letters", passages=1)]
    assert library.remove(author="Seneca") == 1
    assert library.works() == []


# Removing


def test_a_file_a_work_or_an_author_can_be_taken_out(library: Library, texts: Path) -> None:
    (texts / "other.txt").write_text("Something else.")
    for file, author in (("book.txt", "A"), ("other.txt", "B")):
        library.import_path(texts / file, author=author, work="W")
    assert library.remove(file=texts / "book.txt") == 2
    assert library.remove(file=texts / "book.txt") == 0
    assert library.works() == [Work(author="B", work="W", passages=1)]
    assert library.remove(author="A", work="W") == 0
    assert library.remove(author="B") == 1
    assert library.import_path(texts).added == 3, "what was taken out can be imported again"
    with pytest.raises(ValueError, match="name the file"):
        library.remove()


# Whose it is


def test_every_user_reads_it_and_none_writes_it(guide_postgres_url: str, texts: Path) -> None:
    # The user of the guide may create no role: the policies bind the tables' owner, who imports.
    with open_database(guide_postgres_url) as database:
        check_isolation(database, texts)


def test_every_user_reads_it_and_none_writes_it_on_either_database(database: Database, texts: Path) -> None:
    check_isolation(database, texts)


def check_isolation(database: Database, texts: Path) -> None:
    library = Library(database, HashingEmbedder())
    library.import_path(texts)
    assert library.import_path(texts).added == 0
    (texts / "book.txt").write_text(BOOK.replace("river", "sea"))
    assert library.import_path(texts).added == 1
    for mode in ("hybrid", "lexical", "semantic"):
        assert library.search("time and the sea", 1, mode=mode)[0].place == "Book II"
    mine = Store(database, embedder=HashingEmbedder()).collection("stoic_wisdom", owner="somebody")
    assert mine.count() == 0, "the library is not anybody's own"
    with database.read("somebody") as tx:
        ((seen,),) = tx.execute("SELECT count(*) FROM capsa_records WHERE owner = '@public'")
    assert seen == 3, "two passages and their file, read by a transaction bound to a user"
    with pytest.raises(InvalidRecord, match="maintain"):
        library.collection.add([Record(text="graffiti")])
