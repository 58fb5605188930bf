"""Whose memory a checkout is given: what was noted in it, and that of its remote if it has one of its commits."""

import io
import subprocess
import zlib
from pathlib import Path

import pytest

from afterimage.cli import main
from afterimage.hook import belonging, objects
from afterimage.hook.objects import ancestors, has_any
from afterimage.hook.project import Project, id_of
from afterimage.placing import Placing
from afterimage.retrieval.remembering import remember
from afterimage.retrieval.retriever import Retriever
from afterimage.retrieval.where import Where
from afterimage.testing_hooks import CODE, Hooks, context

REMOTE = "git@example.org:team/clock.git"


def git(folder: Path, *arguments: str) -> str:
    named = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *named, "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path, name: str = "a.py") -> str:
    (folder / name).write_text(f"{name} = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-m", name)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def clock(hooks: Hooks) -> Hooks:
    """A checkout with a remote, in which one file was written."""
    git(hooks.project, "init")
    (hooks.project / "durations.py").write_text(CODE)
    commit(hooks.project)
    git(hooks.project, "remote", "add", "origin", REMOTE)
    hooks.write()
    hooks.sync()
    return hooks


def elsewhere(hooks: Hooks, name: str) -> Hooks:
    folder = hooks.project.with_name(name)
    folder.mkdir(exist_ok=True)
    return Hooks(hooks.home, folder)


def imposter(hooks: Hooks) -> Hooks:
    """A folder that names the remote, and has nothing else of it."""
    other = elsewhere(hooks, "imposter")
    git(other.project, "init")
    commit(other.project, "b.py")
    git(other.project, "remote", "add", "origin", REMOTE)
    return other


def recalled(hooks: Hooks, session: str = "s2") -> bool:
    """Whether the hooks show the code; and MCP says the same."""
    shown = "parse_duration" in context(hooks.before(session=session))
    assert ("parse_duration" in context(hooks.call(start(hooks, session)))) is shown
    with hooks.memory() as memory:
        found = Retriever(memory, hooks.directory).search(
            "parse_duration", Where.at([str(hooks.project)], hooks.directory)
        )
    assert bool(found.items) is shown
    return shown


def start(hooks: Hooks, session: str) -> dict[str, object]:
    return {
        "session_id": session,
        "cwd": str(hooks.project),
        "hook_event_name": "SessionStart",
        "source": "startup",
    }


def test_a_clone_with_its_commits_is_given_it(clock: Hooks) -> None:
    clone = elsewhere(clock, "clone")
    git(clone.project, "clone", str(clock.project), ".")
    git(clone.project, "remote", "set-url", "origin", "https://example.org/team/clock")
    assert recalled(clone)
    git(clone.project, "gc")
    assert not list((clone.project / ".git" / "objects").glob("[0-9a-f][0-9a-f]")), "all of it is packed"
    assert recalled(clone, "s3")


def test_a_folder_that_only_names_the_remote_is_not_given_it(clock: Hooks) -> None:
    other = imposter(clock)
    assert not recalled(other)
    assert "`afterimage trust`" in context(other.call(start(other, "s4")))


def test_nor_does_writing_there_make_it_its_own(clock: Hooks) -> None:
    other = imposter(clock)
    given = {"file_path": str(other.project / "b.py"), "content": CODE.replace("parse_duration", "read_interval")}
    other.write(call="call-2", session="s5", tool_input=given)
    assert other.sync().stored == 1
    assert not recalled(other)
    assert "read_interval" in context(other.before(session="s6", content=given["content"])), "what it wrote is its own"
    assert "read_interval" not in context(clock.before(session="s7", content=given["content"])), "and not the other's"


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody at a terminal who says yes."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "y")


@pytest.mark.usefixtures("person")
def test_the_user_can_say_that_it_is_the_same(clock: Hooks, capsys: pytest.CaptureFixture[str]) -> None:
    other = imposter(clock)
    assert main(["trust", str(other.project)]) == 0
    assert f"  {clock.project} (clock, last 20" in capsys.readouterr().out, "and sees where it was written"
    assert recalled(other)
    assert (clock.directory / "hook-state" / "trusted").stat().st_mode & 0o777 == 0o600


def test_no_program_says_it(clock: Hooks, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["trust", str(imposter(clock).project)]) == 1
    assert "type it in a terminal" in capsys.readouterr().err


def hinted(hooks: Hooks, session: str) -> bool:
    """Whether a session's start says that the memory has more, without a word of what."""
    said = context(hooks.call(start(hooks, session)))
    assert "clock" not in said
    return "`afterimage trust`" in said


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize("packed", [False, True])
def test_a_fork_is_told_of_it_and_given_it_when_the_user_says_so(clock: Hooks, packed: bool) -> None:
    fork = elsewhere(clock, "fork")
    git(fork.project, "clone", str(clock.project), ".")
    git(fork.project, "remote", "set-url", "origin", "https://example.org/me/timer")
    commit(fork.project, "b.py")
    if packed:
        git(fork.project, "gc")
    assert not recalled(fork)
    assert hinted(fork, "s3")
    assert main(["trust", str(fork.project)]) == 0
    assert recalled(fork, "s4")


@pytest.mark.usefixtures("person")
def test_what_was_moved_and_has_another_remote_is_found_by_its_commits(clock: Hooks) -> None:
    clock.project.rename(clock.project.with_name("timer"))
    moved = elsewhere(clock, "timer")
    git(moved.project, "remote", "set-url", "origin", "git@example.com:new/timer.git")
    assert hinted(moved, "s3")
    assert main(["trust", str(moved.project)]) == 0
    assert recalled(moved, "s4")


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize("former", ["folder", REMOTE, "https://example.org/team/clock"])
def test_what_has_no_commit_in_common_can_be_named(clock: Hooks, former: str) -> None:
    other = elsewhere(clock, "timer")
    git(other.project, "init")
    (other.project / "durations.py").write_text(CODE)
    commit(other.project, "b.py")
    clock.project.rename(clock.project.with_name("gone"))
    assert not hinted(other, "s3")
    assert main(["trust", str(other.project), "--as", str(clock.project) if former == "folder" else former]) == 0
    assert recalled(other, "s4")


@pytest.mark.usefixtures("person")
def test_so_can_a_folder_without_git_that_was_moved(hooks: Hooks) -> None:
    (hooks.project / "durations.py").write_text(CODE)
    hooks.write()
    hooks.sync()
    hooks.project.rename(hooks.project.with_name("timer"))
    moved = elsewhere(hooks, "timer")
    assert not recalled(moved)
    assert main(["trust", str(moved.project), "--as", str(hooks.project)]) == 0
    assert recalled(moved, "s3")


def test_a_project_that_nobody_wrote_in_cannot_be_named(clock: Hooks, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trust", str(imposter(clock).project), "--as", "/never/seen"]) == 2
    assert "nothing in the memory was written in /never/seen" in capsys.readouterr().err


def test_a_clone_that_lacks_the_last_commits_is_given_it(clock: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = elsewhere(clock, "clone")
    git(clone.project, "clone", str(clock.project), ".")
    git(clone.project, "remote", "set-url", "origin", REMOTE)
    for number in range(3):
        git(clock.project, "commit", "--allow-empty", "-m", str(number))
        given = {"file_path": str(clock.project / f"{number}.py"), "content": f"number = {number}\n"}
        clock.write(call=f"call-{number}", tool_input=given)
    clock.sync()
    monkeypatch.setattr(belonging, "_COMMITS", 2)
    (project,) = Where.at([str(clone.project)], clock.directory).projects
    assert not project.withheld


def test_what_older_programs_stored_is_shown_below_its_path_alone(clock: Hooks) -> None:
    code = CODE.replace("parse_duration", "read_interval")
    with clock.memory() as memory:
        memory.store(str(clock.project / "older.py"), code)
    clock.sync()
    other = elsewhere(clock, "other")
    assert "read_interval" in context(clock.before(session="s3", content=code))
    assert "read_interval" not in context(other.before(session="s4", content=code))


def test_two_worktrees_are_both_looked_in(clock: Hooks) -> None:
    worktree = clock.project.with_name("worktree")
    git(clock.project, "worktree", "add", str(worktree))
    where = Where.at([str(clock.project), str(worktree)], clock.directory)
    assert {project.root for project in where.projects} == {str(clock.project), str(worktree)}


def test_nor_does_a_note_that_was_put_down_there(clock: Hooks) -> None:
    other = imposter(clock)
    (where,) = Where.at([str(other.project)], clock.directory).projects
    with clock.memory() as memory:
        remember(memory, where, "rotate vaults by a script from elsewhere", str)
    clock.sync()
    assert not recalled(other)
    assert "a note" not in context(clock.call(start(clock, "s8")))


@pytest.mark.parametrize("content", [b"", b"junk", zlib.compress(b"commit 4\0evil"), zlib.compress(b"blob 1\0x")])
def test_a_file_with_the_name_of_a_commit_is_none(clock: Hooks, content: bytes) -> None:
    other = imposter(clock)
    name = git(clock.project, "rev-parse", "HEAD")
    folder = other.project / ".git" / "objects" / name[:2]
    folder.mkdir(exist_ok=True)
    (folder / name[2:]).write_bytes(content)
    assert not recalled(other)


def test_a_link_to_other_objects_proves_nothing(clock: Hooks) -> None:
    other = imposter(clock)
    objects = other.project / ".git" / "objects"
    objects.rename(objects.with_name("own"))
    objects.symlink_to(clock.project / ".git" / "objects")
    assert not recalled(other)


def test_what_was_written_before_the_first_commit_is_withheld_too(hooks: Hooks) -> None:
    git(hooks.project, "init")
    (hooks.project / "durations.py").write_text(CODE)
    hooks.write()
    hooks.sync()
    commit(hooks.project)
    git(hooks.project, "remote", "add", "origin", REMOTE)
    given = {"file_path": str(hooks.project / "other.py"), "content": "other = 'something else entirely'\n"}
    hooks.write(call="call-2", tool_input=given)
    hooks.sync()
    assert recalled(hooks)
    assert not recalled(imposter(hooks), "s3")


def test_a_transcript_that_names_the_remote_of_a_folder_that_is_gone_is_not_of_it(clock: Hooks) -> None:
    other = imposter(clock)
    project = Project("example.org/team/clock", "clock", "/nowhere/clock")
    noted = {"project": project.id, "checkout": project.checkout, "common": "", "root": project.root}
    with Placing(clock.directory) as placed:
        foreign = placed({**noted, "commit": git(other.project, "rev-parse", "HEAD")})
        own = placed({**noted, "commit": git(clock.project, "rev-parse", "HEAD")})
    assert foreign["project"] == foreign["checkout"] == id_of("/nowhere/clock")
    assert own["project"] == project.id


def test_what_was_written_in_a_folder_before_it_was_used_again_is_not_given(hooks: Hooks) -> None:
    hooks.write()
    hooks.sync()
    git(hooks.project, "init")
    commit(hooks.project, "b.py")
    git(hooks.project, "remote", "add", "origin", "git@example.org:team/sundial.git")
    assert not recalled(hooks)


def test_where_nothing_is_withheld_there_is_nothing_to_say(clock: Hooks, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trust", str(clock.project)]) == 0
    assert capsys.readouterr().out.startswith("Nothing is withheld in")


def test_it_stays_when_a_remote_is_changed(clock: Hooks) -> None:
    git(clock.project, "remote", "set-url", "origin", "git@example.com:new/clock.git")
    assert recalled(clock)


def test_it_stays_when_the_remote_is_removed(clock: Hooks) -> None:
    git(clock.project, "remote", "remove", "origin")
    assert recalled(clock)


def test_it_stays_when_a_remote_is_added_and_when_git_is(hooks: Hooks) -> None:
    (hooks.project / "durations.py").write_text(CODE)
    hooks.write()
    hooks.sync()
    git(hooks.project, "init")
    assert recalled(hooks)
    commit(hooks.project)
    git(hooks.project, "remote", "add", "origin", REMOTE)
    assert recalled(hooks, "s3")


def test_a_clone_of_the_changed_remote_is_led_to_what_it_was_before(clock: Hooks) -> None:
    git(clock.project, "remote", "set-url", "origin", "git@example.com:new/clock.git")
    other = {"file_path": str(clock.project / "other.py"), "content": "other = 'something else entirely'\n"}
    clock.write(call="call-2", tool_input=other)
    clock.sync()
    clone = elsewhere(clock, "clone")
    git(clone.project, "clone", str(clock.project), ".")
    git(clone.project, "remote", "set-url", "origin", "git@example.com:new/clock.git")
    assert recalled(clone)


def test_another_project_at_the_same_place_is_another_project(clock: Hooks) -> None:
    clock.project.rename(clock.project.with_name("former"))
    other = elsewhere(clock, clock.project.name)
    git(other.project, "init")
    commit(other.project, "b.py")
    git(other.project, "remote", "add", "origin", "git@example.org:team/sundial.git")
    assert not recalled(other)


@pytest.mark.parametrize("packed", [False, True])
def test_a_commit_is_found_loose_and_packed(tmp_path: Path, packed: bool) -> None:
    git(tmp_path, "init")
    commits = [commit(tmp_path, f"{n}.py") for n in range(40)]
    if packed:
        git(tmp_path, "gc")
    common = f"{tmp_path}/.git"
    assert all(has_any(common, ["f" * 40, one]) for one in commits)
    tree = git(tmp_path, "rev-parse", "HEAD^{tree}")
    changed = [tree] + [f"{one[:-1]}{'0' if one[-1] != '0' else '1'}" for one in commits]
    assert not has_any(common, [*changed, "0" * 40, "f" * 40, "../../../a.py", "", "zz"])


def test_the_commits_before_one_are_nearest_first_also_across_merges(tmp_path: Path) -> None:
    git(tmp_path, "init")
    first = commit(tmp_path, "a.py")
    git(tmp_path, "checkout", "-b", "side")
    side = commit(tmp_path, "b.py")
    git(tmp_path, "checkout", "main")
    second = commit(tmp_path, "c.py")
    git(tmp_path, "merge", "-m", "both", "side")
    merge = git(tmp_path, "rev-parse", "HEAD")
    for _ in ("loose", "packed"):
        assert ancestors(f"{tmp_path}/.git", merge, 64) == [merge, second, side, first]
        assert ancestors(f"{tmp_path}/.git", merge, 2) == [merge, second]
        assert ancestors(f"{tmp_path}/.git", "f" * 40, 64) == []
        git(tmp_path, "gc")


def test_a_commit_with_very_many_parents_costs_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init")
    tree = git(tmp_path, "write-tree")
    written = f"tree {tree}\n" + "".join(f"parent {number:040x}\n" for number in range(1, 1_000)) + "\n"
    command = ["git", "-C", str(tmp_path), "hash-object", "-t", "commit", "-w", "--literally", "--stdin"]
    name = subprocess.run(command, input=written, capture_output=True, text=True, check=True).stdout.strip()
    looked_for: list[str] = []
    first = objects._first

    def noted(common: str, names: list[str]) -> bytes:
        looked_for.extend(names)
        return first(common, names)

    monkeypatch.setattr(objects, "_first", noted)
    assert ancestors(f"{tmp_path}/.git", name, 64) == [name]
    assert len(looked_for) <= 128


@pytest.mark.parametrize("content", [b"", b"\377tOc", b"\377tOc\0\0\0\2" + b"\xff" * 1024, b"\0" * 4000])
def test_a_damaged_pack_has_nothing(tmp_path: Path, content: bytes) -> None:
    packs = tmp_path / "objects" / "pack"
    packs.mkdir(parents=True)
    (packs / "pack-1.idx").write_bytes(content)
    assert not has_any(str(tmp_path), ["a" * 40, "0" * 64])
