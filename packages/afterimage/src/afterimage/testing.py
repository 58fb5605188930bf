"""For tests and the demonstration: a memory as the predecessor wrote it, full of real code.

The layout is that of versions 0.1 to 0.7, the code that of the Python standard library on this machine.
"""

from __future__ import annotations

import ast
import datetime as dt
import functools
import itertools
import random
import sqlite3
import struct
import sysconfig
import textwrap
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Modules whose functions make good examples: read by many, and short.
_MODULES = (
    "json/decoder.py", "csv.py", "textwrap.py", "shlex.py", "fnmatch.py", "glob.py", "heapq.py", "bisect.py",
    "base64.py", "calendar.py", "configparser.py", "contextlib.py", "copy.py", "difflib.py", "functools.py",
    "gzip.py", "hashlib.py", "ipaddress.py", "linecache.py", "mimetypes.py", "posixpath.py", "queue.py", "random.py",
    "sched.py", "shutil.py", "socket.py", "statistics.py", "string.py", "tempfile.py", "threading.py",
    "urllib/parse.py", "uuid.py", "zipfile.py", "argparse.py", "tarfile.py", "http/client.py", "email/utils.py",
    "datetime.py",
)  # fmt: skip

#: Characters of the longest function taken: enough to mean something, short enough to embed quickly.
_LONGEST = 1_200

_SCHEMA = """
CREATE TABLE code_memory (
    id TEXT PRIMARY KEY, file_path TEXT NOT NULL, old_code TEXT, new_code TEXT NOT NULL, context TEXT,
    timestamp TEXT NOT NULL, session_id TEXT, embedding BLOB, UNIQUE(file_path, timestamp)
);
CREATE INDEX idx_file_path ON code_memory(file_path);
CREATE INDEX idx_timestamp ON code_memory(timestamp);
CREATE INDEX idx_session ON code_memory(session_id);
CREATE VIRTUAL TABLE code_memory_fts USING fts5(
    id, file_path, new_code, context, content='code_memory', content_rowid='rowid'
);
CREATE TRIGGER code_memory_ai AFTER INSERT ON code_memory BEGIN
    INSERT INTO code_memory_fts(rowid, id, file_path, new_code, context)
    VALUES (new.rowid, new.id, new.file_path, new.new_code, new.context);
END;
"""

Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the standard library."""

    #: Relative to the library's folder.
    path: str
    name: str
    source: str


@functools.cache
def standard_functions() -> tuple[Function, ...]:
    """Functions and methods of the standard library with a docstring, the modules in turn, the same every time."""
    rows = itertools.zip_longest(*map(_functions_of, _MODULES))
    return tuple(function for row in rows for function in row if function is not None)


def _functions_of(module: str) -> Iterator[Function]:
    path = Path(sysconfig.get_paths()["stdlib"]) / module
    if path.is_file():
        source = path.read_text("utf-8")
        lines = source.splitlines()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) and node.name[:2] != "__":
                body = textwrap.dedent("\n".join(lines[node.lineno - 1 : node.end_lineno]))
                if len(body) <= _LONGEST:
                    yield Function(module, node.name, body)


def write_legacy_memory(path: Path, entries: int, embed: Embed | None = None, seed: int = 1) -> int:
    """Write a file as AfterImage 0.7 did: entries over some weeks, every tenth without a vector.

    Args:
        path: must not exist.
        entries: at most so many; there are a few hundred functions, which then come again under other paths.
        embed: texts -> 384 numbers each; without it no entry has a vector.

    Returns:
        How many entries were written.
    """
    if path.exists():
        raise FileExistsError(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)  # noqa: S311 - the same file every time
    functions = standard_functions()
    rows = [_row(functions[i % len(functions)], i, i // len(functions), chance) for i in range(entries)]
    vectors = list(embed([row[3] or "" for row in rows])) if embed else [[] for _ in rows]
    connection = sqlite3.connect(path)
    try:
        connection.executescript(_SCHEMA)
        connection.executemany(
            "INSERT INTO code_memory VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (*row, struct.pack(f"{len(v)}f", *v) if len(v) and i % 10 else None)
                for i, (row, v) in enumerate(zip(rows, vectors, strict=True))
            ),
        )
        connection.commit()
    finally:
        connection.close()
    return len(rows)


def _row(function: Function, number: int, round_: int, chance: random.Random) -> tuple[str | None, ...]:
    start = dt.datetime(2025, 10, 1, 9, 0, tzinfo=dt.UTC)
    when = start + dt.timedelta(minutes=7 * number, microseconds=chance.randrange(1_000_000))
    project = "/home/dev/projects/library" if not round_ else f"/home/dev/projects/copy-{round_}"
    edited = number % 3 == 0
    return (
        str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        f"{project}/{function.path}",
        function.source.split("\n", 1)[0] + "\n    pass\n" if edited else None,
        function.source,
        f"Asked to {'change' if edited else 'write'} {function.name}" if number % 2 else None,
        when.isoformat() if number % 5 else when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        str(uuid.UUID(int=number // 25, version=4)) if number % 11 else None,
    )
