"""Reading the directories that ChromaDB 0.5.0 to 1.5.9 left behind, without ChromaDB."""

from stoic_emperor.legacy.chroma.directory import ChromaDirectory, open_chroma
from stoic_emperor.legacy.chroma.records import ChromaCollection, ChromaRecord, Unreadable

__all__ = ["ChromaCollection", "ChromaDirectory", "ChromaRecord", "Unreadable", "open_chroma"]
