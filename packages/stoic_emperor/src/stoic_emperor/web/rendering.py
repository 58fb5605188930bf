"""Markdown -> HTML that can do nothing: what people and models write is shown, never obeyed.

No HTML of theirs passes, nothing is loaded from anywhere (an image becomes its description), links lead to web pages
only. What comes out needs no style of its own, so a page's policy may forbid inline styles: a table's columns are
aligned by a class. Headings begin below those of the page they stand on.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup, escape

from stoic_emperor.text import whole

#: Of a page's own headings, h1 and h2 stand above what somebody wrote.
_HEADINGS_ABOVE = 2

#: Quotations within quotations within lists …: deeper is shown as it was typed.
_DEEPEST = 20


def render(text: str) -> Markup:
    """``text`` as HTML for a page; a line's end stays one, as in what people type."""
    return Markup(_markdown().render(whole(text)))  # noqa: S704 - everything in it is escaped by the renderer


@cache
def _markdown() -> MarkdownIt:
    """The renderer; it keeps nothing of what it renders, so all threads share it."""
    markdown = MarkdownIt(
        "commonmark", {"html": False, "breaks": True, "typographer": True, "maxNesting": _DEEPEST}
    ).enable(["smartquotes", "table"])
    markdown.validateLink = _is_web_address  # type: ignore[method-assign]
    markdown.core.ruler.push("ours", _adapt)
    markdown.add_render_rule("image", _description)
    markdown.add_render_rule("table_open", _table_open)
    markdown.add_render_rule("table_close", _table_close)
    return markdown


def _is_web_address(url: str, _validator: object = None) -> bool:
    return url.lower().startswith(("https://", "http://"))


def _adapt(state: Any) -> None:
    """Put headings below the page's, and make links tell nothing to where they lead."""
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + _HEADINGS_ABOVE)}"
        if token.type in {"th_open", "td_open"} and "style" in token.attrs:
            right = token.attrs.pop("style") == "text-align:right"
            token.attrs |= {"class": "number"} if right else {}
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("rel", "noopener nofollow noreferrer")


def _table_open(*_: object) -> str:
    # A wide one is scrolled by itself, also by the keyboard.
    return '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>\n'


def _table_close(*_: object) -> str:
    return "</table></div>\n"


def _description(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    at: int,
    options: OptionsDict,
    environment: MutableMapping[str, Any],
) -> str:
    return str(escape(renderer.renderInlineAsText(tokens[at].children or [], options, environment)))
