"""What an earlier version's churn.db knows comes along once; the file keeps every byte, and stops nothing."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from afterimage import legacy_churn
from afterimage.churn import ChurnTracker
from afterimage.cli import main
from afterimage.config import load_config
from afterimage.doctor import examine
from afterimage.entries import CHURN_EDITS, CHURN_FILES, CHURN_FUNCTIONS, OWNER
from afterimage.legacy_churn import carry_over, carry_over_once, open_churn, was_carried
from afterimage.storage import SQLiteBackend, StorageBackend, get_storage_backend
from afterimage.testing_churn import write_legacy_churn
from capsa import SourceUnreadable

WHEN = "2026-01-06T12:00:00+00:00"
EDITS = [
    ("/p/a.py", WHEN, {"load": "add", "save": "add"}),
    ("/p/a.py", "2026-01-06T12:30:00.250000+00:00", {"load": "modify"}),
    ("/p/a.py", "2026-01-06T12:40:00+00:00", {"load": "refactor", "save": "delete"}),
    ("/p/notes.txt", WHEN, {}),
]


@pytest.fixture
def old(home: Path) -> Path:
    path = home / ".afterimage" / "churn.db"
    write_legacy_churn(path, EDITS)
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_row_comes_along_once(memory: StorageBackend, old: Path) -> None:
    before = digest(old)
    assert not was_carried(old, memory.database)
    carried = carry_over(old, memory.database)
    assert (carried.rows, carried.quarantined) == (6 + 2 + 2, 0)
    assert was_carried(old, memory.database)
    assert carry_over(old, memory.database) == carried
    counts = [memory.capsa_store.collection(name, owner=OWNER).count() for name in (CHURN_EDITS, CHURN_FILES)]
    assert [*counts, memory.capsa_store.collection(CHURN_FUNCTIONS, owner=OWNER).count()] == [6, 2, 2]
    assert digest(old) == before
    tracker = ChurnTracker(memory)
    file = tracker.get_file_stats("/p/a.py")
    assert file is not None
    assert file.total_edits == 3, "an edit has a row a function there, and is one"
    assert {one.name: one.edit_count for one in tracker.get_function_stats("/p/a.py")} == {"load": 2, "save": 0}
    assert [item.functions for item in tracker.get_history("/p/a.py", 2)] == [
        {"load": "modified", "save": "deleted"},
        {"load": "modified"},
    ]
    assert (tracker.get_earlier_stats("/p/a.py") or {})["total_edits"] == 3
    assert memory.clear() == 0
    assert tracker.files() == []
    told: list[str] = []
    carry_over_once(old, memory.database, told.append)
    assert (told, tracker.files()) == ([], []), "what was cleared does not come back"


def test_it_comes_with_an_older_memory_and_is_in_its_report(older: Path, old: Path) -> None:
    before = digest(old)
    told: list[str] = []
    with SQLiteBackend(older, report=told.append) as backend:
        assert ChurnTracker(backend).get_file_stats("/p/a.py")
    assert any(f"{old}: 10 rows of its history carried over, each compared" in line for line in told)
    assert told[-1].endswith("60 of 60 entries carried over, each compared")
    assert digest(old) == before


def test_it_comes_at_the_first_command_about_churn(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with get_storage_backend() as backend:
        backend.store("/p/b.py", "x = 1")
    assert main(["churn", "/p/a.py"]) == 0
    said = capsys.readouterr()
    assert "3 in all" in said.out
    assert said.err.startswith(f"afterimage: {old}: 10 rows of its history carried over")
    assert main(["churn", "/p/a.py", "--json"]) == 0
    assert capsys.readouterr().err == ""


def test_migrating_an_older_memory_brings_it_too(
    older: Path, old: Path, guide_postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", guide_postgres_url)
    for _ in range(2):
        assert main(["migrate", "--sqlite", str(older)]) == 0
    assert capsys.readouterr().err.count("10 rows of its history carried over") == 1
    with get_storage_backend() as backend:
        assert backend.backend_type == "postgresql"
        assert ChurnTracker(backend).get_file_stats("/p/a.py")
    assert main(["migrate", "--to-sqlite", str(older.with_name("back.db"))]) == 0
    assert "6 earlier edits" in capsys.readouterr().out


DAMAGES = {
    "text": b"no database at all",
    "half a header": b"SQLite format 3\0" + b"\0" * 40,
    "other tables": None,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_cannot_be_read_is_one_line_and_stops_nothing(
    older: Path, old: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content = DAMAGES[damage]
    old.unlink()
    if content is None:
        with closing(sqlite3.connect(old)) as sql:
            sql.execute("CREATE TABLE other (x)")
    else:
        old.write_bytes(content)
    before = digest(old)
    told: list[str] = []
    with SQLiteBackend(older, report=told.append) as backend:
        assert backend.stats().total_entries == 60
    (line,) = [line for line in told if "churn" in line]
    assert line.startswith(f"afterimage: what {old} knows of earlier edits was not carried over: {old}")
    assert "\n" not in line
    assert main(["files", "--tier", "gold", "--all-projects"]) == 0
    assert f"afterimage: what {old} knows" in capsys.readouterr().err
    (check,) = [check for check in examine() if check.name == "churn history"]
    assert check.verdict == "note"
    assert str(old) in check.found
    assert digest(old) == before


def test_one_that_was_cut_off_is_said_and_stops_nothing(memory: StorageBackend, old: Path) -> None:
    whole = old.read_bytes()
    old.write_bytes(whole[: len(whole) // 2])
    told: list[str] = []
    carry_over_once(old, memory.database, told.append)
    assert len(told) == 1
    assert "damaged" in told[0]


def test_half_of_one_gives_what_it_has(memory: StorageBackend, tmp_path: Path) -> None:
    old = tmp_path / "churn.db"
    with closing(sqlite3.connect(old)) as sql:
        sql.execute("CREATE TABLE edit_history (id TEXT, file_path TEXT, timestamp TEXT)")
        sql.execute("INSERT INTO edit_history VALUES ('1', '/p/a.py', '2026-01-06T12:00:00'), (NULL, '/p/a.py', NULL)")
        sql.execute("CREATE TABLE file_churn_stats (file_path TEXT)")
        sql.execute("CREATE TABLE ai2a_edits (x)")
        sql.commit()
    with closing(open_churn(old)) as source:
        assert source.description.not_carried == (
            "table file_churn_stats: without the columns last_edit",
            "table ai2a_edits: not known here",
        )
    assert str(carry_over(old, memory.database)).endswith("1 kept aside")
    assert ChurnTracker(memory).get_file_stats("/p/a.py")


def test_an_empty_file_is_none(home: Path) -> None:
    path = home / ".afterimage" / "churn.db"
    path.parent.mkdir()
    path.touch()
    assert legacy_churn.find(load_config()) is None
    with pytest.raises(SourceUnreadable, match="empty file"):
        open_churn(path)


def test_doctor_names_it(old: Path) -> None:
    def found() -> str:
        return next(check.found for check in examine() if check.name == "churn history")

    with get_storage_backend() as backend:
        backend.store("/p/b.py", "x = 1")
    assert found() == f"{old} is carried over at the first `afterimage churn`; it stays as it is"
    main(["churn", "/p/a.py"])
    assert found() == f"{old} was carried over; it stays as it was"
