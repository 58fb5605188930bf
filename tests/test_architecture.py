"""Who may import what. That packages do not import each other, import-linter holds; names, this file."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import capsa

ROOT = Path(__file__).parents[1]
#: Public as a module too: ``from capsa.terminal import table``.
PUBLIC_MODULES = ("capsa.terminal",)
APPLICATIONS = ("afterimage", "stoic_emperor")


def imports_of_capsa(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, module and name of every import of the engine in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, a.name, "") for a in node.names if a.name.split(".")[0] == "capsa")
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").split(".")[0] == "capsa":
            yield from ((node.lineno, str(node.module), a.name) for a in node.names)


def is_public(module: str, name: str) -> bool:
    if module in PUBLIC_MODULES:
        return name in importlib.import_module(module).__all__
    return module == "capsa" and (not name or name in capsa.__all__)


def for_tests(module: str, name: str) -> bool:
    return module.startswith("capsa.testing") or (module == "capsa" and name == "testing")


@pytest.mark.parametrize("application", APPLICATIONS)
@pytest.mark.parametrize("part", ["src", "tests"])
def test_an_application_imports_only_public_names_of_the_engine(application: str, part: str) -> None:
    offences = [
        f"{path.relative_to(ROOT)}:{line}: {module} {name}".rstrip()
        for path in sorted((ROOT / "packages" / application / part).rglob("*.py"))
        for line, module, name in imports_of_capsa(path)
        if not is_public(module, name) and not (part == "tests" and for_tests(module, name))
    ]
    assert offences == [], "import what capsa.__all__ names, or add a name to it"


def test_every_public_name_of_the_engine_is_there() -> None:
    assert [name for name in capsa.__all__ if not hasattr(capsa, name)] == []
    assert [module for module in PUBLIC_MODULES if module.removeprefix("capsa.") not in capsa.__all__] == []
