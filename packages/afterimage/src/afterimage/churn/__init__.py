"""How often files and functions are edited: tiers, hotspots, and the line that a hook says of a file before a write."""

from afterimage.churn.counts import FileChurn, FunctionChurn
from afterimage.churn.reading import ChurnTracker, HistoryItem
from afterimage.churn.tiers import ChurnTier, hotspot_score, tier_of

__all__ = ["ChurnTier", "ChurnTracker", "FileChurn", "FunctionChurn", "HistoryItem", "hotspot_score", "tier_of"]
