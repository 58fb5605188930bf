"""Forgetting by a page: shown first, asked, done whole, with a receipt."""

from __future__ import annotations

import pytest

from afterimage.entries import StorageEntry
from afterimage.hook import recall
from afterimage.sync import store_once, synchronise
from afterimage.testing_hooks import CODE
from afterimage.testing_pages import Visitor

ENTRY, SESSION = "forget?kind=entry&entry=e0", "forget?kind=session&entry=e0"


@pytest.fixture
def kept(visitor: Visitor) -> Visitor:
    """Six entries of two files and two sessions, with vectors, that hooks recall."""
    visitor.backend.store_many(
        [
            StorageEntry(f"e{n}", f"/p/{n % 2}.py", f"{CODE}\n# {n}", session_id=f"s{n // 3}", content_hash=str(n))
            for n in range(6)
        ]
    )
    synchronise(visitor.backend, visitor.directory)
    return visitor


def left(visitor: Visitor) -> set[str]:
    return {entry.id for entry in visitor.backend.iterate()}


def recalled(visitor: Visitor) -> int:
    index = recall.open_index(str(visitor.directory), lambda: False)
    assert index is not None
    try:
        return len(index._entries(range(100)))
    finally:
        index.close()


@pytest.mark.parametrize(
    ("kind", "stay"),
    [("entry", {"e1", "e2", "e3", "e4", "e5"}), ("file", {"e1", "e3", "e5"}), ("session", {"e3", "e4", "e5"})],
)
def test_what_was_chosen_goes_whole_and_nothing_else(kept: Visitor, kind: str, stay: set[str]) -> None:
    form = kept.form(f"forget?kind={kind}&entry=e0")
    assert left(kept) == {f"e{n}" for n in range(6)}, "asking takes nothing away"
    answer = kept.post(f"forget?kind={kind}&entry=e0", form)
    assert answer.status_code == 303
    receipt = kept.text(answer.headers["location"])
    gone = 6 - len(stay)
    assert f"{gone} entr" in receipt
    assert left(kept) == stay
    assert recalled(kept) == len(stay)
    assert kept.get("entry?id=e0").status_code == 404
    assert kept.backend.collection.vector("e0") is None
    assert "e0" not in {found.id for found in kept.backend.search_fts("parse_duration", 10)}


def test_what_was_forgotten_does_not_come_back_by_itself(kept: Visitor) -> None:
    again = kept.backend.get("e0")
    kept.post(ENTRY, kept.form(ENTRY))
    assert again is not None
    assert store_once(kept.backend, [again]) == 0


def test_without_the_word_of_this_run_nothing_goes(kept: Visitor) -> None:
    form = kept.form(ENTRY)
    for wrong in ({**form, "word": ""}, {**form, "word": "x" * 32}, {k: v for k, v in form.items() if k != "word"}):
        assert kept.post(ENTRY, wrong).status_code == 403
    assert kept.post(ENTRY, form, headers={"Origin": "http://evil.example"}).status_code == 403
    assert kept.post(ENTRY, form, headers={"Origin": "null"}).status_code == 403
    kept.client.cookies.clear()
    assert kept.post(ENTRY, form).status_code == 403
    assert len(left(kept)) == 6


def test_what_came_since_is_not_forgotten_unseen(kept: Visitor) -> None:
    form = kept.form(SESSION)
    kept.backend.store_many([StorageEntry("late", "/p/9.py", "late = 1", session_id="s0")])
    answer = kept.post(SESSION, form)
    assert answer.status_code == 409
    assert "Nothing was forgotten" in answer.text
    assert len(left(kept)) == 7
    assert kept.post(SESSION, kept.form(SESSION)).status_code == 303
    assert left(kept) == {"e3", "e4", "e5"}


def test_a_second_press_finds_nothing_left(kept: Visitor) -> None:
    form = kept.form(ENTRY)
    assert [kept.post(ENTRY, form).status_code for _ in range(2)] == [303, 404]


def test_an_entry_without_a_file_or_a_session_goes_alone(kept: Visitor) -> None:
    kept.backend.store_many([StorageEntry(f"note{n}", "", f"Durations are seconds. {n}") for n in range(2)])
    for kind in ("file", "session"):
        assert "Forget this entry?" in kept.text(f"forget?kind={kind}&entry=note0")
    page = "forget?kind=session&entry=note0"
    kept.post(page, kept.form(page))
    assert "note1" in left(kept)


def test_what_is_no_form_of_ours_is_refused(kept: Visitor) -> None:
    url = f"{kept.door.folder}/forget"
    assert kept.client.post(url, content=b"x" * 20_000).status_code == 413
    assert kept.client.post(url, content=b"\xff\x00").status_code == 403
    assert kept.client.get(f"{kept.door.folder}/forget?kind=all&entry=e0").status_code == 200
    assert kept.client.delete(url).status_code == 405
    assert len(left(kept)) == 6
