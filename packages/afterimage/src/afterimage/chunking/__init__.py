"""Code cut into its units, so that the one that answers is found and shown, and not the beginning of its file."""

from afterimage.chunking.cutting import Cut, Unit, cut

__all__ = ["Cut", "Unit", "cut"]
