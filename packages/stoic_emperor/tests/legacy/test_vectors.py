"""Whose a vector is, and which model made it."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from capsa import transfer
from stoic_emperor.legacy.vectors import MINILM, model_of, vector_of_json, vector_of_wire
from stoic_emperor.testing.legacy import hashed_vector, network_vector

_FLOAT32 = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=400)


@given(_FLOAT32)
def test_every_float32_of_a_json_array_survives_bit_for_bit(numbers: list[float]) -> None:
    (vector,) = vector_of_json(json.dumps(numbers).encode())
    assert vector.dimensions == len(numbers)
    assert vector.vector is not None
    assert transfer.vector_from_wire(vector.vector) == np.array(numbers, "<f4").tobytes()


@given(st.binary(max_size=200))
def test_anything_else_is_kept_as_it_is(text: bytes) -> None:
    (vector,) = vector_of_json(text)
    if vector.vector is None:
        assert transfer.from_stored((vector.raw or b"").decode()).encode("utf-8", "surrogateescape") == text
    assert model_of(np.zeros(384, "<f4")) == "predecessor:hash-384"


@given(st.integers(0, 10_000))
def test_a_networks_vectors_are_told_from_hashes(seed: int) -> None:
    assert model_of(np.array(network_vector(seed), "<f4")) == MINILM
    words = " ".join(f"word{number * seed}" for number in range(1 + seed))
    assert model_of(np.array(hashed_vector(words), "<f4")) == "predecessor:hash-384"


def test_a_vector_of_another_length_is_nobodys() -> None:
    for numbers in (network_vector(1)[:100], [2 * number for number in network_vector(1)]):
        (vector,) = vector_of_wire(transfer.vector_to_wire(np.array(numbers, "<f4").tobytes()))
        assert vector.model == f"predecessor:unknown-{len(numbers)}"
