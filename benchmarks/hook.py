"""The cold hook with 50,000 entries to recall from, beside `python -c pass`; and what it finds again."""

from __future__ import annotations

import ast
import json
import random
import re
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from afterimage.entries import StorageEntry
from afterimage.hook import fingerprints, recall
from afterimage.hook import run as program
from afterimage.hook.redaction import compile_rules
from afterimage.recalling import RecallIndex
from afterimage.storage import SQLiteBackend
from benchmarks.report import Figure, at_least, at_most, milliseconds
from benchmarks.servers import Servers

_RUNS = 60
_HELD_OUT = 2_000
_ASKED = 200


def run(rows: int, servers: Servers) -> Iterator[Figure]:
    """Measure, with ``rows`` functions of the standard library and of what is installed in the memory."""
    del servers  # nothing of a server is touched: the hook's files are all there is
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        directory = home / ".afterimage"
        directory.mkdir()
        known, held_out = _functions(rows)
        _fill(directory, known)
        yield from _times(home, held_out)
        yield from _found(directory, known, held_out)


def _functions(rows: int) -> tuple[list[tuple[str, str]], list[str]]:
    found: dict[str, str] = {}
    for root in (sysconfig.get_paths()["stdlib"], sysconfig.get_paths()["purelib"]):
        for file in sorted(Path(root).rglob("*.py")):
            try:
                source = file.read_text("utf-8")
                tree = ast.parse(source)
            except (OSError, ValueError, SyntaxError, RecursionError):
                continue
            lines = source.split("\n")
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and (node.end_lineno or 0) > node.lineno:
                    found.setdefault("\n".join(lines[node.lineno - 1 : node.end_lineno]), str(file))
            if len(found) > 2 * (rows + _HELD_OUT):
                break
    shuffled = [(path, code) for code, path in found.items() if len(code) >= 60]
    random.Random(1).shuffle(shuffled)
    return shuffled[_HELD_OUT : _HELD_OUT + rows], [code for _, code in shuffled[:_HELD_OUT]]


def _fill(directory: Path, known: list[tuple[str, str]]) -> None:
    with SQLiteBackend(own_file=directory / "memory.capsa.db", embedder=lambda: None) as memory:
        for first in range(0, len(known), 1_000):
            memory.store_many(
                [
                    StorageEntry(f"e{first + n}", path, code, session_id=f"s{first // 1_000}")
                    for n, (path, code) in enumerate(known[first : first + 1_000])
                ]
            )
        RecallIndex(directory).refresh(memory)
    compile_rules(str(directory / "hook-state"))


def _times(home: Path, held_out: list[str]) -> Iterator[Figure]:
    chance = random.Random(2)
    hook = [sys.executable, "-I", "-S", str(program.__file__), "claude-code"]

    def write(event: str, size: int) -> bytes:
        content = ""
        while len(content) < size:
            content += chance.choice(held_out) + "\n\n"
        return _event(event, "Write", {"file_path": "/work/new.py", "content": content})

    cases: dict[str, Callable[[], bytes]] = {
        "floor": lambda: b"",
        "a tool it does not care about": lambda: _event("PreToolUse", "Bash", {"command": "ls"}),
        **{
            f"{event}, Write of {size // 1_000} kB": lambda event=event, size=size: write(event, size)  # type: ignore[misc]
            for event in ("PreToolUse", "PostToolUse")
            for size in (5_000, 20_000)
        },
    }
    walls: dict[str, list[float]] = {name: [] for name in cases}
    cpus: dict[str, list[float]] = {name: [] for name in cases}
    # In turns, so that whatever else the machine does meets all of them.
    for turn in range(_RUNS + 2):
        for name, payload in cases.items():
            command = [sys.executable, "-c", "pass"] if name == "floor" else hook
            wall, cpu = _once(command, payload(), home)
            if turn >= 2:
                walls[name].append(wall)
                cpus[name].append(cpu)
        shutil.rmtree(home / ".afterimage" / "hook-state" / "seen", ignore_errors=True)
    for name in list(cases)[1:]:
        bound = 1.5 if "care" in name else 2.0
        for what, values in (("p95", walls), ("p95 of CPU", cpus)):
            yield at_most(
                bound,
                times=True,
                what=f"{name}, {what}",
                ours=milliseconds(values[name], 95),
                unit="ms",
                beside=milliseconds(values["floor"], 95),
                beside_what="python -c pass",
                detail={"median": milliseconds(values[name]), "floor median": milliseconds(values["floor"])},
            )


def _once(command: list[str], data: bytes, home: Path) -> tuple[float, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(command, input=data, stdout=subprocess.DEVNULL, check=True, env={"HOME": str(home)})
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _event(name: str, tool: str, given: dict[str, Any]) -> bytes:
    event = {"session_id": "new", "cwd": "/work", "hook_event_name": name, "tool_name": tool, "tool_input": given}
    return json.dumps({**event, "tool_use_id": "t", "tool_response": {}}).encode()


def _found(directory: Path, known: list[tuple[str, str]], held_out: list[str]) -> Iterator[Figure]:
    index = recall.Recall(str(directory / recall.NAME), lambda: False)
    chance = random.Random(3)
    asked = chance.sample(range(len(known)), _ASKED)

    def inside(code: str) -> str:
        around = [chance.choice(held_out) for _ in range(12)]
        return "\n\n".join([*around[:6], code, *around[6:]])

    forms: dict[str, tuple[Callable[[str], str | None], int, int]] = {
        "the same code under another name": (lambda code: code, 5, 198),
        "the same, among twelve other functions": (inside, 40, 198),
        "the same, among twelve, in the five shown": (inside, 5, 0),
        "reformatted": (reformatted, 5, 0),
        "local names changed": (renamed, 5, 0),
        "one line changed": (_touched, 5, 0),
    }
    for what, (change, limit, must) in forms.items():
        hits = total = 0
        for number in asked:
            changed = change(known[number][1])
            if changed is not None:
                total += 1
                wanted = fingerprints.Lines(known[number][1]).whole()
                hits += any(entry.whole == wanted for entry in index.near(changed, lambda _: True, limit))
        parts: dict[str, Any] = {"what": f"found: {what} (of {total})", "ours": hits, "unit": ""}
        yield at_least(must, **parts) if must else Figure(**parts)
    some = sum(bool(index.near(code, lambda _: True)) for code in held_out[:400])
    yield Figure(what="something shown for code that was never written (of 400)", ours=some, unit="")


def _parsed(code: str) -> ast.Module | None:
    try:
        return ast.parse(textwrap.dedent(code))
    except SyntaxError:
        return None


def reformatted(code: str) -> str | None:
    """``code`` as another formatter would have it, without its comments; None if it is no Python by itself."""
    tree = _parsed(code)
    return None if tree is None else ast.unparse(tree)


def renamed(code: str) -> str | None:
    """``code`` with other names for all that is local in it; None if it is no Python by itself."""
    tree = _parsed(code)
    if tree is None:
        return None
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    names |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    for number, name in enumerate(sorted(names - {"self", "cls"})):
        code = re.sub(rf"\b{name}\b", f"v{number}_{name[::-1]}", code)
    return code


def _touched(code: str) -> str:
    lines = code.split("\n")
    lines[len(lines) // 2] += "  # touched"
    return "\n".join(lines)
