import stat
from pathlib import Path

import pytest

from afterimage.state import State, read_state, remember_postgresql, rollback_was_told, write_state
from capsa import DatabaseUrl

URL = DatabaseUrl.parse("postgresql://ann:s3cret@db:5433/code")


def test_a_server_is_remembered_without_its_secret(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    remember_postgresql(folder, URL)
    file = folder / "state.json"
    assert "s3cret" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert read_state(folder) == State(postgresql="postgresql://ann@db:5433/code")
    rollback_was_told(folder)
    assert read_state(folder).rollback_told
    remember_postgresql(folder, URL)
    assert not read_state(folder).rollback_told
    assert [f.name for f in folder.iterdir()] == ["state.json"]


def test_what_is_known_is_not_written_again(tmp_path: Path) -> None:
    remember_postgresql(tmp_path, URL)
    before = (tmp_path / "state.json").stat().st_ino
    remember_postgresql(tmp_path, URL)
    assert (tmp_path / "state.json").stat().st_ino == before


@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"postgresql": 3}', "\xff"])
def test_a_note_that_cannot_be_read_is_no_note(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "state.json").write_text(content, "latin-1")
    assert read_state(tmp_path) == State()


def test_a_folder_that_cannot_be_written_costs_only_the_note(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    remember_postgresql(tmp_path / "file" / "folder", URL)
    with pytest.raises(OSError, match="file"):
        write_state(tmp_path / "file" / "folder", State())
