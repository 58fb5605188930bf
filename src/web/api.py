"""``uvicorn src.web.api:app``, as the guide has it."""

from stoic_emperor.web.api import app

__all__ = ["app"]
