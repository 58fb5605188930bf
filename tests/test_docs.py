"""What the documents show must exist: commands with their options, settings, files, Python that runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from afterimage.settings import SETTINGS

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "packages").glob("*/README.md")),
]
#: Program -> the module that is run in its place.
MODULES = {"afterimage": "afterimage", "capsa": "capsa.cli", "stoic": "stoic_emperor.cli"}


def blocks(path: Path, language: str) -> list[str]:
    found: list[str] = re.findall(
        rf"^ *(?:\d\. )?```{language}\n(.*?)^ *```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    return found


def commands() -> list[tuple[str, str]]:
    lines = (
        (path, line.strip()) for path in DOCUMENTS for block in blocks(path, "bash") for line in block.splitlines()
    )
    return [(str(path.relative_to(ROOT)), line) for path, line in lines if line and not line.startswith("#")]


def our_commands() -> list[tuple[str, str]]:
    found = []
    for path, line in commands():
        inner = re.sub(r'^export \w+="\$\((.*)\)"$', r"\1", line)
        words = shlex.split(inner)
        if words[0] in MODULES or words[:2] == ["python", "-m"]:
            found.append((path, inner))
    return found


def test_there_are_commands_to_check() -> None:
    assert len(our_commands()) > 15


@pytest.mark.parametrize(("path", "line"), our_commands())
def test_every_command_shown_exists_with_its_options(path: str, line: str) -> None:
    words = shlex.split(line)
    program = words[2] if words[:2] == ["python", "-m"] else words[0]
    rest = words[3:] if words[:2] == ["python", "-m"] else words[1:]
    subcommands = [word for word in rest[:2] if re.fullmatch(r"[a-z]+", word)]
    if program not in MODULES:
        subcommands = []
    elif program != "capsa" and rest[0] != "users":
        subcommands = subcommands[:1]
    shown = subprocess.run(
        [sys.executable, "-m", MODULES.get(program, program), *subcommands, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, (path, line, shown.stderr)
    for option in (word for word in rest if word.startswith("--")):
        assert option in shown.stdout, (path, line, option)


def test_the_targets_shown_are_the_makefile_s() -> None:
    targets = {line.split()[1] for _, line in commands() if line.startswith("make ")}
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_every_setting_is_documented_with_its_variable_and_default() -> None:
    page = (ROOT / "docs" / "afterimage.md").read_text("utf-8")
    for setting in SETTINGS:
        variable = f"`{setting.variable}`" if setting.variable else "–"
        default = "–" if setting.default is None else f"`{setting.default}`"
        assert f"| `{setting.key}` | {variable} | {default} |" in page, setting.key


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_linked_to_exist(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text("utf-8"))
    assert [t for t in targets if not (document.parent / t).exists()] == []


def test_python_shown_runs(tmp_path: Path) -> None:
    shown = [*blocks(ROOT / "docs" / "afterimage.md", "python"), *blocks(ROOT / "packages/capsa/README.md", "python")]
    assert len(shown) == 3
    for block in shown:
        ran = subprocess.run(
            [sys.executable, "-c", block],
            env={"HOME": str(tmp_path), "AFTERIMAGE_EMBEDDING_MODEL": "none"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
