"""An entry is found by the unit in it that is nearest, and every filter holds before the limit."""

from __future__ import annotations

import pytest

from afterimage.finding import find
from afterimage.hybrid_search import HybridSearch
from afterimage.storage import StorageBackend
from capsa import Filter, Mode

FRUITS = ("apple", "banana", "cherry", "damson", "elder", "fig", "grape", "hazel")


def module(tag: str) -> str:
    return "\n\n".join(
        f"def {tag}_{name}(request):\n"
        + f"    value = request + {name} + basket + table\n" * 4
        + f"    return {name}\n"
        for name in FRUITS
    )


@pytest.fixture
def filled(memory: StorageBackend) -> StorageBackend:
    for n in range(6):
        memory.store(f"/near/{n}.py", module(f"near{n}"), session_id="one")
    memory.store("/far/a.py", module("far"), session_id="two")
    memory.store("/gone.py", "")
    memory.collection.embed_missing()
    return memory


@pytest.mark.parametrize("mode", [Mode.HYBRID, Mode.SEMANTIC])
def test_the_best_unit_speaks_for_its_entry(filled: StorageBackend, mode: Mode) -> None:
    found = find(filled, "return grape of the basket", 20, mode=mode).found
    assert len({match.record.id for match in found}) == len(found) == 7, "once each, and not what says nothing"
    for match in found:
        assert match.nearest is not None
        assert match.nearest.name.endswith("_grape")
        vector = filled.collection.vector(match.record.id)
        assert vector is not None
        asked = filled.embedder.embed(["return grape of the basket"])[0] if filled.embedder else vector
        assert (match.hit.semantic_score or 0.0) > float(vector @ asked) + 0.05
    scores = [match.hit.semantic_score or 0.0 for match in found]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("where", [Filter(path="/far/"), Filter(session_id="two")])
def test_a_filter_holds_before_the_limit(filled: StorageBackend, where: Filter) -> None:
    (match,) = find(filled, "return grape of the basket", 1, where=where).found
    assert match.record.path == "/far/a.py"
    assert match.nearest is not None


def test_no_limit_brings_more_than_there_are(filled: StorageBackend) -> None:
    few, many = (find(filled, "grape", limit) for limit in (2, 500))
    assert (len(few.found), few.every) == (2, False)
    assert (len(many.found), many.every) == (7, True)


def test_a_result_says_which_lines_answer(filled: StorageBackend) -> None:
    result = HybridSearch(filled).search("near3_fig", limit=1)[0]
    assert (result.file_path, result.unit) == ("/near/3.py", "near3_fig")
    assert result.lines is not None
    first, last = result.lines
    lines = result.new_code.split("\n")[first - 1 : last]
    assert lines[0] == "def near3_fig(request):"
    assert lines[-1] == "    return fig"


def test_what_has_no_vector_yet_is_found_by_its_words(filled: StorageBackend) -> None:
    late = filled.store("/late.py", module("late"))
    found = find(filled, "late_grape", 3).found
    assert found[0].record.id == late
    shown = found[0].shown()
    assert shown is not None
    assert shown.name == "late_grape"
