"""One exported variable out of ``~/.bashrc``, for processes that no shell started.

Only a line ``export NAME=value`` whose value is literal is understood. Nothing is executed.
"""

from __future__ import annotations

import re
from pathlib import Path

#: A stretch of a word that means itself: quoted, escaped, or plain.
_PIECE = re.compile(
    r"""'(?P<single>[^']*)'"""
    r"""|"(?P<double>(?:[^"\\$`]|\\.)*)\""""
    r"""|\\(?P<escaped>.)"""
    r"""|(?P<plain>[^\s'"\\$`;&|<>()]+)"""
)


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
    """The word that a shell reads at the start of ``spelled``; None if it would have to run or look up something."""
    word: list[str] = []
    at = 0
    while match := _PIECE.match(spelled, at):
        at = match.end()
        if match["single"] is not None:
            word.append(match["single"])
        elif match["double"] is not None:
            word.append(re.sub(r'\\([$`"\\])', r"\1", match["double"]))
        elif match["escaped"] is not None:
            word.append(match["escaped"])
        else:
            word.append(match["plain"])
    # What stands after the word must be able to end one: an open quote or an expansion does not.
    return "".join(word) if at == len(spelled) or spelled[at] in " \t;&|<>()" else None
