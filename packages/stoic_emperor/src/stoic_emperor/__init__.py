"""A companion for reflection in the persona of Marcus Aurelius."""

from __future__ import annotations

import logging

__all__ = ["__version__"]

# Whoever runs us decides what becomes of log lines; without a decision none reaches a person's terminal.
logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Looking a version up takes longer than most commands.
    from importlib.metadata import version

    return version("stoic-emperor")
