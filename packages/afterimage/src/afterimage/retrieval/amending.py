"""Decisions that were amended: of two notes on the same thing the later one comes first, also where nobody said so.

Words and meaning alone put the older above the newer as often as not: both are about what was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from afterimage.retrieval.standing import CHANGE, NOTE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from afterimage.storage import StorageBackend
    from capsa import Record

_T = TypeVar("_T")

#: How near two notes are in meaning that are about the same thing, and how much farther from the question than the
#: older one the newer may be. Measured on made-up decisions (benchmarks/decisions.py), see docs/search.md.
_SAME, _FARTHER = 0.55, 0.25
#: So many of the best notes are compared.
_COMPARED = 12


def amended(backend: StorageBackend, found: Sequence[tuple[Record, float | None]]) -> dict[str, str]:
    """Id of a note among ``found`` -> id of the newest other one there that is about the same thing, and later.

    Args:
        found: entries, best first, with how near they are to the question, where that is known.
    """
    notes = {
        record.id: (record.created_at, near)
        for record, near in found
        if near is not None and record.metadata.get(CHANGE) == NOTE
    }
    if len(notes) < 2 or backend.embedder is None:
        return {}
    compared = sorted(list(notes)[:_COMPARED], key=lambda id_: notes[id_][0])
    vectors = {id_: backend.collection.vector(id_) for id_ in compared}
    later: dict[str, str] = {}
    for place, newer in enumerate(compared):
        for older in compared[:place]:
            (before, how_near), (after, nearer) = notes[older], notes[newer]
            if before < after and nearer >= how_near - _FARTHER and _same(vectors[older], vectors[newer]):
                later[older] = newer
    return later


def newest_first(found: Sequence[_T], id_of: Callable[[_T], str], later: Mapping[str, str]) -> list[_T]:
    """``found``, best first, but what another took the place of only after that."""
    by_id = {id_of(one): one for one in found}
    ordered: dict[str, _T] = {}
    for id_, one in by_id.items():
        if (newer := later.get(id_, "")) in by_id:
            ordered.setdefault(newer, by_id[newer])
        ordered.setdefault(id_, one)
    return list(ordered.values())


def _same(one: NDArray[np.float32] | None, other: NDArray[np.float32] | None) -> bool:
    if one is None or other is None:
        return False
    lengths = float((one @ one) * (other @ other)) ** 0.5
    return bool(lengths > 0.0 and float(one @ other) >= _SAME * lengths)
