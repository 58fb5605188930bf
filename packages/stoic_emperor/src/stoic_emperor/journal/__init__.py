"""Journals of a person: files that become conversations, and are remembered like what was said."""

from __future__ import annotations

from stoic_emperor.journal.importing import JournalReport, import_journal

__all__ = ["JournalReport", "import_journal"]
