"""What people and models write, as HTML: read back by a parser, as a browser would."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stoic_emperor.web.rendering import render

#: All that may ever come out.
ALLOWED = {
    "a": {"href", "rel", "title"},
    "blockquote": set(),
    "br": set(),
    "code": {"class"},
    "div": {"class", "tabindex", "role", "aria-label"},
    "em": set(),
    "h3": set(),
    "h4": set(),
    "h5": set(),
    "h6": set(),
    "hr": set(),
    "li": set(),
    "ol": {"start"},
    "p": set(),
    "pre": set(),
    "strong": set(),
    "table": set(),
    "tbody": set(),
    "td": {"class"},
    "th": {"class"},
    "thead": set(),
    "tr": set(),
    "ul": set(),
}

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</p></div></main><iframe srcdoc='<script>alert(1)</script>'>",
    "<!-- --><style>*{display:none}</style>",
    "![x](https://evil.example/pixel.gif)",
    "![x](data:image/png;base64,AAAA)",
    '![x](https://evil.example/"onerror="alert(1))',
    "[![x](https://evil.example/a.png)](https://evil.example)",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox)",
    "[x](//evil.example)",
    "[x](/auth/sign-out)",
    "[x](mailto:a@b.example)",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    '[x](https://a.example "t\\" onmouseover=alert(1) x=\\"")',
    "[x](https://a.example/\"onmouseover='alert(1)')",
    "[x]: javascript:alert(1)\n\n[x]",
    '```"><script>alert(1)</script>\ncode\n```',
    "`<script>`",
    "# <script>alert(1)</script>",
    "| a |\n|:-:|\n| b |",
    "| <script>alert(1)</script> |\n|---|\n| [x](javascript:alert(1)) |",
    "\x00<scr\x00ipt>alert(1)</script>",
    "{{7*7}} {% include 'x' %} ${alert(1)}",
    "\ud800<script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
]


class Reader(HTMLParser):
    """Notes what a browser would make of a page, and refuses what may not be there."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.links: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, f"a tag that may not be there: {tag}"
        names = {name for name, _ in attrs}
        assert names <= ALLOWED[tag], f"{tag} has {names}"
        if tag == "a":
            self.links.append({name: value or "" for name, value in attrs})

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError("a declaration")

    def handle_data(self, data: str) -> None:
        self.text += data


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(str(render(text)))
    reader.close()
    for link in reader.links:
        assert link["href"].lower().startswith(("https://", "http://"))
        assert link["rel"] == "noopener nofollow noreferrer"
    return reader


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_nothing_hostile_comes_through(text: str) -> None:
    read(text)


@given(st.lists(st.sampled_from([*HOSTILE, "a", " ", "\n", "> ", "- ", "*", "_", "`", "[", "](", ")"]), max_size=12))
@settings(max_examples=150, deadline=None)
def test_nor_does_any_mixture_of_it(parts: list[str]) -> None:
    read("".join(parts))


@given(st.text(max_size=400))
@settings(max_examples=150, deadline=None)
def test_nor_does_any_text_and_all_of_it_can_be_sent(text: str) -> None:
    read(text)
    str(render(text)).encode()


def test_what_is_shown_is_what_was_written() -> None:
    assert read("<b>x</b> & 1 < 2").text.strip() == "<b>x</b> & 1 < 2"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\n\ntwo", "<p>one</p>\n<p>two</p>\n"),
        ("one\ntwo", "<p>one<br>\ntwo</p>\n"),
        ("*so* **much**", "<p><em>so</em> <strong>much</strong></p>\n"),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("3. a", '<ol start="3">\n<li>a</li>\n</ol>\n'),
        ("`x < y`", "<p><code>x &lt; y</code></p>\n"),
        ('He said "so", and didn\'t.', "<p>He said “so”, and didn’t.</p>\n"),
        ('`"as it is"`', "<p><code>&quot;as it is&quot;</code></p>\n"),
        ("# One\n\n##### Five", "<h3>One</h3>\n<h6>Five</h6>\n"),
        ("Title\n===", "<h3>Title</h3>\n"),
        (
            "| up to us | not |\n|---|--:|\n| *judgement* | 1 |",
            (
                '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>\n<thead>\n<tr>\n'
                '<th>up to us</th>\n<th class="number">not</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n'
                '<td><em>judgement</em></td>\n<td class="number">1</td>\n</tr>\n</tbody>\n</table></div>\n'
            ),
        ),
    ],
)
def test_markdown_reads_as_people_mean_it(text: str, html: str) -> None:
    assert str(render(text)).replace("<br />", "<br>") == html


def test_a_link_leads_to_a_page_and_tells_it_nothing() -> None:
    (link,) = read('[see](https://example.org/a?b=c&d "there")').links
    assert link == {
        "href": "https://example.org/a?b=c&d",
        "title": "there",
        "rel": "noopener nofollow noreferrer",
    }


def test_a_picture_is_told_not_loaded() -> None:
    reader = read("before ![a *red* <door>](https://evil.example/p.gif) after")
    assert reader.text.strip() == "before a red <door> after"
    assert "evil" not in str(render("![a door](https://evil.example/p.gif)"))


@pytest.mark.parametrize(
    "unit", ["[", "![", "*a ", "_", "`", "> ", "<", "](", "[a](", "&#", "- ", "\\", "**_", "|", "|\n", "|-|\n"]
)
def test_a_long_and_hostile_text_costs_seconds_to_nobody(unit: str) -> None:
    started = time.process_time()
    read(unit * (20_000 // len(unit)))
    assert time.process_time() - started < 3
