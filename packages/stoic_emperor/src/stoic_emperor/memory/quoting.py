"""Putting a person's or a book's words before a model as material, never as an instruction."""

from __future__ import annotations

_BRACKETS = str.maketrans({"<": "‹", ">": "›"})


def quoted(tag: str, text: str) -> str:
    """``text`` between ``<tag>`` and ``</tag>``, with nothing in it that could end the quotation."""
    return f"<{tag}>\n{text.translate(_BRACKETS)}\n</{tag}>"
