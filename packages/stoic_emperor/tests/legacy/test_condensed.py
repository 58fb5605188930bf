"""Which summary stands for what."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stoic_emperor.legacy.condensed import Condensed, OldSummary, source_ids

_PERIODS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=12)


def summary(id_: str, level: int = 1, start: int = 0, end: int = 0, sources: str = "") -> OldSummary:
    named = frozenset(source.encode() for source in sources.split())
    return OldSummary(id=id_.encode(), user=b"u", level=level, start=start, end=end, sources=named)


@given(_PERIODS, st.integers(-5, 90))
def test_a_message_is_stood_for_by_a_summary_whose_period_it_is_in_and_by_none_outside_all(
    periods: list[tuple[int, int]], when: int
) -> None:
    made = [summary(str(n), start=start, end=start + length) for n, (start, length) in enumerate(periods)]
    found = Condensed(made).message(b"u", when)
    fitting = {s.id for s in made if s.start is not None and s.end is not None and s.start <= when <= s.end}
    assert found in fitting if fitting else found is None
    assert Condensed(made).message(b"somebody else", when) is None


def test_the_last_summary_of_a_source_stands_for_it_and_for_earlier_ones_of_a_part() -> None:
    made = [
        *(summary(name) for name in "abcd"),
        summary("x", 2, sources="a b"),
        summary("y", 2, sources="a b c"),
        summary("z", 3, sources="x y"),
        summary("w", 2, sources="d unknown"),
    ]
    stands = Condensed(made)
    into = {s.id.decode(): (stands.summary(b"u", s.id) or b"").decode() for s in made}
    assert into == {"a": "y", "b": "y", "c": "y", "d": "w", "x": "z", "y": "z", "z": "", "w": ""}


@given(st.lists(st.tuples(st.integers(1, 4), st.sets(st.integers(0, 9))), max_size=10))
def test_nothing_ever_stands_for_itself_by_others(made: list[tuple[int, set[int]]]) -> None:
    summaries = [summary(str(n), level, sources=" ".join(map(str, of))) for n, (level, of) in enumerate(made)]
    stands = Condensed(summaries)
    for one in summaries:
        seen = [one.id]
        while (following := stands.summary(b"u", seen[-1])) is not None:
            assert following not in seen
            seen.append(following)


def test_what_is_no_list_names_nothing() -> None:
    assert source_ids(None) == source_ids(b"null") == source_ids(b"{") == source_ids(b'{"a": 1}') == frozenset()
    assert source_ids(b'["a", "b"]') == {b"a", b"b"}
