"""What an erasure has come to, as it is told to the person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Table -> how a person calls one of what is in it, and several.
NAMES = {
    "messages": ("message", "messages"),
    "episodic": ("turn in the search", "turns in the search"),
    "semantic_insights": ("insight", "insights"),
    "semantic": ("insight in the search", "insights in the search"),
    "condensed_summaries": ("summary", "summaries"),
    "profiles": ("portrait", "portraits"),
    "sessions": ("conversation", "conversations"),
    "users": ("name with its settings", "names with their settings"),
    "logins": ("login", "logins"),
    "accounts": ("account", "accounts"),
    "recovery_codes": ("recovery code", "recovery codes"),
    "sign_ins": ("signed-in browser", "signed-in browsers"),
    "usage": ("day of counted use", "days of counted use"),
    "uploads": ("upload", "uploads"),
    "upload_parts": ("piece of an upload", "pieces of uploads"),
    "waiting": ("task that waited", "tasks that waited"),
    "put_aside": ("row of an older memory that was put aside", "rows of an older memory that were put aside"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What was erased."""

    #: Table or collection -> rows.
    erased: Mapping[str, int]
    #: Files that may still hold some of it: those of older programs, backups and exports.
    elsewhere: tuple[Path, ...] = ()
    #: What could not be done.
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For a program, and in `lines` for whomever it shows it to."""
        return {
            "erased": dict(self.erased),
            "elsewhere": [str(path) for path in self.elsewhere],
            "notes": list(self.notes),
            "lines": self.lines,
        }

    @property
    def lines(self) -> list[str]:
        """For a person."""
        lines = [f"{count} {NAMES[name][count > 1]}" for name, count in self.erased.items() if count]
        lines = [f"Erased: {', '.join(lines)}."] if lines else ["There was nothing to erase."]
        if self.elsewhere:
            files = ", ".join(str(path) for path in self.elsewhere)
            lines.append(f"Older files, copies and exports that may still hold some of it: {files}")
        return [*lines, *self.notes]
