from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

import capsa
from capsa import Filter, Hit, Mode, Record, SearchResult


def test_a_record_needs_only_its_text() -> None:
    before = dt.datetime.now(dt.UTC)
    one, other = Record(text="a"), Record(text="a")
    assert one.id != other.id
    assert before <= one.created_at <= dt.datetime.now(dt.UTC)
    assert (one.title, one.context, one.path, one.session_id, dict(one.metadata)) == (None, None, None, None, {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.text = "b"  # type: ignore[misc]


def test_a_filter_is_true_if_any_part_is_set() -> None:
    assert not Filter()
    assert Filter(path="")
    assert Filter(session_id="")
    assert Filter(since=dt.datetime.now(dt.UTC))
    assert Filter(until=dt.datetime.now(dt.UTC))


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({}, ""),
        ({"literal": True}, "literal match"),
        ({"words": ("a", "b")}, "words: a, b"),
        ({"semantic_score": 0.5}, "meaning 0.50"),
        ({"literal": True, "words": ("a",), "semantic_score": -0.125}, "literal match; words: a; meaning -0.12"),
    ],
)
def test_a_hit_says_why_it_was_found(parts: dict[str, object], reason: str) -> None:
    assert Hit(record=Record(text="t"), score=1.0, **parts).reason == reason  # type: ignore[arg-type]


def test_a_result_is_a_sequence_of_its_hits() -> None:
    hits = tuple(Hit(record=Record(id=str(i), text="t"), score=1.0) for i in range(3))
    result = SearchResult(hits, Mode.LEXICAL, ("a note",))
    assert list(result) == list(hits)
    assert (len(result), result[0], result[-1], result[1:]) == (3, hits[0], hits[2], hits[1:])
    assert hits[1] in result
    assert result == SearchResult(hits, Mode("lexical"), ("a note",))


def test_every_public_name_is_there() -> None:
    assert len(set(capsa.__all__)) == len(capsa.__all__)
    for name in capsa.__all__:
        assert getattr(capsa, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        capsa.no_such_name  # noqa: B018
