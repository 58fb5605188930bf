"""Where transcripts are, and the copy that no client deletes."""

import os
from pathlib import Path

from afterimage.ingest import archive, default_places, files_of
from afterimage.ingest.places import Place
from afterimage.testing_transcripts import Claude


def test_the_clients_say_where_theirs_are(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert [place.path for place in default_places(home, {})] == [
        home / ".claude/projects",
        home / ".codex/sessions",
        home / ".codex/archived_sessions",
    ]
    moved = default_places(home, {"CLAUDE_CONFIG_DIR": "/c", "CODEX_HOME": "/x"})
    assert [str(place.path) for place in moved] == ["/c/projects", "/x/sessions", "/x/archived_sessions"]
    assert [list(files_of(place)) for place in moved] == [[], [], []]


def test_an_archive_is_a_copy_for_one_account(claude: Claude, tmp_path: Path) -> None:
    claude.write("t1")
    beside = Claude(claude.path.with_suffix("") / "subagents" / "agent-1.jsonl")
    beside.write("t2")
    places = [Place(tmp_path / "projects", "claude-code")]
    target = tmp_path / "kept"
    assert archive(places, target) == 2
    copy = target / "claude-code" / "-p" / claude.path.name
    assert copy.read_bytes() == claude.path.read_bytes()
    for path in (copy, *copy.parents[:3]):
        assert path.stat().st_mode & 0o077 == 0
    assert archive(places, target) == 0
    claude.write("t3")
    assert archive(places, target) == 1
    assert sorted(path.name for path in target.rglob("*")) == sorted(
        [claude.path.name, "agent-1.jsonl", "-p", "claude-code", claude.path.stem, "subagents"]
    )


def test_an_archive_outlives_its_originals(claude: Claude, tmp_path: Path) -> None:
    claude.write("t1")
    places, target = [Place(tmp_path / "projects", "claude-code")], tmp_path / "kept"
    archive(places, target)
    whole = claude.path.read_bytes()
    claude.path.write_text("")
    os.utime(claude.path, (1, 1))
    archive(places, target)
    claude.path.unlink()
    archive(places, target)
    assert (target / "claude-code" / "-p" / claude.path.name).read_bytes() == whole


def test_a_link_to_a_folder_is_not_followed(claude: Claude, tmp_path: Path) -> None:
    claude.write("t1")
    (tmp_path / "projects" / "again").symlink_to(tmp_path / "projects")
    assert list(files_of(Place(tmp_path / "projects", "x"))) == [claude.path]
