"""Of a long entry the unit that answers is shown, judged and grouped, and not the beginning of its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from afterimage.retrieval import rendering
from afterimage.retrieval.given import Given
from afterimage.testing_shelf import Shelf

FRUITS = ("apple", "banana", "cherry", "damson", "elder", "fig", "grape", "hazel")


def function(name: str, line: str = "value = value + 1") -> str:
    return (
        f'def handle_{name}(request):\n    """Answers what is asked about {name}."""\n'
        + "".join(f"    {line}  # for {name}, step {n}\n" for n in range(4))
        + f"    return request.{name}\n"
    )


def module(*changed: str) -> str:
    """A file of a function for each fruit; those of ``changed`` are others than before."""
    return "import os\n\n\n" + "\n\n".join(
        function(name, "value = other(value)" if name in changed else "value = value + 1") for name in FRUITS
    )


@pytest.fixture
def path(shelf: Shelf) -> Path:
    return shelf.project / "fruits.py"


def test_the_function_that_answers_is_shown(shelf: Shelf) -> None:
    id_ = shelf.put("fruits.py", module())
    for synced in (False, True):
        for question in ("handle_grape", "what is asked about grape"):
            (item,) = shelf.retriever.search(question, shelf.here).items
            assert item.unit is not None, (synced, question)
            assert (item.id, item.unit.name, item.unit.text.strip()) == (id_, "handle_grape", function("grape").strip())
            text = rendering.results(shelf.retriever.search(question, shelf.here), "none", Given())
            assert f"fruits.py, handle_grape, from line {item.unit.first} of what was written (" in text
            assert "banana" not in text
        shelf.sync()


def test_code_that_is_like_a_function_in_a_long_entry_finds_that_function(shelf: Shelf) -> None:
    shelf.put("fruits.py", module())
    shelf.sync()
    (item,) = shelf.retriever.similar(function("grape").replace("grape", "melon", 1), shelf.here).items
    assert item.unit is not None
    assert item.unit.name == "handle_grape"


def test_the_whole_is_shown_where_it_is_asked_for(shelf: Shelf) -> None:
    item = shelf.retriever.one(shelf.put("fruits.py", module()))
    assert item.unit is None
    assert item.code == module()


def standing(shelf: Shelf, name: str, id_: str) -> str:
    found = {item.id: item for item in shelf.retriever.search(f"handle_{name}", shelf.here, 9).items}
    return found[id_].standing


def test_an_edit_elsewhere_in_the_file_leaves_a_function_fresh(shelf: Shelf, path: Path) -> None:
    id_ = shelf.put("fruits.py", module())
    path.write_text(module("banana"))
    assert standing(shelf, "grape", id_) == "FRESH"
    assert standing(shelf, "banana", id_) == "STALE: the file has changed since"
    edit = shelf.put("fruits.py", function("banana", "value = other(value)"), change="edit")
    for synced in (False, True):
        assert standing(shelf, "grape", id_) == "FRESH", synced
        assert standing(shelf, "banana", id_) == f"SUPERSEDED by {edit}", synced
        shelf.sync()


def test_a_later_version_of_the_same_function_supersedes_it_and_no_other(shelf: Shelf, path: Path) -> None:
    id_ = shelf.put("fruits.py", module())
    path.write_text("nothing of it\n")
    edit = shelf.put("fruits.py", function("banana", "value = other(value)"), change="edit")
    assert standing(shelf, "banana", id_) == f"SUPERSEDED by {edit}"
    assert standing(shelf, "grape", id_) == "STALE: the file has changed since"
    whole = shelf.put("fruits.py", "def nothing_of_it(): return 'at all'\n")
    assert standing(shelf, "grape", id_) == f"SUPERSEDED by {whole}", "the whole file was written again"
    shelf.backend.delete(whole)
    shelf.sync()
    assert standing(shelf, "grape", id_) == "STALE: the file has changed since", "what is forgotten supersedes nothing"


def test_an_edit_inside_a_function_supersedes_it(shelf: Shelf, path: Path) -> None:
    id_ = shelf.put("fruits.py", module())
    path.write_text("nothing of it\n")
    old = "\n".join(function("banana").split("\n")[3:5])
    edit = shelf.put("fruits.py", "    value = quite(another)", change="edit", old_code=old)
    assert standing(shelf, "banana", id_) == f"SUPERSEDED by {edit}"
    assert standing(shelf, "cherry", id_).startswith("STALE")


def test_the_same_function_of_two_versions_of_a_file_is_one_answer(shelf: Shelf) -> None:
    shelf.put("fruits.py", module())
    shelf.put("other.py", module("apple", "banana", "cherry", "damson", "elder", "fig", "hazel"))
    shelf.sync()
    (item,) = shelf.retriever.search("what is asked about grape", shelf.here, 1).items
    assert Path(item.path).name == "other.py"
    assert [Path(other.path).name for other in item.others] == ["fruits.py"]


def test_no_secret_is_shown_by_its_half(shelf: Shelf) -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEAx7Vn\n" * 12 + "-----END RSA PRIVATE KEY-----\n"
    shelf.put("fruits.py", module() + f'\n\nKEY = """{key}"""\n\n\n' + function("quince"))
    for question in ("handle_quince", "handle_grape", "where is the private KEY"):
        text = rendering.results(shelf.retriever.search(question, shelf.here), "none", Given())
        assert "MIIEow" not in text


def test_what_a_session_was_given_is_named_in_a_line_and_not_given_again(shelf: Shelf) -> None:
    id_ = shelf.put("fruits.py", module())
    given = Given()

    def ask(question: str) -> str:
        return rendering.results(shelf.retriever.search(question, shelf.here), "none", given)

    first, again, other = ask("handle_grape"), ask("handle_grape"), ask("handle_fig")
    assert "return request.grape" in first
    assert "return request.grape" not in again
    assert f"id {id_}" in again
    assert "Given before in this session" in again
    assert len(again) < len(first) * 0.8
    assert "return request.fig" in other, "another function of the same entry is another answer"
    assert "return request.grape" in rendering.results(
        shelf.retriever.search("handle_grape", shelf.here), "none", Given()
    )
