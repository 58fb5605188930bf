"""A companion for reflection in the persona of Marcus Aurelius."""

from __future__ import annotations

import logging
from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("stoic-emperor")

# Whoever runs us decides what becomes of log lines; without a decision none reaches a person's terminal.
logging.getLogger(__name__).addHandler(logging.NullHandler())
