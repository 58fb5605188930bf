"""What philosophers wrote: a library that everybody may read, search, and check quotations against."""

from __future__ import annotations

from stoic_emperor.library.importing import FileReport, ImportReport, Outcome
from stoic_emperor.library.library import PSYCHOANALYSIS, STOIC_WISDOM, Library
from stoic_emperor.library.passages import Findings, Kind, Passage, Tags, Work
from stoic_emperor.library.quotations import Quotation, Verdict, annotate, check_quotations
from stoic_emperor.library.quoted import find_quoted

__all__ = [
    "PSYCHOANALYSIS",
    "STOIC_WISDOM",
    "FileReport",
    "Findings",
    "ImportReport",
    "Kind",
    "Library",
    "Outcome",
    "Passage",
    "Quotation",
    "Tags",
    "Verdict",
    "Work",
    "annotate",
    "check_quotations",
    "find_quoted",
]
