"""A reply's Markdown while it grows: what is finished is rendered once, and not again with every paragraph."""

from __future__ import annotations

import re

from stoic_emperor.web.rendering import render

#: A paragraph that belongs to nothing before it: no further item of a list, no indented line of one.
_BEGINS_ANEW = re.compile(r"\n*(?![-+*](?:\s|$)|\d{1,9}[.)])[^\s\x00]")
#: What may reach over blank lines: code between fences, and addresses that are told apart from where they are used.
_OPEN = re.compile(r"```|~~~")
_ELSEWHERE = "]:"


class Growing:
    """Renders a text that is given again and again, each time longer."""

    def __init__(self) -> None:
        """Nothing was given yet."""
        self._text = ""
        #: Where the part begins that may yet change with what follows, and its HTML, and that of all before it.
        self._open = 0
        self._open_html = ""
        self._closed_html = ""

    def html(self, text: str) -> str:
        """``text`` as `render` gives it.

        Args:
            text: what was given before and more, cut between two paragraphs or at its end; any other is begun anew.
        """
        if text == self._text:
            return self._closed_html + self._open_html
        if not self._text or not text.startswith(f"{self._text}\n\n") or _ELSEWHERE in text:
            self._open, self._open_html, self._closed_html = 0, "", ""
        elif _BEGINS_ANEW.match(text, len(self._text)) and not _OPEN.search(self._text, self._open):
            self._closed_html += self._open_html
            self._open = len(self._text)
        self._text = text
        self._open_html = str(render(text[self._open :]))
        return self._closed_html + self._open_html
