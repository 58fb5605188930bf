"""What a search by meaning needs of a dialect."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capsa.database import Transaction
from capsa.errors import ModelMismatch


@dataclass(frozen=True, slots=True)
class Model:
    """A model that vectors in this database were made by."""

    #: Its number in this database.
    id: int
    name: str
    dimensions: int

    def check(self, vector: NDArray[np.float32]) -> None:
        """Raises `ModelMismatch` if this vector cannot be compared with those of the model."""
        if len(vector) != self.dimensions:
            raise ModelMismatch(f"vectors of {self.name!r} have {self.dimensions} numbers here, not {len(vector)}")


@dataclass(frozen=True, slots=True)
class Space:
    """The vectors of one model in one collection: what a search compares, and nothing else."""

    owner: str
    collection: str
    model: Model

    def parameters(self) -> dict[str, object]:
        return {"owner": self.owner, "collection": self.collection, "model": self.model.id}


class VectorIndex(abc.ABC):
    """Stores vectors and finds the nearest."""

    @abc.abstractmethod
    def add(self, tx: Transaction, space: Space, vectors: Sequence[tuple[int, bytes]]) -> None:
        """Store the float32 little-endian vectors of records that are new, or that `remove` was just called for.

        Even if they had none: others look at older records again only after a removal.
        """

    @abc.abstractmethod
    def remove(self, tx: Transaction, owner: str, collection: str, seqs: Sequence[int], model: int | None) -> None:
        """Remove the vectors of records, of one model or of all."""

    @abc.abstractmethod
    def clear(self, tx: Transaction, owner: str, collection: str, keep: int | None = None) -> int:
        """Remove all vectors of a collection but those of the model ``keep``; how many there were."""

    @abc.abstractmethod
    def decode(self, data: bytes) -> NDArray[np.float32]:
        """A vector as the dialect's statements select it."""

    @abc.abstractmethod
    def get(self, tx: Transaction, space: Space, seqs: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The vectors of records, where they have one."""

    def present(self, tx: Transaction, space: Space, seqs: Sequence[int]) -> set[int]:
        """Which of the records have a vector that can be compared."""
        rows = tx.query("seqs_with_vector", {**space.parameters(), "seqs": tx.database.array(seqs)})
        return {seq for (seq,) in rows}

    def count(self, tx: Transaction, space: Space) -> int | None:  # noqa: ARG002 - for those that know
        """How many vectors there are that can be compared, if that need not be counted."""
        return None

    @abc.abstractmethod
    def nearest(
        self,
        tx: Transaction,
        space: Space,
        query: NDArray[np.float32],
        limit: int,
        allowed: NDArray[np.int64] | None = None,
    ) -> list[tuple[int, float]]:
        """The records nearest to ``query`` by cosine, best first, as (sequence number, cosine).

        Args:
            allowed: ascending sequence numbers; others are left out. None for all.
        """


def cosines(matrix: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine similarity of every row with ``query``; 0 where one of them has no length."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(query)
        values: NDArray[np.float32] = np.nan_to_num((matrix @ query) / lengths, nan=0.0, posinf=0.0, neginf=0.0)
    return values
