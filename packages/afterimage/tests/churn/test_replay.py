"""Which functions each change of a file changed, at most once each."""

import datetime as dt
from typing import Any

from afterimage.churn.counts import functions_of, what_became
from afterimage.churn.edits import Edit
from afterimage.churn.replay import replay
from afterimage.entries import StorageEntry

START = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
SIX = "\n\n".join(f"def {name}():\n    return 0\n" for name in "abcdef")


def entry(number: int, new: str, old: str | None = None, **metadata: Any) -> StorageEntry:
    at = (START + dt.timedelta(hours=number)).isoformat()
    return StorageEntry(str(number), "/p/a.py", new, old, timestamp=at, metadata=metadata)


def told(*entries: StorageEntry, since: dt.datetime | None = None) -> list[dict[str, str]]:
    return list(replay("/p/a.py", entries, since).values())


def test_the_functions_of_a_new_file_came() -> None:
    assert told(entry(0, SIX)) == [dict.fromkeys("abcdef", "added")]


def test_writing_a_file_again_changes_what_differs() -> None:
    again = SIX.replace("def b():\n    return 0", "def b():\n    return 1").replace("def f", "def g")
    assert told(entry(0, SIX), entry(1, again))[1] == {"b": "modified", "f": "deleted", "g": "added"}
    assert told(entry(0, SIX), entry(1, SIX))[1] == {}


def test_an_edit_within_a_function_is_told_by_what_the_file_held() -> None:
    edits = told(entry(0, SIX), entry(1, "    return 1\n\n\ndef d", "    return 0\n\n\ndef d"), entry(2, "0 + 1", "1"))
    assert edits[1:] == [{"c": "modified"}, {"c": "modified"}]


def test_what_stands_there_more_than_once_is_replaced_everywhere() -> None:
    assert told(entry(0, SIX), entry(1, "return 5", "return 0"))[1] == dict.fromkeys("abcdef", "modified")


def test_what_is_not_known_is_told_by_the_change_itself() -> None:
    old, new = (
        "def a():\n    return 1\n\ndef b():\n    return 2\n",
        "def a():\n    return 3\n\ndef c():\n    return 2\n",
    )
    assert told(entry(0, new, old)) == [{"a": "modified", "b": "deleted", "c": "added"}]
    assert told(entry(0, "x = 2", "x = 1")) == [{}]


def test_somebody_elses_change_in_between_is_no_hindrance() -> None:
    entries = [
        entry(0, "class A:\n    def f(self):\n        return 0\n"),
        entry(1, "    def f(self):\n        return 2\n", "    def f(self):\n        return 1\n"),
        entry(2, "class A:\n    def f(self):\n        return 3\n"),
    ]
    assert told(*entries)[1:] == [{"A.f": "modified"}, {"A.f": "modified"}]


def test_a_file_that_went_and_came_back_is_new() -> None:
    edits = told(entry(0, "def a(): pass"), entry(1, "", change="delete"), entry(2, "def a(): pass", change="write"))
    assert edits == [{"a": "added"}, {"a": "deleted"}, {"a": "added"}]


def test_what_was_before_counts_though_it_is_not_told() -> None:
    edits = told(entry(0, SIX), entry(5, "return 1", "return 0"), since=START + dt.timedelta(hours=4))
    assert edits == [{}, dict.fromkeys("abcdef", "modified")]


def test_a_function_changed_in_three_places_by_one_call_was_changed_once() -> None:
    changed = {"0": {"a": "modified", "b": "added"}, "1": {"a": "modified", "b": "modified"}, "2": {"c": "deleted"}}
    edit = Edit(START, "s", "", ["0", "1", "2"], {})
    assert what_became(edit, changed) == {"a": "modified", "b": "added", "c": "deleted"}
    found = functions_of([edit], changed, START + dt.timedelta(hours=1))
    assert {one.name: one.edit_count for one in found} == {"a": 1, "b": 0, "c": 0}
