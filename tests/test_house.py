"""The parts of the checkout that belong together agree."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
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


def texts_of(package: str) -> Iterator[str]:
    """Every text in the code of a package, as a pattern: a word filled into one that says something may be any."""
    for path in (ROOT / "packages" / package / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.escape(node.value)
            elif isinstance(node, ast.JoinedStr):
                fixed = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
                parts = [r"\w+" if part is None else re.escape(str(part)) for part in fixed]
                if len("".join(parts).replace(r"\w+", "")) > 3:
                    yield "".join(parts)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_named_statement_is_run_by_some_module(package: str) -> None:
    files = (ROOT / "packages" / package / "src").rglob("*.sql")
    named = {name for path in files for name in re.findall(r"^-- name: (\w+)", path.read_text("utf-8"), re.MULTILINE)}
    patterns = [re.compile(text) for text in set(texts_of(package)) if len(text) < 100]
    assert sorted(name for name in named if not any(pattern.fullmatch(name) for pattern in patterns)) == []
