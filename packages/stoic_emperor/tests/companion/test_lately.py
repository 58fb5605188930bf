"""What was asked for last is remembered; what was not, is made anew."""

from __future__ import annotations

from stoic_emperor.companion.lately import Lately


def test_the_oldest_gives_way_and_what_was_asked_for_stays() -> None:
    lately = Lately[list[str]](list, most=2)
    lately.of("a").append("first")
    lately.of("b").append("second")
    assert lately.of("a") == ["first"]
    lately.of("c")
    assert lately.of("a") == ["first"]
    assert lately.of("b") == []
