"""What has become of a migration, or would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from capsa import DatabaseUrl, transfer
from stoic_emperor.legacy.reconciling import OnErased


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What has become of it."""

    report: transfer.Report
    #: Model -> vectors.
    models: dict[str, int]
    #: The sources, which are as they were.
    unchanged: tuple[str, ...]
    #: The database that everything is in now; None after a dry run.
    target: DatabaseUrl | None
    #: How to go back, and what else to know, a line each.
    advice: tuple[str, ...] = ()
    #: Of a dry run: the target as it was seen, and what a migration would stop at there.
    look: transfer.Look | None = None
    stops: tuple[str, ...] = ()
    #: What the target held of what was erased in the source, a line for each person, and what becomes of it.
    doomed: tuple[str, ...] = ()
    on_erased: OnErased = OnErased.ASK

    @property
    def complete(self) -> bool:
        """Whether every row is there, equal; after a dry run, whether every row could be carried there."""
        if self.look is None:
            return self.report.complete
        return self.report.failed == 0 and not self.stops and self.look.unseen is None

    def as_json(self) -> dict[str, Any]:
        """Everything, ready for ``json.dumps``."""
        return {
            **self.report.as_json(),
            "complete": self.complete,
            "vectors_by_model": self.models,
            "unchanged": list(self.unchanged),
            "advice": list(self.advice),
            "erased_at_source": {"at_target": list(self.doomed), "on_erased": str(self.on_erased)},
            **({} if self.look is None else {"target_looked_at": {**self.look.as_json(), "problems": [*self.stops]}}),
        }
