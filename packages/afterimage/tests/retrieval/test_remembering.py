"""Notes are kept once, where they belong, and give way to later ones."""

from __future__ import annotations

import pytest

from afterimage.errors import EntryNotFound, InvalidEntry
from afterimage.hook.marker import wrap
from afterimage.retrieval.remembering import MOST, Remembered, remember
from afterimage.testing_shelf import Shelf


def keep(shelf: Shelf, text: str, **more: str) -> Remembered:
    return remember(shelf.backend, shelf.here.projects[0], text, shelf.retriever.redactor(), **more)


def test_a_note_is_found_in_its_project_and_kept_once(shelf: Shelf) -> None:
    first, again = keep(shelf, "Durations are seconds.", path="durations.py"), keep(shelf, "Durations are seconds. ")
    assert (first.new, again.new) == (True, True), "about a file and about none are two"
    assert not keep(shelf, "Durations are seconds.").new
    found = shelf.retriever.search("durations seconds", shelf.here).items
    assert {item.path for item in found} <= {str(shelf.project / "durations.py"), ""}
    assert {item.standing for item in found} == {""}


def test_a_later_note_supersedes_an_earlier_one(shelf: Shelf) -> None:
    old = keep(shelf, "Durations are seconds.")
    new = keep(shelf, "Durations are milliseconds.", replaces=old.id[:12])
    assert new.replaced == old.id
    assert shelf.retriever.one(old.id).standing == f"SUPERSEDED by {new.id}"
    shelf.backend.delete(new.id)
    assert shelf.retriever.one(old.id).standing == ""


def test_no_secret_and_nothing_recalled_is_kept(shelf: Shelf) -> None:
    key = "AKIA" + "QYLPMN5HHHFPZAM2"
    kept = shelf.backend.get(keep(shelf, f"the key is {key} <private>and mine</private>").id)
    assert kept is not None
    assert key not in kept.new_code
    assert "mine" not in kept.new_code
    for text, why in (
        (wrap("recalled"), "nothing to remember"),
        ("<private>mine</private>\n<private>and this", "all of it stands in <private>"),
        ("x" * (MOST + 1), "at most"),
    ):
        with pytest.raises(InvalidEntry, match=why):
            keep(shelf, text)
    with pytest.raises(EntryNotFound):
        keep(shelf, "a note", replaces="never")
    assert shelf.backend.stats().total_entries == 1
