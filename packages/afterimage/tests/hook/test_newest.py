"""Newest is what was written last, whenever it was taken in: transcripts of last month are read today."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from afterimage.entries import StorageEntry
from afterimage.hook.project import project_of
from afterimage.hook.recall import open_index
from afterimage.testing_hooks import CODE, Hooks, context

EARLIER = CODE.replace("total = 0.0", "total = 0").replace("spelled", "text")


@pytest.fixture
def take_in(hooks: Hooks) -> Callable[..., None]:
    """Stores what was written some days ago."""

    def store(path: str, code: str, *, days: int, count: int = 1) -> None:
        known = project_of(str(hooks.project))
        moment = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
        entries = [
            StorageEntry(
                f"earlier-{path}-{days}-{number}",
                str(hooks.project / path),
                f"{code}# {number}\n",
                timestamp=(moment + dt.timedelta(seconds=number)).isoformat(),
                session_id="october",
                metadata={"project": known.id, "project_name": known.name, "change": "write"},
            )
            for number in range(count)
        ]
        with hooks.memory() as memory:
            memory.store_many(entries)
        hooks.sync()

    return store


def test_a_prompt_is_given_todays_version_of_a_file(hooks: Hooks, take_in: Callable[..., None]) -> None:
    hooks.write()
    hooks.sync()
    # More than are looked at of a name.
    take_in("durations.py", EARLIER, days=30, count=40)
    event = hooks.event("UserPromptSubmit", session="s2", prompt="mend durations.py")
    said = context(hooks.call(event))
    assert "findall(spelled)" in said
    assert "SUPERSEDED" not in said


def test_a_prompt_is_given_todays_version_of_a_definition(hooks: Hooks, take_in: Callable[..., None]) -> None:
    hooks.write()
    hooks.sync()
    take_in("durations.py", EARLIER, days=30)
    said = context(hooks.call(hooks.event("UserPromptSubmit", session="s2", prompt="what does `parse_duration` do?")))
    assert "findall(spelled)" in said


def test_a_session_begins_with_todays_files(hooks: Hooks, take_in: Callable[..., None]) -> None:
    hooks.write()
    hooks.sync()
    for number in range(9):
        take_in(f"old{number}.py", f"def old_{number}(): return {number} + {number}\n", days=30 + number, count=15)
    index = open_index(str(hooks.directory), lambda: False)
    assert index is not None
    found = index.recent([project_of(str(hooks.project)).id], lambda _: True)
    index.close()
    assert [entry.path.rpartition("/")[2] for entry, _ in found] == ["durations.py", *(f"old{n}.py" for n in range(7))]


def test_of_like_code_todays_comes_first(hooks: Hooks, take_in: Callable[..., None]) -> None:
    hooks.write()
    hooks.sync()
    take_in("durations_copy.py", CODE.removesuffix("\n"), days=30)
    said = context(hooks.before(session="s2", content=CODE + "# more\n"))
    assert said.index("durations.py (") < said.index("durations_copy.py (")


def test_an_old_write_that_comes_late_supersedes_nothing(hooks: Hooks, take_in: Callable[..., None]) -> None:
    hooks.write()
    hooks.sync()
    take_in("durations.py", "nothing_of_it = True\n", days=30, count=70)
    assert "SUPERSEDED" not in context(hooks.before(session="s2"))
