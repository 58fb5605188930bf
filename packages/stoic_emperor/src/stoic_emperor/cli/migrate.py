"""``stoic migrate`` and ``stoic verify``; what they do is in `stoic_emperor.legacy`."""

from __future__ import annotations

from stoic_emperor.legacy.command import COMMANDS

__all__ = ["COMMANDS"]
