"""What is found: of the right project, one of each kind, with how it stands, and without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from afterimage.errors import EntryNotFound
from afterimage.retrieval.retriever import Retriever
from afterimage.retrieval.where import Where
from afterimage.storage import SQLiteBackend
from afterimage.sync import synchronise
from afterimage.testing_hooks import CODE
from afterimage.testing_shelf import Shelf

OTHER = '''def merge_intervals(spans):
    """Join spans that touch."""
    joined = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1][1] = max(end, joined[-1][1])
        else:
            joined.append([begin, end])
    return joined
'''


def test_an_answer_says_where_and_when_it_is_from(shelf: Shelf) -> None:
    id_ = shelf.put("durations.py")
    (item,) = shelf.retriever.search("parse_duration", shelf.here).items
    assert (item.id, item.path, item.code) == (id_, str(shelf.project / "durations.py"), CODE)
    assert (item.session, item.project, item.branch) == ("session-1", "project", "main")
    assert item.at.isoformat() == "2026-06-01T13:00:00+00:00"
    assert "parse_duration" in item.why


def test_other_projects_are_looked_in_only_when_asked(shelf: Shelf, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shelf.put("durations.py", project=other)
    shelf.sync()
    everywhere = Where.at([str(shelf.project)], shelf.directory, everywhere=True)
    for ask in (
        lambda where: shelf.retriever.search("parse_duration", where),
        lambda where: shelf.retriever.similar(CODE, where),
        shelf.retriever.recent,
    ):
        assert ask(shelf.here).items == ()
        assert [item.project for item in ask(everywhere).items] == ["other"]


def test_many_answers_of_other_projects_do_not_hide_the_one_of_this(shelf: Shelf, tmp_path: Path) -> None:
    for n in range(60):
        shelf.put(f"{n}.py", f"parse_duration parse_duration {n}", project=tmp_path / "other")
    id_ = shelf.put("durations.py", CODE + OTHER)
    assert [item.id for item in shelf.retriever.search("parse_duration", shelf.here).items] == [id_]


def test_what_names_no_project_belongs_where_its_path_is(shelf: Shelf) -> None:
    shelf.backend.store(str(shelf.project / "a.py"), CODE)
    shelf.backend.store(str(shelf.project) + "-two/a.py", OTHER)
    assert [Path(item.path).name for item in shelf.retriever.recent(shelf.here).items] == ["a.py"]
    assert shelf.retriever.recent(Where.at(["/"], shelf.directory)).items == ()


def test_nearly_the_same_code_is_one_answer_and_the_newest(shelf: Shelf) -> None:
    old = shelf.put("old.py")
    new = shelf.put("new.py", CODE.replace("float(amount)", "int(amount)"))
    third = shelf.put("merge.py", OTHER + "# parse_duration\n")
    found = shelf.retriever.search("parse_duration", shelf.here).items
    assert {item.id: [other.id for other in item.others] for item in found} == {new: [old], third: []}


def test_the_same_code_under_another_name_is_found(shelf: Shelf) -> None:
    for n in range(4):
        shelf.put(f"{n}.py", OTHER.replace("spans", f"spans_{n}"))
    id_ = shelf.put("durations.py")
    shelf.sync()
    item = shelf.retriever.similar(CODE, shelf.here, 1).items[0]
    assert (item.id, item.why) == (id_, "the same code")
    (shelf.directory / "recall.db").unlink()
    assert shelf.retriever.similar(CODE, shelf.here).items[0].id == id_, "by words and meaning, if need be"


def test_what_is_not_like_it_is_no_answer(shelf: Shelf) -> None:
    shelf.put("durations.py")
    shelf.sync()
    assert shelf.retriever.similar(OTHER, shelf.here).items == ()
    assert shelf.retriever.search("zeppelin", shelf.here).items == ()


class Angles:
    """A model for which a text is as near to any question as the number in it says."""

    name, dimensions = "angles", 2

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        near = [float(found[1]) if (found := re.search(r"near ([.\d]+)", text)) else 1.0 for text in texts]
        return np.array([[cosine, (1 - cosine**2) ** 0.5] for cosine in near], np.float32)


@pytest.mark.parametrize(
    ("near", "found", "warned"),
    [
        (["0.9", "0.3", "0.2"], ["0.9", "0.3"], False),
        (["0.39", "0.3"], ["0.39", "0.3"], True),
        (["0.24", "0.05"], [], False),
    ],
)
def test_a_word_in_common_is_no_answer_where_the_meaning_is_far(
    tmp_path: Path, home: Path, near: list[str], found: list[str], *, warned: bool
) -> None:
    with SQLiteBackend(own_file=tmp_path / "memory.db", embedder=Angles) as backend:
        for number, cosine in enumerate(near):
            backend.store(f"/p/{number}.py", f"near {cosine}: a stored carburettor")
        synchronise(backend, tmp_path)
        retriever = Retriever(backend, tmp_path)
        everywhere = Where(everywhere=True)
        answer = retriever.search("clean the carburettor", everywhere)
        assert [item.code.split()[1].rstrip(":") for item in answer.items] == found
        said = " ".join(answer.notes)
        assert ("probably do not answer it" in said) == warned
        assert f"({near[0]} at most)" in said or not warned
        # What has all that was asked for is an answer, however far.
        assert len(retriever.search("stored carburettor", everywhere).items) == len(near)
        assert len(
            Retriever(backend, tmp_path, threshold=0.0).search("clean the carburettor", everywhere).items
        ) == len(near)


def test_an_answer_is_fresh_while_it_stands_and_then_stale_or_superseded(shelf: Shelf) -> None:
    path = shelf.project / "durations.py"
    first = shelf.put("durations.py")

    def standing(id_: str = first) -> str:
        return str(shelf.retriever.one(id_).standing)

    path.write_text("import re\n\n" + CODE.replace("    ", "\t"))
    assert standing() == "FRESH", "whatever stands around it, and however it is indented"
    path.write_text("import re\n")
    assert standing() == "STALE: the file has changed since"
    path.unlink()
    assert standing() == "STALE: the file is not there now"
    for indexed in (False, True):
        second = shelf.put("durations.py", f"pass  # {shelf.count}\n")
        if indexed:
            shelf.sync()
        assert standing() == f"SUPERSEDED by {second}"
        assert standing(second) == "STALE: the file is not there now"
    shelf.backend.delete(second)
    assert second not in standing(), "what was forgotten supersedes nothing"


def test_a_file_that_was_written_before_the_entry_has_it(shelf: Shelf) -> None:
    path = shelf.project / "durations.py"
    path.write_text("formatted beyond recognition")
    os.utime(path, (0, 0))
    assert shelf.retriever.one(shelf.put("durations.py")).standing == "FRESH"


def test_secrets_of_older_rows_are_not_shown(shelf: Shelf) -> None:
    key = "AKIA" + "QYLPMN5HHHFPZAM2"
    id_ = shelf.put("keys.py", f"{CODE}KEY = '{key}'\n# <private>mine</private>\n")
    code = shelf.retriever.one(id_).code
    assert "[redacted: " in code
    assert key not in code
    assert "mine" not in code


def test_the_files_written_last_come_once_each(shelf: Shelf) -> None:
    for name in ("a.py", "b.py", "a.py"):
        shelf.put(name, OTHER + f"# {shelf.count}\n")
    shelf.put("gone.py", "", change="delete")
    found = shelf.retriever.recent(shelf.here, 3).items
    assert [(Path(item.path).name, len(item.others)) for item in found] == [("gone.py", 0), ("a.py", 1), ("b.py", 0)]
    assert found[0].standing == ""


def test_the_beginning_of_an_id_is_enough_if_it_is_one_s(shelf: Shelf) -> None:
    first = shelf.put("a.py")
    with pytest.raises(EntryNotFound, match="no entry has the id ''"):
        shelf.retriever.one("")
    shelf.put("b.py")
    assert shelf.retriever.one("00000001").id == first
    for given, why in (("0000", "several ids begin"), ("f", "no entry has the id"), ("", "several ids begin")):
        with pytest.raises(EntryNotFound, match=why):
            shelf.retriever.one(given)
