"""The companion: one turn of a conversation, from what a person says to what is kept of it."""

from __future__ import annotations

from stoic_emperor.companion.companion import Companion
from stoic_emperor.companion.events import Event, Failed, Finished, HelpShown, Piece, Started

__all__ = ["Companion", "Event", "Failed", "Finished", "HelpShown", "Piece", "Started"]
