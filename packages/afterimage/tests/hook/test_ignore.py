"""Which files are remembered."""

from pathlib import Path

import pytest

from afterimage.hook.ignore import Ignore, like


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("src/app.py", False),
        ("rebuild/x.py", False),
        ("mydist/x.py", False),
        ("src/build.py", False),
        ("build/x.py", True),
        ("web/node_modules/a/index.js", True),
        ("a.egg-info/x.py", True),
        ("app.min.js", True),
        ("logo.PNG", True),
        ("Makefile", False),
    ],
)
def test_by_whole_parts_of_the_path(tmp_path: Path, path: str, *, left_out: bool) -> None:
    assert Ignore(str(tmp_path))(str(tmp_path / path)) is left_out


def test_a_project_in_a_folder_named_build_is_remembered(tmp_path: Path) -> None:
    root = tmp_path / "build" / "dist" / "project"
    assert not Ignore(str(root))(str(root / "x.py"))


@pytest.mark.parametrize(
    ("pattern", "path", "left_out"),
    [
        ("secret/", "secret/a.py", True),
        ("secret/", "src/secret/a.py", True),
        ("secret/", "secret", False),
        ("/top.py", "src/top.py", False),
        ("/top.py", "top.py", True),
        ("*_pb2.py", "src/x_pb2.py", True),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/deep/a.py", False),
        ("src/**/a.py", "src/x/y/a.py", True),
        ("# src", "src/a.py", False),
        ("!build/", "build/a.py", False),
    ],
)
def test_as_git_reads_its_patterns(tmp_path: Path, pattern: str, path: str, *, left_out: bool) -> None:
    (tmp_path / ".afterimageignore").write_text(f"\n{pattern}\n")
    assert Ignore(str(tmp_path))(str(tmp_path / path)) is left_out


def test_our_own_folder_is_never_remembered(tmp_path: Path) -> None:
    assert Ignore("/p", str(tmp_path))(str(tmp_path / "x.py"))


def test_the_configuration_adds_and_takes_back(tmp_path: Path) -> None:
    ignore = Ignore(str(tmp_path), skip_paths=["gen/"], skip_endings=[".sql"], code_endings=["md"])
    assert [ignore(str(tmp_path / path)) for path in ("gen/a.py", "a.sql", "a.md")] == [True, True, False]


def test_a_pattern_of_many_stars_is_quick() -> None:
    assert not like("a" * 5_000, "*a" * 50 + "b")
    assert like("abcabc", "a*b?")
