"""Churn is what the entries tell, the same on both databases, seen from a moment that is given."""

import datetime as dt
from typing import Any

import pytest

from afterimage.churn import ChurnTier, ChurnTracker
from afterimage.entries import StorageEntry
from afterimage.spooled import entries_of
from afterimage.storage import StorageBackend

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
SIX = "\n\n".join(f"def {name}():\n    return 0\n" for name in "abcdef")


class Desk:
    """A memory, and tools that are called at some hour before now."""

    def __init__(self, backend: StorageBackend) -> None:
        self.backend = backend
        self.calls = 0

    def call(self, hours: float, tool: str, given: dict[str, Any], **more: Any) -> None:
        self.calls += 1
        event = {
            "version": 1,
            "at": int((NOW - dt.timedelta(hours=hours)).timestamp() * 1_000_000),
            "client": "claude-code",
            "session": "s1",
            "cwd": "/p",
            "tool": tool,
            "tool_use_id": f"t{self.calls}",
            "project": "0123456789abcdef",
            "input": given,
        }
        self.backend.store_many(entries_of(event | more))

    def write(self, hours: float, path: str = "a.py", content: str = SIX, **more: Any) -> None:
        self.call(hours, "Write", {"file_path": path, "content": content}, **more)

    def edit(self, hours: float, old: str, new: str, path: str = "a.py", **more: Any) -> None:
        self.call(hours, "Edit", {"file_path": path, "old_string": old, "new_string": new}, **more)

    @property
    def tracker(self) -> ChurnTracker:
        return ChurnTracker(self.backend, NOW)


@pytest.fixture
def desk(memory: StorageBackend) -> Desk:
    return Desk(memory)


def test_writing_a_new_file_of_six_functions_is_one_edit_and_none_of_its_functions(desk: Desk) -> None:
    desk.write(1)
    file = desk.tracker.get_file_stats("/p/a.py")
    assert file is not None
    assert (file.total_edits, file.edits_last_24h, file.tier) == (1, 1, ChurnTier.GOLD)
    functions = desk.tracker.get_function_stats("/p/a.py")
    assert {one.name: one.edit_count for one in functions} == dict.fromkeys("abcdef", 0)


def test_a_call_with_many_edits_is_one_of_the_file_and_one_of_each_function(desk: Desk) -> None:
    desk.write(3)
    edits = [{"old_string": f"def {name}():\n    return 0", "new_string": f"def {name}():\n    x"} for name in "aab"]
    edits[1] = {"old_string": "def a():\n    x", "new_string": "def a():\n    y"}
    desk.call(2, "MultiEdit", {"file_path": "a.py", "edits": edits})
    file = desk.tracker.get_file_stats("/p/a.py")
    assert file is not None
    assert file.total_edits == 2
    assert [(one.name, one.edit_count) for one in desk.tracker.get_function_stats("/p/a.py")][:3] == [
        ("a", 1),
        ("b", 1),
        ("c", 0),
    ]
    newest, oldest = desk.tracker.get_history("/p/a.py")
    assert newest.functions == {"a": "modified", "b": "modified"}
    assert set(oldest.functions.values()) == {"added"}
    assert len(newest.entries) == 3


def test_a_patch_is_one_edit_of_each_of_its_files(desk: Desk) -> None:
    patch = (
        "*** Begin Patch\n*** Update File: a.py\n@@\n-x = 1\n+x = 2\n@@\n-y = 1\n+y = 2\n*** Add File: b.py\n+z = 1\n"
        "*** Delete File: c.py\n*** End Patch"
    )
    desk.call(1, "apply_patch", {"input": patch})
    assert {file.file_path: file.total_edits for file in desk.tracker.files()} == {"/p/a.py": 1, "/p/b.py": 1}


def test_what_is_imported_again_counts_once(desk: Desk) -> None:
    desk.write(5)
    (entry,) = desk.backend.iterate()
    older = StorageEntry("older", entry.file_path, entry.new_code, timestamp=entry.timestamp, session_id="file-stem")
    desk.backend.store_many([older])
    file = desk.tracker.get_file_stats("/p/a.py")
    assert file is not None
    assert file.total_edits == 1


def test_windows_end_where_they_end(desk: Desk) -> None:
    for number, hours in enumerate((1, 24, 24.1, 7 * 24, 7 * 24 + 1, 30 * 24, 30 * 24 + 1)):
        desk.write(hours, content=f"x = {number}")
    file = desk.tracker.get_file_stats("/p/a.py")
    assert file is not None
    counts = (file.edits_last_24h, file.edits_last_7d, file.edits_last_30d, file.total_edits)
    assert counts == (2, 4, 6, 7)
    assert sum(file.days) == 6
    assert (file.days[-1], file.days[-2], file.days[-8], file.days[0]) == (1, 2, 2, 1)
    assert file.to_dict()["first_edit"] == (NOW - dt.timedelta(hours=30 * 24 + 1)).isoformat()


def test_hotspots_and_tiers(desk: Desk) -> None:
    for path, count in (("hot.py", 5), ("warm.py", 4), ("cold.py", 1)):
        for number in range(count):
            desk.write(1 + number, path, f"x = {number}")
    desk.write(24 * 60, "old.py")
    assert [(file.file_path, round(score, 2)) for file, score in desk.tracker.get_hotspots(2)] == [
        ("/p/hot.py", 5 * 6 * 1.5),
        ("/p/warm.py", 4 * 6 * 0.5),
    ]
    assert [file.file_path for file in desk.tracker.get_files_by_tier("gold")] == ["/p/cold.py", "/p/old.py"]
    assert [file.file_path for file in desk.tracker.get_files_by_tier(ChurnTier.RED)] == ["/p/hot.py"]
    assert desk.tracker.get_file_stats("/p/none.py") is None


def test_notes_and_what_only_moved_are_no_edits(desk: Desk) -> None:
    desk.backend.store_many([StorageEntry("n", "/p/a.py", "use the clock", metadata={"change": "note"})])
    desk.call(1, "apply_patch", {"input": "*** Begin Patch\n*** Update File: b.py\n*** Move to: c.py\n*** End Patch"})
    assert desk.tracker.files() == []


def test_what_is_forgotten_is_not_counted(desk: Desk) -> None:
    desk.write(2, content="x = 1")
    desk.write(1, content="x = 2")
    entry = next(entry for entry in desk.backend.iterate() if entry.new_code == "x = 2")
    desk.backend.delete(entry.id)
    file = desk.tracker.get_file_stats("/p/a.py")
    assert file is not None
    assert file.total_edits == 1


def test_names_that_no_database_holds_as_they_are(desk: Desk) -> None:
    desk.backend.store("/p/caf\udce9\0.py", "x = 1", timestamp=NOW)
    assert [file.file_path for file in desk.tracker.files()] == ["/p/caf\udce9\0.py"]
    assert desk.tracker.get_file_stats("/p/caf\udce9\0.py") is not None
