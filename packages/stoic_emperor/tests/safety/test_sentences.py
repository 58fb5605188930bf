"""The detector against sentences with a known outcome. docs/safety.md publishes the figures of the held-out part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from stoic_emperor.safety import CrisisDetector

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Sentence:
    text: str
    expected: str
    kind: str
    language: str


def sentences(name: str) -> Iterator[Sentence]:
    content = yaml.safe_load((HERE / f"{name}.yaml").read_text("utf-8"))
    for expected, kinds in content.items():
        for kind, languages in kinds.items():
            for language, texts in languages.items():
                for text in texts:
                    yield Sentence(text, expected, kind, language)


DEVELOPMENT = list(sentences("development"))
HELD_OUT = list(sentences("held_out"))


@pytest.fixture(scope="module")
def detector() -> CrisisDetector:
    return CrisisDetector()


def found(detector: CrisisDetector, text: str) -> str:
    finding = detector.check(text)
    return "none" if finding is None else finding.level.value


def figures(detector: CrisisDetector, all_sentences: list[Sentence]) -> tuple[float, float, float]:
    """Share of explicit and of indirect sentences that show help, and of harmless ones that do."""
    shown = Counter(s.expected for s in all_sentences if found(detector, s.text) != "none")
    total = Counter(s.expected for s in all_sentences)
    return (
        shown["explicit"] / total["explicit"],
        shown["indirect"] / total["indirect"],
        shown["none"] / total["none"],
    )


@pytest.mark.parametrize("sentence", DEVELOPMENT, ids=lambda s: s.text[:40])
def test_a_sentence_the_rules_were_written_for_shows_help_or_does_not(
    detector: CrisisDetector, sentence: Sentence
) -> None:
    assert (found(detector, sentence.text) == "none") == (sentence.expected == "none")


def test_the_level_is_nearly_always_right(detector: CrisisDetector) -> None:
    wrong = [s.text for s in DEVELOPMENT if found(detector, s.text) != s.expected]
    assert len(wrong) <= 5, wrong


def test_sentences_the_rules_were_not_written_for_keep_the_published_figures(detector: CrisisDetector) -> None:
    explicit, indirect, false_alarms = figures(detector, HELD_OUT)
    assert explicit >= 0.95
    assert indirect >= 0.61
    assert false_alarms <= 0.02


def test_what_was_mended_after_the_late_sentences_stays_mended(detector: CrisisDetector) -> None:
    explicit, indirect, false_alarms = figures(detector, list(sentences("late")))
    assert explicit == 1
    assert indirect >= 0.45
    assert false_alarms == 0


def test_there_are_enough_sentences_and_none_is_in_both_parts() -> None:
    assert len(DEVELOPMENT) + len(HELD_OUT) >= 300
    assert not {s.text.casefold() for s in DEVELOPMENT} & {s.text.casefold() for s in HELD_OUT}
    assert {s.language for s in DEVELOPMENT} == {"en", "de", "fr", "es", "it", "pt", "nl", "pl"}
