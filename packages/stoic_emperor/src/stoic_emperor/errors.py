"""What can go wrong, in one place; every message says what happened, to what, and what to do next."""

from __future__ import annotations


class StoicError(Exception):
    """The base of all errors of Stoic Emperor that a person can do something about."""


class ConfigurationError(StoicError):
    """A setting is missing, unknown or impossible; the message names it."""


class NotFound(StoicError):
    """There is no such thing, or it belongs to somebody else: which of the two is not told."""


class ModelUnavailable(StoicError):
    """The language model cannot be reached, refuses, or takes too long."""


class InvalidAnswer(StoicError):
    """The language model answered, but not in the form that was asked for."""
