"""Files that may change often are told by whole parts of their path, below their project."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from afterimage.churn.exclusions import Exclusions

DEFAULT = ("tests/", "test_*.py", "*_test.*", "/tmp/", "src/gen/", "gen/*.ts")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "tests" / "project"
    (root / ".git").mkdir(parents=True)
    return root


@pytest.mark.parametrize("path", ["tests/a.py", "pkg/tests/deep/a.py", "test_a.py", "a/b_test.go", "src/gen/a.py"])
def test_left_out(project: Path, path: str) -> None:
    assert str(project / path) in Exclusions(DEFAULT[:3] + DEFAULT[4:])


@pytest.mark.parametrize("path", ["a.py", "mytests/a.py", "contest.py", "latest.py", "gen/a.py", "src/x/gen/a.py"])
def test_not_left_out(project: Path, path: str) -> None:
    assert str(project / path) not in Exclusions(DEFAULT[:3] + DEFAULT[4:])


def test_places_and_files_in_a_folder(project: Path) -> None:
    assert "/tmp/a.py" in Exclusions(DEFAULT)
    assert "/tmpx/a.py" not in Exclusions(DEFAULT)
    assert str(project / "gen" / "a.ts") in Exclusions(["gen/*.ts"])
    assert str(project / "gen" / "deep" / "a.ts") not in Exclusions(["gen/*.ts"])


@pytest.fixture
def temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def test_a_project_below_a_folder_for_temporary_files_is_no_temporary_file(temporary: Path) -> None:
    (temporary / "clone" / ".git").mkdir(parents=True)
    (temporary / "scratch").mkdir()
    patterns = ["/tmp/", "tests/"]
    assert str(temporary / "clone" / "a.py") not in Exclusions(patterns)
    assert str(temporary / "clone" / "tests" / "a.py") in Exclusions(patterns)
    assert str(temporary / "scratch" / "a.py") in Exclusions(patterns)
    assert str(temporary / "scratch" / "a.py") not in Exclusions(patterns, str(temporary / "scratch"))
    assert str(temporary / "scratch" / "a.py") in Exclusions(patterns, str(temporary / "clone"))
    assert str(temporary / "scratch" / "a.py") in Exclusions(patterns, "/tmp")


def test_another_place_is_left_out_with_the_projects_in_it(temporary: Path) -> None:
    (temporary / "clone" / ".git").mkdir(parents=True)
    assert str(temporary / "clone" / "a.py") in Exclusions([f"{temporary}/"])
