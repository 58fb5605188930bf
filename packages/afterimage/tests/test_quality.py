"""How well recall works: the same figures each time, and each of them falls when what it measures is broken."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from afterimage.cli import main
from afterimage.entries import StorageEntry
from afterimage.quality import Measure, Quality, measure
from afterimage.quality_hook import HookTimes
from afterimage.quality_sample import questions, sample
from afterimage.storage import SQLiteBackend, StorageBackend
from afterimage.sync import synchronise
from afterimage.testing_pages import pleasant_memory
from capsa import Record
from capsa.testing.embedders import HashingEmbedder


@pytest.fixture(autouse=True)
def quick_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting programs takes time, and is tested by itself."""
    monkeypatch.setattr("afterimage.quality.time_hook", lambda *_: HookTimes(0.2, 0.1, 9))


@pytest.fixture
def small(home: Path) -> SQLiteBackend:
    """A memory in SQLite, in step."""
    backend = SQLiteBackend(home / "m.db", embedder=HashingEmbedder)
    pleasant_memory(backend, home / "work", dt.datetime.now(dt.UTC))
    synchronise(backend, home / ".afterimage")
    return backend


def of(found: Quality, name: str) -> Measure:
    return next(one for one in found.measures if name in one.name)


@pytest.mark.slow
def test_all_is_measured_on_either_database(memory: StorageBackend, home: Path) -> None:
    pleasant_memory(memory, home / "work", dt.datetime.now(dt.UTC))
    synchronise(memory, home / ".afterimage")
    found = measure(memory, home / ".afterimage", 20)
    assert found.left_out == ()
    assert found.sample == 20
    assert found.entries == memory.collection.count()
    for name in ("by meaning", "project is noted", "session is noted", "outcome is noted", "another file's name"):
        assert (of(found, name).value, of(found, name).advice) == (1.0, ""), name
    assert (of(found, "by a line").value or 0) > 0.9
    assert of(found, "a hook before").value == 200
    assert 50 < (of(found, "added").value or 0) < 2_500


@pytest.mark.slow
def test_the_same_memory_gives_the_same_figures(small: SQLiteBackend, home: Path) -> None:
    one, other = (measure(small, home / ".afterimage", 15) for _ in range(2))
    assert one == other
    assert [r.id for r in sample(small, 10, seed=1)] != [r.id for r in sample(small, 10, seed=2)]


def test_what_the_hooks_index_lacks_is_seen(small: SQLiteBackend, home: Path) -> None:
    for n in range(200):
        code = f"def late_{n}(argument):\n    value = compute(argument, {n})\n    return store_{n}(value)\n"
        small.store(f"/p/{n}.py", code)
    found = of(measure(small, home / ".afterimage", 20), "another file's name")
    assert found.value is not None
    assert found.value < 0.9
    assert "sync --rebuild" in found.advice


def test_what_lacks_a_vector_or_a_fact_or_is_there_twice_is_seen(home: Path) -> None:
    with SQLiteBackend(home / "m.db", embedder=HashingEmbedder) as backend:
        code = "def twice(argument):\n    value = compute(argument)\n    return store(value)\n"
        backend.store_many([StorageEntry(f"e{n}", f"/p/{n}.py", code) for n in range(4)])
        found = measure(backend, home / ".afterimage", 4)
    assert of(found, "by meaning").value == 0
    assert "reembed" in of(found, "by meaning").advice
    assert of(found, "project").value == of(found, "session").value == 0
    assert of(found, "session").advice
    assert of(found, "same code").value == 0.75
    assert "recall index" in found.left_out[0]


def test_without_a_model_it_says_what_is_left_out(home: Path) -> None:
    with SQLiteBackend(home / "m.db", embedder=lambda: None) as backend:
        pleasant_memory(backend, home / "work", dt.datetime.now(dt.UTC))
        synchronise(backend, home / ".afterimage")
        found = measure(backend, home / ".afterimage", 10)
    assert found.model is None
    assert "meaning" in found.left_out[0]
    assert of(found, "by a line").value == 1.0


def test_an_entry_is_asked_for_by_what_is_in_it() -> None:
    code = 'def parse(text):\n    """Read a duration. More."""\n    return DURATION.findall(text)\n'
    asked = dict(questions(Record(text=code, path="/p/a.py")))
    assert asked["line"] == "return DURATION.findall(text)"
    assert asked["sentence"] == "Read a duration"
    assert "parse" in asked["identifiers"]
    script = dict(questions(Record(text="// Draws all markers, again\nlet x = 1;\n", path="/p/a.js")))
    assert script["sentence"] == "Draws all markers, again"
    assert dict(questions(Record(text="x", path="/p/a.py"))) == {}


def test_a_hook_is_timed_and_leaves_nothing(small: SQLiteBackend, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from afterimage.quality_hook import time_hook

    monkeypatch.setattr("afterimage.quality_hook._RUNS", 2)
    directory = home / ".afterimage"
    before = {path for path in directory.rglob("*") if path.name != "seen"}
    text = next(entry.new_code for entry in small.iterate() if "hypot" in entry.new_code)
    times = time_hook(directory, text)
    assert times.runs == 2
    assert times.hook > 0
    assert {path for path in directory.rglob("*") if path.name != "seen"} == before


def test_the_command_tells_a_person_and_a_program(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from afterimage.storage import get_storage_backend

    with get_storage_backend() as backend:
        pleasant_memory(backend, home / "work", dt.datetime.now(dt.UTC))
    assert main(["quality", "--sample", "5"]) == 0
    told = capsys.readouterr()
    assert "found by a line of it" in told.out
    assert "left out: meaning" in told.err
    assert "-> a model finds them by meaning" in told.out
    assert main(["quality", "--sample", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sample"] == 5
    assert {"name", "value", "unit", "of", "detail", "advice"} == set(found["measures"][0])


def test_an_empty_memory_has_nothing_to_measure(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from afterimage.storage import get_storage_backend

    with get_storage_backend() as backend:
        backend.initialize()
    assert main(["quality"]) == 1
    assert "empty" in capsys.readouterr().out


@pytest.mark.parametrize("code", ["", "x = 1", "def f(): ...\n"])
def test_entries_without_code_to_ask_for_are_said_to_be_just_that(
    home: Path, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from afterimage.storage import get_storage_backend

    with get_storage_backend() as backend:
        backend.store("/p/a.py", code)
    assert main(["quality"]) == 1
    told = capsys.readouterr()
    assert "Of 1 entry none has a path and enough code to be asked for" in told.out
    assert "|" not in told.out
    assert main(["quality", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sample"] == 0


@pytest.mark.parametrize(("count", "few"), [(1, True), (3, True), (20, False)])
def test_of_few_entries_it_says_that_they_are_few(
    home: Path, count: int, few: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    from afterimage.storage import get_storage_backend

    with get_storage_backend() as backend:
        for n in range(count):
            backend.store(f"/p/{n}.py", f"def compute_{n}(argument):\n    return store(argument, {n})\n")
    assert main(["quality"]) == 0
    told = capsys.readouterr().err
    assert ("too few to tell much: one entry more or less changes a figure by" in told) is few
    assert f"{count} of {count} entr{'y' if count == 1 else 'ies'} asked for" in told


def test_doctor_tells_how_often_hooks_had_something_to_show(home: Path) -> None:
    from afterimage.config import load_config
    from afterimage.hook.seen import Seen
    from afterimage.hook_doctor import left_behind

    config = load_config()
    assert not [check for check in left_behind(config) if check.name == "recalled"]
    for session, keys in (("s1", ("entry-1", "entry-2", "note-x")), ("s2", ("entry-1",)), ("s3", ("deny-1",))):
        for key in keys:
            Seen(str(config.directory), session).claim(key)
    (check,) = [check for check in left_behind(config) if check.name == "recalled"]
    assert check.found == "3 times an entry was shown, in 2 sessions of two weeks"
