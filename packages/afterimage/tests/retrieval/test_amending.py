"""Of two notes on the same thing the later one comes first, also where nobody said that it replaces the other."""

from __future__ import annotations

from afterimage.retrieval.amending import newest_first
from afterimage.testing_shelf import Shelf

OLD = "the upload worker retries a failed call three times before it gives up"
NEW = "the upload worker retries a failed call five times before it gives up"
OTHER = "dates in the invoice mailer are written as DD.MM.YYYY"
QUESTION = "upload worker retries a failed call before it gives up"


def test_the_later_note_comes_first_and_the_older_says_so(shelf: Shelf) -> None:
    old, new = (shelf.put("", text, change="note") for text in (OLD, NEW))
    shelf.sync()
    found = shelf.retriever.search(QUESTION, shelf.here).items
    assert [item.id for item in found] == [new, old]
    assert found[0].standing == ""
    assert found[1].standing == f"perhaps SUPERSEDED by {new}, a later note that is near to it"


def test_a_note_on_something_else_does_not_come_first(shelf: Shelf) -> None:
    old, other = (shelf.put("", text, change="note") for text in (OLD, OTHER))
    shelf.sync()
    found = shelf.retriever.search(QUESTION, shelf.here).items
    assert found[0].id == old
    assert all(item.standing == "" for item in found)
    assert other != old


def test_only_notes_are_amended(shelf: Shelf) -> None:
    for n, text in enumerate((OLD, NEW)):
        shelf.put(f"{n}.md", text)
    shelf.sync()
    found = shelf.retriever.search(QUESTION, shelf.here).items
    assert len(found) == 2
    assert not any("perhaps" in item.standing for item in found)


def test_what_took_another_s_place_comes_just_before_it() -> None:
    assert newest_first(list("abcd"), str, {"a": "c", "d": "b", "x": "a", "b": "y"}) == list("cabd")
    assert newest_first(list("ab"), str, {}) == list("ab")
