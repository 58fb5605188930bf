"""Text as it goes to and comes from a model: whole characters, and nothing that was not meant to be read."""

from __future__ import annotations

from stoic_emperor.text import whole

_THINK, _SPOKEN = "<think>", "</think>"


def clean(text: str) -> str:
    """``text`` without what no database, terminal or wire takes: NUL, and halves of surrogate pairs."""
    return whole(text).replace("\0", "")


def without_thinking(text: str) -> str:
    """An answer without the ``<think>…</think>`` that some local models put before it."""
    spoken = SpokenText()
    return spoken.feed(text) + spoken.end()


class SpokenText:
    """Turns the pieces of a stream into text that can be shown as it comes.

    A character beyond U+FFFF may arrive in two pieces, one half of its surrogate pair in each; and a model may think
    aloud, between ``<think>`` and ``</think>``, before it speaks. Only what is spoken comes out.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"

    def feed(self, piece: str) -> str:
        """What can be shown now that ``piece`` has come."""
        self._held += piece
        if self._state == "start":
            self._state = self._how_it_starts()
        if self._state == "thinking":
            self._drop_thoughts()
        if self._state != "speaking":
            return ""
        ready = self._held[:-1] if self._held and "\ud800" <= self._held[-1] <= "\udbff" else self._held
        self._held = self._held[len(ready) :]
        return clean(ready)

    def end(self) -> str:
        """What was held back and belongs to the reply after all."""
        rest = "" if self._state == "thinking" else self._held
        self._held = ""
        return clean(rest)

    def _how_it_starts(self) -> str:
        begin = self._held.lstrip()
        if begin.startswith(_THINK):
            return "thinking"
        return "start" if _THINK.startswith(begin) else "speaking"

    def _drop_thoughts(self) -> None:
        _, end, after = self._held.partition(_SPOKEN)
        if not end:
            # Of the thoughts, only what could be the beginning of their end is kept.
            self._held = _THINK + self._held[len(_THINK) :][-len(_SPOKEN) :]
            return
        if after.lstrip():
            self._held = after.lstrip()
            self._state = "speaking"
        else:
            self._held = _THINK + _SPOKEN
