"""A journal becomes conversations, found again like turns; what may mean danger is not analysed, and help is shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import capsa
from capsa.testing.embedders import HashingEmbedder
from stoic_emperor.errors import NotFound, TextMissing
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.journal import import_journal, importing
from stoic_emperor.memory.recall import Recall
from stoic_emperor.safety import SafetyDesk


@pytest.fixture
def recall(anna: Person, embedder: HashingEmbedder) -> Recall:
    return Recall(capsa.Store(anna.database.engine, embedder=embedder), "anna")


def test_every_piece_is_found_again_and_waits_for_its_analysis(anna: Person, recall: Recall, tmp_path: Path) -> None:
    (tmp_path / "2024-03-01 spring.md").write_text("I planted a pear tree.\n\n" + "Rain again. " * 800)
    report = import_journal(anna, recall, SafetyDesk(), tmp_path)
    assert report.imported == ("2024-03-01 spring.md",)
    assert report.card is None
    (listed,) = anna.sessions()
    assert listed.session.metadata["source"] == "import"
    assert "pear tree" in recall.turns("pear tree", 1)[0].record.text
    assert len(anna.unprocessed_replies()) == listed.messages // 2
    said = "".join(m.content for m in anna.messages(listed.session.id) if m.role == "user")
    assert said.count("Rain again.") == 800


def test_a_name_that_is_not_utf_8_is_read_and_keeps_no_other_file_out(
    anna: Person, recall: Recall, tmp_path: Path
) -> None:
    for day in ("01", "03"):
        (tmp_path / f"2024-01-{day}.md").write_text("A day of rain.")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/2024-01-02 caf\xe9.md")).write_text("A day of rest.")
    report = import_journal(anna, recall, SafetyDesk(), tmp_path)
    assert report.imported == ("2024-01-01.md", "2024-01-02 caf\ufffd.md", "2024-01-03.md")
    assert {f"{listed.session.created_at:%d}" for listed in anna.sessions()} == {"01", "02", "03"}
    assert len(import_journal(anna, recall, SafetyDesk(), tmp_path).unchanged) == 3


def test_how_far_it_is_is_told_in_bytes_and_within_a_long_file(
    anna: Person, recall: Recall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_BATCH", 1)
    (tmp_path / "a.md").write_text("Rain. " * 4_000)
    (tmp_path / "b.md").write_text("Sun.")
    told: list[tuple[int, int]] = []
    import_journal(anna, recall, SafetyDesk(), tmp_path, lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {total for _, total in told} == {24_004}
    assert told[-1] == (24_004, 24_004)
    assert len(told) > 4


def test_of_somebody_who_was_erased_nothing_comes_back(anna: Person, recall: Recall, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Rain.")
    with anna.writing() as tx:
        anna.run(tx, "erase_user")
    with pytest.raises(NotFound, match="no more"):
        import_journal(anna, recall, SafetyDesk(), tmp_path)
    assert anna.get() is None
    assert anna.sessions() == []


def test_what_may_mean_danger_is_not_analysed_and_help_is_shown(anna: Person, recall: Recall, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("I want to kill myself.")
    report = import_journal(anna, recall, SafetyDesk(), tmp_path)
    assert report.card is not None
    assert anna.unprocessed_replies() == []


def test_a_link_that_leads_out_of_the_folder_is_not_followed(anna: Person, recall: Recall, tmp_path: Path) -> None:
    (tmp_path / "private.txt").write_text("not meant to be read")
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "link.txt").symlink_to(tmp_path / "private.txt")
    assert import_journal(anna, recall, SafetyDesk(), tmp_path / "journal").imported == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be with its mark", "cp1252"])
def test_a_journal_is_read_in_the_encoding_that_its_editor_chose(
    anna: Person, recall: Recall, tmp_path: Path, encoding: str
) -> None:
    written = "Für die Bäume war es ein gutes Jahr.\r\nUnd für mich."
    content = b"\xfe\xff" + written.encode("utf-16-be") if encoding.endswith("its mark") else written.encode(encoding)
    (tmp_path / "2024-03-01.txt").write_bytes(content)
    report = import_journal(anna, recall, SafetyDesk(), tmp_path)
    assert (report.imported, report.failed) == (("2024-03-01.txt",), ())
    (listed,) = anna.sessions()
    assert anna.messages(listed.session.id)[0].content == written.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("Rain.".encode("utf-16-le"), "it is a binary file, not a text"),
        (b"\xff\xfeR\x00a", "it begins as UTF-16 but is not: save it as UTF-8"),
        ("Grün, grün, grün ".encode() + b"\xfc", "save it as UTF-8"),
        (b" \n", "it is empty"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_to_do(
    anna: Person, recall: Recall, tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / "a.md").write_bytes(content)
    report = import_journal(anna, recall, SafetyDesk(), tmp_path)
    assert report.imported == ()
    ((name, told),) = report.failed
    assert name == "a.md"
    assert why in told


def test_a_path_that_is_not_there_changes_nothing(anna: Person, recall: Recall, tmp_path: Path) -> None:
    with pytest.raises(TextMissing):
        import_journal(anna, recall, SafetyDesk(), tmp_path / "nowhere")
    assert anna.sessions() == []


def test_a_file_that_was_changed_is_imported_and_what_is_there_of_it_is_named(
    anna: Person, recall: Recall, tmp_path: Path
) -> None:
    for text in ("Rain.", "Rain, and then the sun."):
        (tmp_path / "2024-03-01.md").write_text(text)
        report = import_journal(anna, recall, SafetyDesk(), tmp_path)
    ((name, before),) = report.changed
    assert name == "2024-03-01.md"
    assert anna.messages(before)[0].content == "Rain."
    assert import_journal(anna, recall, SafetyDesk(), tmp_path).changed == ()


def test_what_is_no_journal_by_its_name_is_told_of(anna: Person, recall: Recall, tmp_path: Path) -> None:
    for name in ("a.md", "letters/diary.epub", ".obsidian/app.json", ".DS_Store"):
        (file := tmp_path / "diary" / name).parent.mkdir(parents=True, exist_ok=True)
        file.write_text("Rain.")
    report = import_journal(anna, recall, SafetyDesk(), tmp_path / "diary")
    assert (report.imported, report.passed_over) == (("a.md",), ("letters/diary.epub",))
