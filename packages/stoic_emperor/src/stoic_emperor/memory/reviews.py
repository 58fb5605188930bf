"""What the models that reviewed a portrait agreed with, and what they doubted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stoic_emperor.models import Profile


@dataclass(frozen=True, slots=True)
class Reviews:
    """Of one portrait; empty where nobody reviewed it, or an earlier program's log does not say."""

    #: Whether each would have put its name to the other's; None: nobody was asked.
    consensus: bool | None = None
    #: Reviewer -> points, of the last round.
    agreed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    disagreed: Mapping[str, Sequence[str]] = field(default_factory=dict)


def reviews_of(portrait: Profile) -> Reviews:
    """Read from the log that was kept with the portrait."""
    log = portrait.consensus_log
    if not isinstance(log, dict):
        return Reviews()
    reached = log.get("consensus", log.get("consensus_reached"))
    consensus = reached if isinstance(reached, bool) else None
    rounds = log.get("rounds")
    last = rounds[-1] if isinstance(rounds, list) and rounds else None
    reviews = last.get("reviews") if isinstance(last, dict) else None
    if not isinstance(reviews, dict):
        return Reviews(consensus)
    return Reviews(consensus, _points(reviews, "agreements"), _points(reviews, "concerns"))


def _points(reviews: Mapping[str, Any], name: str) -> dict[str, list[str]]:
    found = {}
    for reviewer, review in reviews.items():
        points = review.get(name) if isinstance(review, dict) else None
        if isinstance(points, list) and points:
            found[reviewer] = [str(point) for point in points]
    return found
