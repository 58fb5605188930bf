"""The companion: one turn of a conversation, from what a person says to what is kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stoic_emperor.companion.events import Elsewhere, Event, Failed, Finished, HelpShown, Piece, Started

if TYPE_CHECKING:
    from stoic_emperor.companion.companion import Companion

__all__ = ["Companion", "Elsewhere", "Event", "Failed", "Finished", "HelpShown", "Piece", "Started"]


def __getattr__(name: str) -> Any:
    if name != "Companion":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # With it comes all that an answer takes; whoever opens a conversation only shows events.
    from stoic_emperor.companion.companion import Companion

    return Companion
