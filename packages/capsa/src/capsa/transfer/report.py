"""What a transfer did, in numbers that were counted and not assumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class PartReport:
    """What became of the rows of one part of the source."""

    name: str
    source: int
    #: Loaded by this transfer, by all its runs if it was interrupted.
    migrated: int
    #: Were in the target before, equal.
    skipped: int
    #: Are in the target, different, and were left so.
    conflicts: int
    #: Were in the target, different, and are now as in the source; of a dry run, would be.
    replaced: int
    quarantined: int
    #: Of the rows, vectors that cannot be compared included.
    vectors: int
    #: Rows of the same owners and collections that only the target has.
    only_in_target: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The outcome of a transfer."""

    #: The source and the target, without a password.
    source: str
    target: str
    layout: str
    #: The zone that times without one were read in; None if the layout has none.
    zone: str | None
    parts: tuple[PartReport, ...]
    #: Kind of remark -> rows it is true of.
    remarks: Mapping[str, int] = field(default_factory=dict)
    #: What the user should know, a line each.
    notes: tuple[str, ...] = ()
    #: Keys of rows in conflict and in quarantine, the first of each; of a dry run, of those to be replaced, too.
    conflicts: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()
    not_carried: tuple[str, ...] = ()
    #: Phase -> seconds.
    seconds: Mapping[str, float] = field(default_factory=dict)
    #: sha256 over all rows that are in the target, equal; None if they were not compared.
    digest: str | None = None
    #: Whether every row was compared, bit for bit.
    verified: bool = False
    dry_run: bool = False
    #: Whether an earlier run had begun this transfer.
    resumed: bool = False
    #: Rows that the source has and the target lacks; known only when verified.
    missing: int = 0

    def _sum(self, name: str) -> int:
        return sum(getattr(part, name) for part in self.parts)

    @property
    def source_rows(self) -> int:
        return self._sum("source")

    @property
    def migrated(self) -> int:
        return self._sum("migrated") + self._sum("replaced")

    @property
    def skipped(self) -> int:
        return self._sum("skipped")

    @property
    def quarantined_rows(self) -> int:
        return self._sum("quarantined")

    @property
    def failed(self) -> int:
        """Rows of the source that are not in the target as they are."""
        return self._sum("conflicts") + self._sum("quarantined") + self.missing

    @property
    def vectors(self) -> int:
        return self._sum("vectors")

    @property
    def elapsed(self) -> float:
        return sum(self.seconds.values())

    @property
    def success_rate(self) -> float:
        """Per cent of the source's rows that are in the target; 100 for an empty source."""
        if self.source_rows == 0:
            return 100.0
        return 100.0 * (self.migrated + self.skipped) / self.source_rows

    @property
    def complete(self) -> bool:
        """Whether every row of the source is in the target, equal."""
        return self.failed == 0 and self.migrated + self.skipped == self.source_rows

    def as_json(self) -> dict[str, Any]:
        """Everything, ready for ``json.dumps``."""
        totals = {
            name: getattr(self, name)
            for name in (
                "source_rows",
                "migrated",
                "skipped",
                "failed",
                "vectors",
                "success_rate",
                "elapsed",
                "complete",
            )
        }
        if self.dry_run:
            # Nothing was carried, so neither is true nor false.
            totals |= {"migrated": 0, "complete": None, "success_rate": None}
            totals["can_be_carried"] = self.source_rows - self.quarantined_rows
            totals["cannot_be_carried"] = self.quarantined_rows
        # A Counter is no dict to asdict: it would count its own items.
        plain = asdict(replace(self, remarks=dict(self.remarks), seconds=dict(self.seconds)))
        return {**totals, **plain}

    def to_json(self) -> str:
        return json.dumps(self.as_json(), indent=2, ensure_ascii=False)
