"""Files that somebody handed in: kept piece by piece as they come, read later, off the person's path."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, Literal

from stoic_emperor.errors import NotFound
from stoic_emperor.hosting.bound import Bound
from stoic_emperor.infrastructure._rows import read_json, text, write_json
from stoic_emperor.models import new_id, now

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.database import Database

Kind = Literal["journal", "texts"]

#: What can be read, by kind.
SUFFIXES: Mapping[Kind, tuple[str, ...]] = {
    "journal": (".md", ".txt"),
    "texts": (".epub", ".markdown", ".md", ".txt"),
}

#: Bytes of one piece.
PART = 1 << 20

#: What was begun to be handed in so long ago comes no more.
_ABANDONED = dt.timedelta(hours=1)
_LONGEST_NAME = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """One file that was handed in."""

    id: str
    kind: Kind
    name: str
    #: What else the import was told.
    about: Mapping[str, str]
    size: int
    state: str
    #: How far it is read, in bytes.
    done: int
    total: int
    #: What became of it.
    report: Any
    created_at: dt.datetime
    finished_at: dt.datetime | None


class Uploads:
    """The files of one person."""

    def __init__(self, database: Database, user_id: str, clock: Callable[[], dt.datetime] = now) -> None:
        """Nothing is read yet."""
        self._database = database
        self._mine = Bound(database, user_id)
        self._now = clock

    # Handing in

    def unread(self) -> int:
        """How many bytes wait to be read."""
        return int(self._mine.read("size_of_unread")[0][0])

    def begin(self, kind: Kind, name: str, about: Mapping[str, str]) -> str:
        """A file is about to come; its id."""
        id_ = new_id()
        with self._mine.writing() as tx:
            before = self._now() - _ABANDONED
            self._mine.run(tx, "delete_abandoned_parts", before=before)
            self._mine.run(tx, "delete_abandoned_uploads", before=before)
            self._mine.run(
                tx, "add_upload", id=id_, kind=kind, name=name, about=write_json(dict(about)), at=self._now()
            )
        return id_

    def add(self, upload_id: str, part: int, content: bytes) -> None:
        """A piece of it, numbered from 1."""
        self._mine.write("add_upload_part", id=upload_id, part=part, content=content)

    def received(self, upload_id: str, size: int) -> None:
        """All of it is here."""
        self._mine.write("upload_received", id=upload_id, size=size)

    # Looking

    def get(self, upload_id: str) -> Upload:
        """One of the person's files.

        Raises:
            NotFound: they handed in no such file.
        """
        rows = self._mine.read("upload", id=upload_id)
        if not rows:
            raise NotFound("there is no such upload: GET /api/uploads lists yours")
        return self._upload(rows[0])

    def all(self, most: int = 200) -> list[Upload]:
        """What was handed in, the newest first."""
        return [self._upload(row) for row in self._mine.read("uploads", n=most)]

    def delete(self, upload_id: str) -> None:
        """Take a file back, or forget that it was read; what was made of it stays.

        Raises:
            NotFound: they handed in no such file.
        """
        with self._mine.writing() as tx:
            self._mine.run(tx, "delete_upload_parts", id=upload_id)
            if not self._mine.run(tx, "delete_upload", id=upload_id):
                raise NotFound("there is no such upload: GET /api/uploads lists yours")

    # Reading

    def next(self) -> Upload | None:
        """The oldest one that was not read, or not to its end."""
        rows = self._mine.read("uploads_unread", n=1)
        return self._upload(rows[0]) if rows else None

    def write_to(self, upload: Upload, folder: Path) -> Path:
        """Put a file into a folder, for its reader's eyes only, under its name; where it is."""
        file = folder / upload.name
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            number = 1
            while rows := self._mine.read("upload_part", id=upload.id, part=number):
                out.write(rows[0][0])
                number += 1
        # A journal without a date in its name was written when it was handed in, for all that is known.
        os.utime(file, (upload.created_at.timestamp(),) * 2)
        return file

    def progress(self, upload: Upload, done: int, total: int) -> bool:
        """Keep how far it is read; False if it was taken back, or its person is gone."""
        return bool(self._mine.write("upload_progress", id=upload.id, done=done, total=total))

    def finish(self, upload: Upload, report: Mapping[str, Any], *, failed: bool = False) -> None:
        """It was read, and its pieces are needed no more."""
        with self._mine.writing() as tx:
            self._mine.run(
                tx,
                "finish_upload",
                id=upload.id,
                state="failed" if failed else "done",
                report=json.dumps(report),
                at=self._now(),
            )
            self._mine.run(tx, "delete_upload_parts", id=upload.id)

    def _upload(self, row: Sequence[Any]) -> Upload:
        id_, kind, name, about, size, state, done, total, report, created_at, finished_at = row
        told = read_json(about)
        return Upload(
            id=text(id_),
            kind=kind,
            name=text(name),
            about=told if isinstance(told, dict) else {},
            size=size,
            state=state,
            done=done,
            total=total,
            report=read_json(report),
            created_at=self._database.engine.datetime(created_at),
            finished_at=self._database.rows.time(finished_at),
        )


def plain_name(given: str) -> str:
    """The name of a file without any folder, as it may stand on this machine and on a page; empty if none is left."""
    name = PureWindowsPath(PurePosixPath(given).name).name
    name = "".join(character for character in name if character.isprintable() and character not in '<>:"|?*')
    stem, dot, suffix = name.strip(" .").rpartition(".")
    while len(stem.encode()) > _LONGEST_NAME:
        stem = stem[:-1]
    return f"{stem}{dot}{suffix[:10]}" if stem else ""
