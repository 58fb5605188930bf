"""What an import did, file by file, and what it is told to do."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from stoic_emperor.library.passages import Tags

#: Bytes of the files that are done, and of all.
Progress = Callable[[int, int], None]
#: Text -> what it is about; whatever it raises leaves the text without tags of its own.
Tagger = Callable[[str], Tags]


class Outcome(enum.StrEnum):
    """What became of a file."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"
    #: In the library, and no more in the folder; and the same, taken out.
    GONE = "gone"
    REMOVED = "removed"


@dataclass(frozen=True, kw_only=True, slots=True)
class FileReport:
    """What became of one file."""

    file: str
    outcome: Outcome
    #: Passages that are new, that stayed, of which only tags, title or place changed, that are no more.
    added: int = 0
    kept: int = 0
    updated: int = 0
    removed: int = 0
    #: Why it was not imported, or how it was read.
    detail: str = ""

    def __str__(self) -> str:
        counts = {"new": self.added, "updated": self.updated, "removed": self.removed}
        told = [f"{count:,} {what}" for what, count in counts.items() if count]
        told += [self.detail] if self.detail else []
        return f"{self.file}: {self.outcome}" + (f" ({'; '.join(told)})" if told else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportReport:
    """What became of every file, and what is to be known beside."""

    files: tuple[FileReport, ...]
    notes: tuple[str, ...] = ()

    @property
    def added(self) -> int:
        """New passages."""
        return sum(file.added for file in self.files)

    @property
    def updated(self) -> int:
        """Passages of which only tags, title or place changed."""
        return sum(file.updated for file in self.files)

    @property
    def removed(self) -> int:
        """Passages that are no more in their file, or whose file was taken out."""
        return sum(file.removed for file in self.files)

    @property
    def kept(self) -> int:
        """Passages that were there already."""
        return sum(file.kept for file in self.files)

    def of(self, outcome: Outcome) -> tuple[FileReport, ...]:
        """The files with this outcome."""
        return tuple(file for file in self.files if file.outcome is outcome)

    @property
    def failed(self) -> tuple[FileReport, ...]:
        """The files that could not be read."""
        return self.of(Outcome.FAILED)

    @property
    def skipped(self) -> tuple[FileReport, ...]:
        """The files that are nothing to import."""
        return self.of(Outcome.SKIPPED)

    def lines(self) -> list[str]:
        """For a person: the sum, then every file of which there is something to say, then the notes; a line each."""
        not_read = {Outcome.SKIPPED, Outcome.FAILED, Outcome.GONE, Outcome.REMOVED}
        read = sum(file.outcome not in not_read for file in self.files)
        total = (
            f"{read:,} files read: {self.added:,} passages new, {self.updated:,} updated, "
            f"{self.removed:,} removed, {self.kept:,} as they were"
        )
        told = (str(f) for f in self.files if f.outcome is not Outcome.UNCHANGED or f.detail)
        # A file's name may hold the end of a line.
        return [total, *(line.replace("\n", "\N{REPLACEMENT CHARACTER}") for line in (*told, *self.notes))]
