"""The SDKs can log what they send: at DEBUG, Anthropic's writes out the whole conversation. Here they cannot."""

from __future__ import annotations

import logging

_SPEAKERS = ("openai", "anthropic", "httpx2", "httpcore2")


class _WarningsOnly(logging.Filter):
    """Lets warnings pass, and nothing below.

    A filter and not a level: ``OPENAI_LOG=debug``, ``ANTHROPIC_LOG=debug`` and a program's own logging set-up change
    levels, and none of them may put a conversation into a log.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


_FILTER = _WarningsOnly()


def keep_out_of_logs() -> None:
    """Silence the SDKs' loggers below WARNING, for good; what is imported later needs another call."""
    # A filter works only on the very logger that a record is given to, so each of their modules gets it.
    for name in (*_SPEAKERS, *tuple(logging.root.manager.loggerDict)):
        if name.partition(".")[0] in _SPEAKERS:
            logging.getLogger(name).addFilter(_FILTER)
