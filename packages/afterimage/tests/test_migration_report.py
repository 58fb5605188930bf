"""What a migration shows a person: numbers that are true."""

from __future__ import annotations

import pytest

from afterimage.entries import COLLECTION, COLLECTIONS, FORGOTTEN
from afterimage.migration_report import print_report, print_report_of, told_apart
from capsa import transfer

PART = transfer.PartReport(
    name="capsa_records", source=1206, migrated=439, skipped=750, conflicts=17, replaced=0, quarantined=0, vectors=506
)
OTHERS = dict.fromkeys((name for name in COLLECTIONS if name not in {COLLECTION, FORGOTTEN}), 2)
HELD = OTHERS | {COLLECTION: 1206 - sum(OTHERS.values()), FORGOTTEN: 3}


def report(**changed: object) -> transfer.Report:
    part = transfer.PartReport(**{name: getattr(PART, name) for name in PART.__slots__} | changed)
    return transfer.Report(source="a", target="b", layout="capsa", zone=None, parts=(part,))


def test_one_of_five_thousand_that_failed_is_not_rounded_away(capsys: pytest.CaptureFixture[str]) -> None:
    print_report_of(source=5000, migrated=4999, skipped=0, failed=1, success_rate=99.98, elapsed=1.0)
    assert "Success rate:       99.9%" in capsys.readouterr().out
    print_report_of(source=5000, migrated=5000, skipped=0, failed=0, success_rate=100.0, elapsed=1.0)
    assert "Success rate:       100.0%" in capsys.readouterr().out


def test_entries_are_told_apart_where_nothing_else_can_be_among_them() -> None:
    found = told_apart(report(source=1206, migrated=1206, skipped=0, conflicts=0, only_in_target=0), HELD)
    assert (found.parts[0].name, found.parts[0].source) == ("capsa_records", 1206 - sum(OTHERS.values()))
    assert [part.name for part in found.parts[1:]] == list(OTHERS)
    assert not found.notes


def test_where_they_cannot_be_it_is_said_what_is_counted_with_them(capsys: pytest.CaptureFixture[str]) -> None:
    found = told_apart(report(only_in_target=1), HELD)
    assert found.parts[0].source == 1206
    print_report(found)
    said = capsys.readouterr().out
    assert "the numbers above are of all records; beside entries the target now has 2 " in said
    assert "Only in target:     1, which stay: written there, or deleted in the source since" in said


def test_what_only_the_target_has_is_not_taken_off_the_numbers_of_the_source() -> None:
    empty = report(source=0, migrated=0, skipped=0, conflicts=0, only_in_target=0)
    assert told_apart(empty, HELD).parts[0].source == 0
    assert told_apart(empty, {COLLECTION: 0, FORGOTTEN: 3}).parts == empty.parts
