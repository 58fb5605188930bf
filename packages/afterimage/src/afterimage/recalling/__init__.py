"""Makes the recall index, from which the cold hook recalls, and keeps it in step with the memory."""

from afterimage.recalling.index import RecallIndex, Refreshed

__all__ = ["RecallIndex", "Refreshed"]
