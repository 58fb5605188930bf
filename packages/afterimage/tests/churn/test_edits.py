"""One call of a tool is one edit of a file, however many places it changed and whoever told of it."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterimage.churn.edits import Change, edits_by_file, edits_of

START = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def change(seconds: float = 0, call: str = "", content: str = "", **more: Any) -> Change:
    return Change(
        f"e{seconds}{call}{content}", "/p/a.py", at(seconds), "s1", call, content or f"code {seconds}", **more
    )


def row(seconds: float, function: str = "f", what: str = "modified") -> Change:
    return Change(f"h{seconds}{function}", "/p/a.py", at(seconds), "s0", function=(function, what), earlier=True)


def test_places_changed_by_one_call_are_one_edit() -> None:
    (edit,) = edits_of([change(0, "t1", "a"), change(0, "t1", "b"), change(0, "t1", "c")])
    assert len(edit.ids) == 3


def test_two_calls_in_one_instant_are_two() -> None:
    assert len(edits_of([change(0, "t1", "a"), change(0, "t2", "a")])) == 2


def test_without_an_id_what_has_one_time_is_one_call() -> None:
    assert len(edits_of([change(0, content="a"), change(0, content="b"), change(1, content="c")])) == 2


@pytest.mark.parametrize(("calls", "seconds", "edits"), [
    (("", "t1"), 300, 1),
    (("", ""), 300, 1),
    (("", "t1"), 700, 2),
    (("t1", "t2"), 300, 2),
])  # fmt: skip
def test_the_same_code_told_again_is_the_same_edit(calls: tuple[str, str], seconds: int, edits: int) -> None:
    told = [change(0, calls[0], "same"), change(seconds, calls[1], "same")]
    assert len(edits_of(told)) == edits


def test_of_the_earlier_history_all_rows_of_one_time_are_one_edit() -> None:
    (edit,) = edits_of([], [row(0, name, "added") for name in "abcdef"])
    assert edit.functions == dict.fromkeys("abcdef", "added")
    assert edit.ids == []


def test_an_edit_that_both_tell_of_is_one() -> None:
    edits = edits_of([change(0), change(30), change(600)], [row(2), row(31), row(300), row(604)])
    assert [edit.at for edit in edits] == [at(0), at(30), at(300), at(600)]


def test_an_entry_stands_for_one_edit_of_the_history_only() -> None:
    assert len(edits_of([change(0)], [row(1), row(2), row(3)])) == 3


def test_files_are_counted_apart() -> None:
    other = Change("x", "/p/b.py", START, "s1")
    found = edits_by_file([change(1), change(0), other])
    assert {path: len(edits) for path, edits in found.items()} == {"/p/a.py": 2, "/p/b.py": 1}
    assert [edit.at for edit in found["/p/a.py"]] == [at(0), at(1)]


@given(st.lists(st.tuples(st.integers(0, 3000), st.sampled_from(["", "t1", "t2", "t3"]), st.sampled_from("abc"))))
def test_told_twice_in_any_order_counts_as_told_once(told: list[tuple[int, str, str]]) -> None:
    changes = [change(*one) for one in dict.fromkeys(told)]
    once = edits_of(changes)
    assert [edit.at for edit in edits_of([*reversed(changes), *changes])] == [edit.at for edit in once]
    assert [edit.at for edit in once] == sorted(edit.at for edit in once)
    assert len(once) <= len(changes)
