"""Makes the recall index, from which the cold hook recalls, and keeps it in step with the memory."""

from afterimage.recalling.index import Note, RecallIndex, Refreshed, Written, is_damaged

__all__ = ["Note", "RecallIndex", "Refreshed", "Written", "is_damaged"]
