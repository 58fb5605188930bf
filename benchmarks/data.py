"""Made-up data of any size, the same every time.

Texts are code-like, about 1 KB: 50,000 made-up words by Zipf's law, in sentences, in snake_case, camelCase and
dotted identifiers, between the few keywords that every text has.

Vectors are stand-ins, 384 float32 of length 1: an area (200 of them) + a topic in it (one for 50 rows) + a part of
their own, each Gaussian with a spectrum that falls as a real model's does, turned by one random rotation. A
query is made like one more row.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capsa import Record

DIMENSIONS = 384
MODEL = "made-up"
CHUNK = 5_000

_SEED = 7
_WORDS = 50_000
_PER_TEXT = 90
_AREAS = 200
_ROWS_A_TOPIC = 50
_WEIGHTS = (0.5, 0.6, 0.62)
_SPECTRUM = (np.arange(1, DIMENSIONS + 1) ** -0.4).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Chunk:
    """5,000 rows."""

    first: int
    records: list[Record]
    vectors: NDArray[np.float32]


def chunks(rows: int, *, texts: bool = True) -> Iterator[Chunk]:
    """``rows`` rows, 5,000 at a time.

    Args:
        texts: whether the records have texts; else a number stands in their place.
    """
    for first in range(0, rows, CHUNK):
        count = min(CHUNK, rows - first)
        yield Chunk(first, _records(first, count, texts=texts), vectors(rows, first, count))


def _records(first: int, count: int, *, texts: bool) -> list[Record]:
    bodies = _texts(first, count) if texts else [str(first + i) for i in range(count)]
    return [
        Record(id=f"r{first + i}", text=body, path=path(first + i), session_id=f"s{(first + i) // 40}")
        for i, body in enumerate(bodies)
    ]


def path(row: int) -> str:
    """Where a record belongs."""
    words = vocabulary()
    return f"/home/dev/{words[row % 97]}/{words[1000 + row // 7 % 40_000]}_{words[row % 8_191]}.py"


# Texts


@functools.cache
def vocabulary() -> list[str]:
    """50,000 words, the most frequent first."""
    chance = random.Random(_SEED)
    onsets = [*"bcdfghjklmnprstvwz", "br", "cr", "dr", "fl", "gr", "pl", "pr", "sk", "sp", "st", "tr", "ch", "sh", "th"]
    vowels, ends = ["a", "e", "i", "o", "u", "ai", "ea", "ou"], ["", "", "", "n", "r", "s", "t", "l", "m", "x"]
    words: dict[str, None] = {}
    while len(words) < _WORDS:
        size = chance.randint(1, 3) if len(words) < 2_000 else chance.randint(2, 4)
        words["".join(chance.choice(part) for _ in range(size) for part in (onsets, vowels, ends))] = None
    return list(words)


def _texts(first: int, count: int) -> list[str]:
    if first % CHUNK:
        raise ValueError("texts are made in whole chunks")
    words = vocabulary()
    draws = np.random.default_rng((_SEED, first)).random((count, _PER_TEXT))
    ranks = np.searchsorted(_cumulative(), draws).clip(max=_WORDS - 1)
    return [_text([words[rank] for rank in row]) for row in ranks.tolist()]


@functools.cache
def _cumulative() -> NDArray[np.float64]:
    weights = 1 / np.arange(1, _WORDS + 1) ** 1.05
    total: NDArray[np.float64] = np.cumsum(weights / weights.sum())
    return total


def _text(w: list[str]) -> str:
    lines = [
        f"def {w[0]}_{w[1]}(self, {w[2]}, {w[3]}=None):",
        f'    """{" ".join(w[4:30]).capitalize()}.',
        "",
        f"    {' '.join(w[30:50])}",
        '    """',
    ]
    for i in range(50, len(w) - 9, 10):
        a, b, c, d, e, f, g, h, j, k = w[i : i + 10]
        lines += [
            f"    self.{a} = {b}_{c}({d}, {e})",
            f"    if {f}.{g} is None:",
            f"        return {h.capitalize()}{j.capitalize()}({k})",
        ]
    return "\n".join([*lines, f"    return self.{w[0]}"])


# Vectors


def vectors(rows: int, first: int, count: int) -> NDArray[np.float32]:
    """The vectors of some rows of a set of ``rows``."""
    return _vectors(rows, np.random.default_rng((_SEED, first, 1)), count)


def queries(rows: int, count: int) -> NDArray[np.float32]:
    """Vectors to search with: made like rows, but none of them."""
    return _vectors(rows, np.random.default_rng((_SEED, 1 << 40)), count)


def _vectors(rows: int, chance: np.random.Generator, count: int) -> NDArray[np.float32]:
    topics = max(1, rows // _ROWS_A_TOPIC)
    mine = chance.integers(0, topics, count)
    area, topic, own = _WEIGHTS
    raw = (
        area * _areas()[mine % _AREAS] + topic * _topics(topics)[mine] + own * _gaussian(chance, count)
    ) @ _rotation()
    result: NDArray[np.float32] = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return result


def _gaussian(chance: np.random.Generator, count: int) -> NDArray[np.float32]:
    result: NDArray[np.float32] = chance.standard_normal((count, DIMENSIONS), np.float32) * _SPECTRUM
    return result


@functools.cache
def _areas() -> NDArray[np.float32]:
    return _gaussian(np.random.default_rng((_SEED, 2)), _AREAS)


@functools.lru_cache(maxsize=1)
def _topics(count: int) -> NDArray[np.float32]:
    return _gaussian(np.random.default_rng((_SEED, 3)), count)


@functools.cache
def _rotation() -> NDArray[np.float32]:
    chance = np.random.default_rng((_SEED, 4))
    q, _ = np.linalg.qr(chance.standard_normal((DIMENSIONS, DIMENSIONS)))
    return q.astype(np.float32)
