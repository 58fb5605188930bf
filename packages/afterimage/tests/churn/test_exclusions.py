"""Files that may change often are told by whole parts of their path, below their project."""

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
