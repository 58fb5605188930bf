"""What a client says and is told, so that the protocol's library can read and write it."""

from __future__ import annotations

import os
import re
from io import TextIOWrapper

from anyio import AsyncFile, wrap_file

_LOW = r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
#: Anything that is escaped in JSON, first the two halves of a character beyond 16 bits, then a half alone.
_ESCAPED = re.compile(rf"(\\u[dD][89abAB][0-9a-fA-F]{{2}}{_LOW})|(\\u[dD][89a-fA-F][0-9a-fA-F]{{2}})|\\.")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def whole(line: str) -> str:
    """``line`` of JSON in which a sign of its own stands for half a character.

    Code that was cut within an emoji has one, and clients in JavaScript send it on; the library takes that for no JSON
    and answers nothing at all, so that the client waits for ever.
    """
    if not _HALF.search(line):
        return line
    return _ESCAPED.sub(lambda found: r"\ufffd" if found[2] else found[0], line)


def sendable(text: str) -> str:
    """``text`` in which a sign of its own stands for half a character: with one, it and all later ones are not sent."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class _Lines(TextIOWrapper):
    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]  # as in TextIOWrapper itself
        return whole(super().readline(size))


def standard_input() -> AsyncFile[str]:
    """The lines of standard input, which from now on is empty for everybody else in this process."""
    wire = os.fdopen(os.dup(0), "rb", closefd=False)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return wrap_file(_Lines(wire, encoding="utf-8", errors="replace"))
