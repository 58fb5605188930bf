"""A companion for reflection in the persona of Marcus Aurelius. Under way: nothing can be used yet."""

from __future__ import annotations

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("stoic-emperor")
