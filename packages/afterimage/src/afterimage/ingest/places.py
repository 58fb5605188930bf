"""Where the clients keep their transcripts, and a copy of them that no client deletes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

#: Beside a session: the work of its subagents, and long answers of its tools.
_BESIDE = frozenset({"subagents", "tool-results"})


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with transcripts, or one transcript."""

    path: Path
    #: Its part of an archive.
    name: str
    #: Whether a client may be writing to it, so that a call without an answer may yet get one.
    live: bool = False


def default_places(home: Path, environ: Mapping[str, str]) -> list[Place]:
    """Where Claude Code and Codex keep theirs."""
    from afterimage.agents import CLIENTS

    claude = CLIENTS["claude-code"].folder(home, environ)
    codex = CLIENTS["codex"].folder(home, environ)
    return [
        Place(claude / "projects", "claude-code", live=True),
        Place(codex / "sessions", "codex", live=True),
        Place(codex / "archived_sessions", "codex-archived", live=True),
    ]


def files_of(place: Place, *, beside: bool = False) -> Iterator[Path]:
    """The transcripts of a place in the order of their names; links to folders are not followed.

    Args:
        beside: also what belongs to sessions and is none.
    """
    if place.path.is_file():
        yield place.path
        return
    for folder, folders, names in os.walk(place.path):
        folders[:] = sorted(name for name in folders if beside or name not in _BESIDE)
        for name in sorted(names):
            path = Path(folder, name)
            if name.endswith(".jsonl") and path.is_file():
                yield path


def archive(places: Iterable[Place], folder: Path) -> int:
    """Copy every transcript to ``folder``, for this account only, as it is; how many were new or had grown.

    A copy that is longer than its original stays: a client that cuts its file short takes nothing from it.

    Raises:
        OSError: ``folder`` cannot be written.
    """
    copied = 0
    for place in places:
        for path in files_of(place, beside=True):
            below = path.relative_to(place.path) if place.path.is_dir() else Path(path.name)
            copied += _copy(path, folder / place.name / below)
    return copied


def _copy(path: Path, target: Path) -> bool:
    try:
        found = path.stat()
        known = target.stat() if target.exists() else None
        if known and (known.st_size > found.st_size or known.st_mtime_ns == found.st_mtime_ns):
            return False
        source = path.open("rb")
    except FileNotFoundError:  # the client deleted it meanwhile
        return False
    with source:
        _make_private(target.parent)
        unfinished = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as copy:
                shutil.copyfileobj(source, copy)
            os.utime(unfinished, ns=(found.st_atime_ns, found.st_mtime_ns))
            unfinished.replace(target)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    return True


def _make_private(folder: Path) -> None:
    if not folder.is_dir():
        _make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
