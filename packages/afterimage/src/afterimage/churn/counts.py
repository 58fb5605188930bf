"""How often files and functions were edited, seen from a moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from afterimage.churn.edits import Edit
from afterimage.churn.tiers import DAY, MONTH, WEEK, ChurnTier, hotspot_score, tier_of


@dataclass(frozen=True, kw_only=True, slots=True)
class FileChurn:
    """How often a file was edited."""

    file_path: str
    total_edits: int
    edits_last_24h: int
    edits_last_7d: int
    edits_last_30d: int
    first_edit: dt.datetime
    last_edit: dt.datetime
    #: Edits of each of the last 30 days, the oldest first.
    days: tuple[int, ...]
    #: The project it was edited in last; empty where none was noted.
    project: str = ""

    @classmethod
    def of(cls, path: str, edits: Sequence[Edit], now: dt.datetime) -> FileChurn:
        """Count ``edits``, of which there is one at least, oldest first."""
        days = [0] * MONTH.days
        for edit in edits:
            if edit.at >= now - MONTH:
                days[-1 - min(max((now - edit.at).days, 0), len(days) - 1)] += 1
        return cls(
            file_path=path,
            total_edits=len(edits),
            edits_last_24h=_since(edits, now - DAY),
            edits_last_7d=_since(edits, now - WEEK),
            edits_last_30d=sum(days),
            first_edit=edits[0].at,
            last_edit=edits[-1].at,
            days=tuple(days),
            project=next((edit.project for edit in reversed(edits) if edit.project), ""),
        )

    @property
    def tier(self) -> ChurnTier:
        """How much it changes."""
        return tier_of(day=self.edits_last_24h, month=self.edits_last_30d)

    @property
    def score(self) -> float:
        """What hotspots are ranked by."""
        return hotspot_score(day=self.edits_last_24h, month=self.edits_last_30d)

    def to_dict(self) -> dict[str, Any]:
        """For a program: the names are those of AfterImage 0.3 to 0.8."""
        return {
            "file_path": self.file_path,
            "tier": str(self.tier),
            "score": round(self.score, 2),
            "total_edits": self.total_edits,
            "edits_last_24h": self.edits_last_24h,
            "edits_last_7d": self.edits_last_7d,
            "edits_last_30d": self.edits_last_30d,
            "first_edit": self.first_edit.isoformat(),
            "last_edit": self.last_edit.isoformat(),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionChurn:
    """How often a function was changed; that it came, or went, is no edit."""

    name: str
    edit_count: int
    edits_last_24h: int
    edits_last_30d: int
    #: When it was changed last, or came.
    last_edit: dt.datetime
    #: The moments at which it was changed, oldest first.
    moments: tuple[dt.datetime, ...]

    def to_dict(self) -> dict[str, Any]:
        """For a program."""
        return {
            "function_name": self.name,
            "edit_count": self.edit_count,
            "edits_last_24h": self.edits_last_24h,
            "edits_last_30d": self.edits_last_30d,
            "last_edit": self.last_edit.isoformat(),
        }


def functions_of(
    edits: Sequence[Edit], changed: Mapping[str, Mapping[str, str]], now: dt.datetime
) -> list[FunctionChurn]:
    """The functions of a file, the one changed most often first.

    Args:
        edits: of the file, oldest first.
        changed: id of an entry -> function -> what became of it (`afterimage.churn.replay`).
    """
    moments: dict[str, list[dt.datetime]] = {}
    last: dict[str, dt.datetime] = {}
    for edit in edits:
        for name, what in what_became(edit, changed).items():
            last[name] = edit.at
            seen = moments.setdefault(name, [])
            if what == "modified":
                seen.append(edit.at)
    found = [
        FunctionChurn(
            name=name,
            edit_count=len(seen),
            edits_last_24h=sum(at >= now - DAY for at in seen),
            edits_last_30d=sum(at >= now - MONTH for at in seen),
            last_edit=last[name],
            moments=tuple(seen),
        )
        for name, seen in moments.items()
    ]
    return sorted(found, key=lambda one: (-one.edits_last_24h, -one.edits_last_30d, -one.edit_count, one.name))


def what_became(edit: Edit, changed: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Function -> "added", "modified" or "deleted" by ``edit``; once each, however many places of it were changed."""
    if not edit.ids:
        return edit.functions
    found: dict[str, str] = {}
    for id_ in edit.ids:
        for name, what in changed.get(id_, {}).items():
            # What came and was changed in the same call came; anything else that happened twice was a change.
            before = found.get(name, what)
            found[name] = before if before in {what, "added"} else "modified"
    return found


def _since(edits: Sequence[Edit], moment: dt.datetime) -> int:
    return sum(edit.at >= moment for edit in edits)
