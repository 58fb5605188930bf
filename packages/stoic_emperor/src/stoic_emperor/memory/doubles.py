"""What was noted several times: earlier programs noted the same again and again, each time as an insight of its own."""

from __future__ import annotations

from collections.abc import Sequence

from stoic_emperor.memory.recall import plain
from stoic_emperor.models import SemanticInsight


def together(insights: Sequence[SemanticInsight]) -> list[list[SemanticInsight]]:
    """Those that say the same in the same words together, in the order in which each is first among these."""
    found: dict[str, list[SemanticInsight]] = {}
    for insight in insights:
        found.setdefault(plain(insight.assertion), []).append(insight)
    return list(found.values())


def others_like(insight: SemanticInsight, insights: Sequence[SemanticInsight]) -> list[SemanticInsight]:
    """Of these, the others that say the same in the same words."""
    said = plain(insight.assertion)
    return [other for other in insights if other.id != insight.id and plain(other.assertion) == said]
