"""``from src.infrastructure.database import Database``, as the guide has it."""

from stoic_emperor.infrastructure.database import Database

__all__ = ["Database"]
