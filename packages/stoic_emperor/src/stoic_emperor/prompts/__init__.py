"""What the models are told: one Markdown file for each task. Nothing a person said ever stands in them."""

from __future__ import annotations

import functools
from importlib import resources


@functools.cache
def prompt(name: str) -> str:
    """The text of ``name``.md."""
    return resources.files(__name__).joinpath(f"{name}.md").read_text("utf-8").strip()
