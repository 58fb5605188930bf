"""One exported variable out of ``~/.bashrc``, for processes that no shell started.

Only a line ``export NAME=value`` whose value is literal is understood. Nothing is executed.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

_EXPANDS = re.compile(r"[$`]")


def exported(file: Path, name: str) -> str | None:
    """The value that ``file`` exports ``name`` with; the last line wins, as in a shell.

    None if the file or the line is missing, or if only a shell could tell the value.
    """
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    value = None
    for line in lines:
        if match := re.match(rf"\s*export\s+{re.escape(name)}=(?P<value>.*)$", line):
            value = _literal(match["value"])
    return value or None


def _literal(spelled: str) -> str | None:
    """What a shell makes of ``spelled``, or None where it would have to run or look up something."""
    unquoted = re.sub(r"'[^']*'|\\.", "", spelled)
    if _EXPANDS.search(unquoted):
        return None
    if spelled[:1].isspace():
        return None
    lexer = shlex.shlex(spelled, posix=True, punctuation_chars=";&|<>()")
    lexer.whitespace_split = True
    lexer.commenters = ""  # a '#' inside a word is the password's own
    try:
        return lexer.get_token()
    except ValueError:
        return None
