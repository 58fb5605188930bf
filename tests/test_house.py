"""The parts of the checkout that belong together agree."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("capsa", "afterimage", "stoic_emperor")


def project(package: str) -> dict[str, Any]:
    text = (ROOT / "packages" / package / "pyproject.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text)["project"])


def test_make_help_lists_what_a_newcomer_needs() -> None:
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^make (\w+)", shown, re.MULTILINE) == ["setup", "demo", "test", "lint", "bench", "dist"]


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_released_together(package: str) -> None:
    found = project(package)
    version = project("capsa")["version"]
    assert found["version"] == version
    extras = found.get("optional-dependencies", {})
    pins = [r for rs in [found["dependencies"], *extras.values()] for r in rs if re.match(r"capsa\[?.*==", r)]
    assert {pin.split("==")[1] for pin in pins} <= {version}


def test_the_changelog_knows_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version = project("capsa")["version"]
    assert re.search(rf"^## \[({re.escape(version)}|Unreleased)\]", changelog, re.MULTILINE)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_wheel_carries_the_licence(package: str) -> None:
    assert (ROOT / "packages" / package / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_dependency_is_explained(package: str) -> None:
    explained = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    found = project(package)
    extras = found.get("optional-dependencies", {})
    requirements = [r for group in [found["dependencies"], *extras.values()] for r in group]
    names = {re.split(r"[\[<>=~! ]", requirement, maxsplit=1)[0].lower() for requirement in requirements}
    assert sorted(name for name in names - {"capsa"} if f"`{name}" not in explained) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_has_outgrown_its_file(package: str) -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "packages" / package / "src").rglob("*.py")
    }
    assert {path: lines for path, lines in lengths.items() if lines > 400} == {}
