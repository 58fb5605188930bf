"""Whatever is in the memory, an answer is bounded, marked as data, and cannot be closed from inside."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from afterimage.hook import marker
from afterimage.retrieval import rendering
from afterimage.retrieval.given import Given
from afterimage.retrieval.items import Found, Item, Other

_AT = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
_PIECES = ["\n", "x", "`" * 4, marker.END, marker.END.upper(), "code " * 40, "y" * 9_000]
_CODE = st.lists(st.sampled_from(_PIECES), max_size=30).map("".join)


def item(code: str, path: str = "/p/a.py", others: int = 0) -> Item:
    return Item(
        id="1234",
        path=path,
        code=code,
        why="words: x",
        at=_AT,
        session="session-one",
        project="clock",
        branch="main",
        change="write",
        standing="FRESH",
        others=tuple(Other(str(n), path, _AT) for n in range(others)),
    )


@given(st.lists(_CODE, max_size=20), _CODE, st.integers(0, 9))
def test_no_answer_is_too_long_or_ends_early(codes: list[str], path: str, others: int) -> None:
    found = Found(tuple(item(code, path, others) for code in codes), (path,))
    for text in (
        rendering.results(found, "none", Given()),
        rendering.listing(found, "none"),
        *map(rendering.whole, found.items),
    ):
        assert len(text) <= rendering.MOST
        assert text.startswith(marker.BEGIN)
        assert text.lower().index(marker.END) == len(text) - len(marker.END)


def test_an_item_says_all_that_is_known_of_it() -> None:
    text = rendering.results(Found((item("x = 1"),)), "none", Given())
    facts = "words: x; 2026-06-01 00:00 UTC; session session-; project clock; branch main; FRESH; id 1234"
    assert f"/p/a.py ({facts})\n```\nx = 1\n```" in text


def test_what_there_is_no_room_for_is_named() -> None:
    text = rendering.results(Found(tuple(item("x = 1\n" * 400, f"/p/{n}.py") for n in range(8))), "none", Given())
    head, rest = text.split("More, without their code:")
    assert "/p/1.py" in head
    assert "/p/7.py" in rest


def test_a_long_entry_is_read_on_from_the_line_it_says() -> None:
    lines = [f"line {n} " + "x" * 90 for n in range(1, 201)]
    seen: list[str] = []
    line = 1
    for _ in range(10):
        text = rendering.whole(item("\n".join(lines)), line)
        seen += [part for part in text.split("\n") if part.startswith("line ")]
        if "show it with line=" not in text:
            break
        line = int(text.split("show it with line=")[1].split("\n")[0])
    assert seen == lines


def test_nothing_is_said_with_what_limited_the_search() -> None:
    text = rendering.results(Found((), ("no model",)), "Nothing.", Given())
    assert "Nothing.\n\nno model" in text
