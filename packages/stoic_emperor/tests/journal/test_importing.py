"""A journal becomes conversations, found again like turns; what may mean danger is not analysed, and help is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

import capsa
from capsa.testing.embedders import HashingEmbedder
from stoic_emperor.errors import TextMissing
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.journal import import_journal
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


def test_a_path_that_is_not_there_changes_nothing(anna: Person, recall: Recall, tmp_path: Path) -> None:
    with pytest.raises(TextMissing):
        import_journal(anna, recall, SafetyDesk(), tmp_path / "nowhere")
    assert anna.sessions() == []
