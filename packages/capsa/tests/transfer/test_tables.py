"""Fields survive the way into binary form and back, and are told apart."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsa.transfer import RECORDS, Kind, make_row, pack, unpack, vector_from_wire, vector_to_wire
from capsa.transfer.tables import SqliteValue, Vector, join, make_rows, pack_all, split

_MICROSECONDS = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
_VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.binary(max_size=8) | st.text()
_COLUMNS = st.sampled_from([_VALUES, st.integers(-(2**63), 2**63 - 1), _MICROSECONDS]) | st.sampled_from(
    [st.binary(max_size=9), st.binary(min_size=4, max_size=4), st.binary(max_size=9) | st.none()]
)
_FLOATS = st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=500)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_text_survives(value: str) -> None:
    assert unpack(Kind.TEXT, pack(Kind.TEXT, value)) == value


@given(st.integers(-(2**63), 2**63 - 1))
def test_an_integer_survives(value: int) -> None:
    assert unpack(Kind.INTEGER, pack(Kind.INTEGER, value)) == value


@given(_MICROSECONDS)
def test_a_time_survives_and_counts_from_2000_on_the_wire(value: int) -> None:
    field = pack(Kind.TIME, value)
    assert unpack(Kind.TIME, field) == value
    assert field == struct.pack("!q", value - 946_684_800_000_000)


@given(st.binary())
def test_bytes_survive(value: bytes) -> None:
    assert unpack(Kind.BYTES, pack(Kind.BYTES, value)) == value


@given(st.floats(allow_nan=False))
def test_a_number_survives(value: float) -> None:
    assert unpack(Kind.FLOAT, pack(Kind.FLOAT, value)) == value


@given(st.binary(min_size=4, max_size=400).map(lambda b: b[: len(b) // 4 * 4]))
def test_every_bit_of_a_vector_survives(value: bytes) -> None:
    assert vector_from_wire(vector_to_wire(value)) == value


@given(_FLOATS)
def test_a_vector_on_the_wire_is_what_pgvector_documents(values: list[float]) -> None:
    little = np.array(values, "<f4").tobytes()
    assert pack(Kind.VECTOR, little) == struct.pack(f"!HH{len(values)}f", len(values), 0, *values)


@given(st.sampled_from(Kind), _COLUMNS.flatmap(lambda column: st.lists(column, max_size=5)))
def test_many_values_are_packed_as_each_of_them(kind: Kind, values: list[SqliteValue]) -> None:
    try:
        expected = [pack(kind, value) for value in values]
    except ValueError:
        with pytest.raises(ValueError, match="expected|not|multiple"):
            pack_all(kind, values)
    else:
        assert list(pack_all(kind, values)) == expected


@given(st.lists(st.tuples(st.none() | st.binary(max_size=50), st.none() | st.binary(max_size=50)), min_size=1))
def test_many_rows_are_made_as_each_of_them(rows: list[tuple[bytes | None, bytes | None]]) -> None:
    vectors = [(Vector("model", 1, b"12345678", None),) if first else () for first, _ in rows]
    keys = [str(number) for number in range(len(rows))]
    made = make_rows(keys, list(zip(*rows, strict=True)), vectors)
    assert made == [make_row(key, row, mine) for key, row, mine in zip(keys, rows, vectors, strict=True)]


@given(st.lists(st.none() | st.binary(max_size=50)))
def test_fields_joined_are_split_again(fields: list[bytes | None]) -> None:
    assert split(join(fields)) == fields


@given(st.lists(st.none() | st.binary(max_size=5), max_size=4), st.lists(st.none() | st.binary(max_size=5), max_size=4))
def test_different_fields_never_look_the_same(one: list[bytes | None], other: list[bytes | None]) -> None:
    assert (join(one) == join(other)) == (one == other)


@pytest.mark.parametrize("kind", list(Kind))
def test_null_is_null_whatever_the_kind(kind: Kind) -> None:
    assert pack(kind, None) is None
    assert unpack(kind, None) is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [(Kind.INTEGER, b"1"), (Kind.TEXT, 1), (Kind.BYTES, 1.5), (Kind.INTEGER, 2**63), (Kind.TIME, b"")],
)
def test_a_value_of_another_kind_is_refused(kind: Kind, value: bytes | float) -> None:
    with pytest.raises(ValueError, match="expected|not a value"):
        pack(kind, value)


def test_a_table_knows_where_its_key_stands() -> None:
    assert RECORDS.key_positions == (0, 1, 2)
    assert RECORDS.scope_positions == (0, 1)
    assert make_row("1", (b"a", None)).body == b"\0\0\0\1a\xff\xff\xff\xff"
