"""One project is one project: a clone, a worktree, a renamed folder."""

import subprocess
from pathlib import Path

import pytest

from afterimage.hook.project import normal_remote, project_of


def git(folder: Path, *arguments: str) -> str:
    options = [
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "protocol.file.allow=always",
        "-c",
        "init.defaultBranch=main",
    ]
    done = subprocess.run(["git", *options, "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init")
    (folder / "a.py").write_text("a = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "first")
    git(folder, "remote", "add", "origin", "https://user:pw@Example.org:443/team/clock.git")
    return folder


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("git@example.org:team/clock.git", "example.org/team/clock"),
        ("ssh://git@example.org:2222/team/clock", "example.org/team/clock"),
        ("https://user:secret@EXAMPLE.org/team/clock.git/", "example.org/team/clock"),
        ("git://example.org/team/clock", "example.org/team/clock"),
        ("/srv/git/clock.git", "/srv/git/clock"),
        ("file:///srv/git/clock.git", "/srv/git/clock"),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_a_remote_is_the_same_however_it_is_spelled(url: str, same: str) -> None:
    assert normal_remote(url) == same


def test_a_clone_and_a_renamed_folder_are_the_same_project(repository: Path, tmp_path: Path) -> None:
    first = project_of(str(repository))
    assert first.name == "clock"
    moved = repository.rename(tmp_path / "renamed")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", str(moved), str(clone))
    git(clone, "remote", "set-url", "origin", "git@example.org:team/clock.git")
    assert project_of(str(moved)).id == project_of(str(clone)).id == first.id


def test_a_worktree_belongs_to_its_repository_and_has_its_own_branch(repository: Path, tmp_path: Path) -> None:
    git(repository, "remote", "remove", "origin")
    tree = tmp_path / "tree"
    git(repository, "worktree", "add", "-b", "topic", str(tree))
    main, other = project_of(str(repository)), project_of(str(tree))
    assert main.id == other.id
    assert (main.branch, other.branch) == (git(repository, "branch", "--show-current"), "topic")
    assert main.commit == other.commit == git(repository, "rev-parse", "HEAD")
    assert main.name == "work"


def test_a_submodule_is_a_project_of_its_own(repository: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init")
    git(outer, "submodule", "add", str(repository), "lib")
    assert project_of(str(outer), "lib/a.py").id != project_of(str(outer), "main.py").id
    assert project_of(str(outer), "lib/a.py").name == "work"


def test_a_branch_is_known_when_its_refs_are_packed(repository: Path) -> None:
    branch, commit = git(repository, "branch", "--show-current"), git(repository, "rev-parse", "HEAD")
    git(repository, "pack-refs", "--all")
    found = project_of(str(repository))
    assert (found.branch, found.commit) == (branch, commit)
    git(repository, "checkout", "--detach")
    found = project_of(str(repository))
    assert (found.branch, found.commit) == ("", commit)


def test_part_of_a_large_repository_is_noted_as_its_scope(repository: Path) -> None:
    part = repository / "packages" / "core"
    part.mkdir(parents=True)
    found = project_of(str(part), "x.py")
    assert (found.id, found.scope) == (project_of(str(repository)).id, "packages/core")


def test_without_git_the_folder_is_the_project(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    (folder / "deep").mkdir(parents=True)
    assert project_of(str(folder), "deep/x.py").id == project_of(str(folder)).id
    assert project_of(str(folder)).name == "plain"
    assert project_of(str(folder)).id != project_of(str(tmp_path)).id


@pytest.mark.parametrize("content", ["", "gitdir:", "gitdir: /nowhere\n", "\0\xff"])
def test_a_broken_git_folder_is_no_obstacle(tmp_path: Path, content: str) -> None:
    (tmp_path / ".git").write_text(content, encoding="latin-1")
    assert project_of(str(tmp_path)).id


@pytest.mark.parametrize(
    "head",
    ["ref: ../../secret", "ref: refs/heads/../../../secret", "ref: /etc/hostname", "ref: refs/heads/a\x1bb", "z" * 40],
)
def test_a_head_that_git_would_not_write_is_unknown_and_reads_no_other_file(tmp_path: Path, head: str) -> None:
    (tmp_path / "secret").write_text("a" * 40)
    git_folder = tmp_path / "work" / ".git"
    (git_folder / "refs" / "heads").mkdir(parents=True)
    (git_folder / "HEAD").write_text(head)
    found = project_of(str(tmp_path / "work"))
    assert (found.branch, found.commit) == ("", "")


def test_what_is_no_commit_is_not_taken_for_one(tmp_path: Path) -> None:
    heads = tmp_path / ".git" / "refs" / "heads"
    heads.mkdir(parents=True)
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main")
    for content, commit in {"password = 'x'": "", "a" * 41: "", "a1" * 20: "a1" * 20, "0f" * 32: "0f" * 32}.items():
        (heads / "main").write_text(content)
        found = project_of(str(tmp_path))
        assert (found.branch, found.commit) == ("main", commit)


def test_a_folder_whose_name_is_no_text_is_a_project_too() -> None:
    assert project_of("/nowhere/\ud800").id != project_of("/nowhere/\ud801").id
    assert project_of("/nowhere/\udcff", "a\udcff.py").id
