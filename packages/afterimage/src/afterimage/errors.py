"""Every error AfterImage raises on purpose.

Each message is one line that says what happened, to what, and what to do next, and never carries
a secret. Errors of the engine (`capsa.CapsaError`) keep to the same rule and are not wrapped.
"""

from __future__ import annotations

#: The engine names its own extra, and the user has installed ours.
DRIVER = 'PostgreSQL needs its driver, which is not installed: pip install "ai-afterimage[postgresql]"'


class AfterImageError(Exception):
    """Superclass of all errors of AfterImage; never raised itself."""


class ConfigError(AfterImageError):
    """The configuration file or an ``AFTERIMAGE_`` variable cannot be used."""


class MissingDriver(AfterImageError):
    """PostgreSQL is asked for and its driver is not installed."""


class MissingServer(AfterImageError):
    """The MCP server or the pages are asked for and the libraries that they are made with are not installed."""


class PortTaken(AfterImageError):
    """The port that was asked for cannot be listened at."""


class InvalidEntry(AfterImageError):
    """An entry that the memory cannot hold, e.g. a time that is not one."""


class EntryNotFound(AfterImageError):
    """No entry has this id, or more than one begins with it."""


class NoMemoryYet(AfterImageError):
    """Nothing was ever stored where a command was to look; looking creates nothing."""


class NotAMemory(AfterImageError):
    """A file that should be a memory or an export is something else."""


class SettingsUnreadable(AfterImageError):
    """A settings file of a coding agent is not what it should be; nothing was changed."""


class NoAgent(AfterImageError):
    """No coding agent was named, and none was found."""


class RecallIndexUnwritable(AfterImageError):
    """The hooks' index cannot be brought in step just now: a full disk, a lock, a right that is missing."""


class BackupError(AfterImageError):
    """A backup cannot be written or restored; what was there is unchanged."""


class MemoryDamaged(BackupError):
    """No sound copy can be made of the memory."""


def explain(error: Exception) -> str | None:
    """The line that tells a user what happened and what to do, or None for a defect of ours."""
    from capsa import AuthenticationFailed, MissingExtra, terminal

    if isinstance(error, MissingExtra):
        return DRIVER
    if isinstance(error, AuthenticationFailed):
        return f"{error} (the password: echo $AFTERIMAGE_PG_PASSWORD, config.yaml, ~/.bashrc or ~/.pgpass)"
    if isinstance(error, AfterImageError):
        return str(error)
    return terminal.explain(error)
