"""What can go wrong, in one place; every message says what happened, to what, and what to do next."""

from __future__ import annotations


class StoicError(Exception):
    """The base of all errors of Stoic Emperor that a person can do something about."""


class ConfigurationError(StoicError):
    """A setting is missing, unknown or impossible; the message names it."""


class NotFound(StoicError):
    """There is no such thing, or it belongs to somebody else: which of the two is not told."""


class Unacceptable(StoicError):
    """What somebody chose as their login or password cannot be one; the message says why."""


class LoginTaken(StoicError):
    """Somebody has this login already."""


class RegistrationClosed(StoicError):
    """Nobody can make an account by themselves here."""


class NotRecognised(StoicError):
    """Login and password, or code, do not belong together, or were tried too often: which of them is not told."""


class AuthServerUnavailable(StoicError):
    """The server that vouches for people cannot be reached, or does not answer as it should."""


class ModelUnavailable(StoicError):
    """The language model cannot be reached, refuses, or takes too long."""


class ModelRefusesKey(ModelUnavailable):
    """The key is missing, wrong or not allowed to use this model."""


class UnknownModel(ModelUnavailable):
    """The server has no model of this name."""


class ModelBusy(ModelUnavailable):
    """The server asks to wait, or the account has nothing left."""


class ModelTooSlow(ModelUnavailable):
    """No sign of life within the time that was given."""


class PromptTooLong(ModelUnavailable):
    """What was sent does not fit into what the model can read at once."""


class ReplyFiltered(ModelUnavailable):
    """The provider's filter held the reply back."""


class ReplyCutOff(ModelUnavailable):
    """The connection ended before the reply did; what arrived until then was handed on."""


class ReplyTooLong(ModelUnavailable):
    """The reply came to the end of its length and stops in the middle; what arrived until then was handed on."""


class EmptyReply(ModelUnavailable):
    """The model answered with nothing."""


class InvalidAnswer(StoicError):
    """The language model answered, but not in the form that was asked for."""


class TextMissing(StoicError):
    """There is no file or folder where texts were to be imported from; nothing was changed."""


class TextUnreadable(StoicError):
    """A file holds no text that the library can take; the message says why."""


class NotAText(TextUnreadable):
    """A file is empty or binary: there is nothing in it to read, and nothing wrong with it."""


class OlderTables(StoicError):
    """A PostgreSQL database holds an earlier program's tables under the names of ours; nothing was changed."""


class NothingToMigrate(StoicError):
    """What to migrate, or where to, is not there or cannot be told; nothing was changed."""


class AlreadyMigrated(NothingToMigrate):
    """All of it was carried over before, to where it should go."""


class ErasedElsewhere(StoicError):
    """A target holds what a source has erased, and nobody said what is to become of it; nothing was changed."""


def explain(error: Exception) -> str | None:
    """The line that tells a person what happened and what to do, or None for a defect of ours."""
    from capsa import terminal

    return str(error) if isinstance(error, StoicError) else terminal.explain(error)
