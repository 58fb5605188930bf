"""Every error the engine raises on purpose.

Each message says what happened, to what, and what to do next, and never carries a secret, so
a command can print it as one line. Anything else that escapes is a defect.
"""

from __future__ import annotations


class CapsaError(Exception):
    """Superclass of all errors of the engine; never raised itself."""


class InvalidUrl(CapsaError):
    """The database URL cannot be understood."""


class InvalidRecord(CapsaError):
    """A record, filter or vector that no store may hold."""


class MissingExtra(CapsaError):
    """An optional part of the installation is needed; the message names the extra."""


class DatabaseUnavailable(CapsaError):
    """The database cannot be reached or opened."""


class ServerAway(DatabaseUnavailable):
    """No server answers: it is not running, cannot be reached, or broke the connection off."""


class AuthenticationFailed(DatabaseUnavailable):
    """The server refused the user or the password."""


class MissingExtension(DatabaseUnavailable):
    """The PostgreSQL database lacks pgvector and this user may not create it."""


class MissingRight(DatabaseUnavailable):
    """The user may not do in the PostgreSQL database what is needed there."""


class DatabaseBusy(DatabaseUnavailable):
    """Another process held the database longer than the configured wait."""


class DatabaseFull(DatabaseUnavailable):
    """No room is left where the database is kept; what was stored before is intact."""


class DatabaseDamaged(DatabaseUnavailable):
    """The file is not a database, its pages are damaged, or tables of ours are gone from it."""


class SchemaTooNew(CapsaError):
    """The database was written by a newer version of the software."""


class EmbedderUnavailable(CapsaError):
    """No vector can be made: the model is missing, altered or does not answer."""


class ModelMismatch(CapsaError):
    """A vector does not have the number of dimensions its model is known by."""


class TransferError(CapsaError):
    """A transfer cannot start or go on."""


class SourceMissing(TransferError):
    """The source of a transfer does not exist; nothing was created."""


class SourceUnreadable(TransferError):
    """The source exists but is not a memory this software can read."""


class LocalPostgresError(CapsaError):
    """The local PostgreSQL server cannot be installed, started or stopped."""
