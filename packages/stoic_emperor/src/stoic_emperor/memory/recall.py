"""The searchable memory of one person: what was said, and what was understood of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import capsa
from stoic_emperor.models import Message, SemanticInsight

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Vectors: TypeAlias = "list[NDArray[np.float32]]"

#: Turns of conversations and journals that were brought along; a record's id is that of the person's message.
EPISODIC = "episodic"
#: Insights; a record's id is that of the insight.
SEMANTIC = "semantic"

#: Two insights this near in meaning say the same: MiniLM's cosine of paraphrases is above it, of neighbours below.
_SAME = 0.92


@dataclass(frozen=True, kw_only=True, slots=True)
class Recalled:
    """Something of this person's own that was found again."""

    record: capsa.Record
    #: Cosine, -1 to 1, or None if only words were compared.
    similarity: float | None = None
    #: Whether words of the query are in it.
    by_words: bool = False

    @property
    def words(self) -> str:
        """What the person said; earlier programs kept it together with the reply."""
        said, reply, _ = self.record.text.partition("\nMarcus: ")
        return said.removeprefix("User: ") if reply and said.startswith("User: ") else self.record.text


class Recall:
    """What one person said and what is remembered of them, by words and by meaning."""

    def __init__(self, store: capsa.Store, user_id: str) -> None:
        """Nothing is read yet.

        Args:
            store: without an embedder, things are found by words.
        """
        owner = capsa.to_stored(user_id)
        self._embedder = store.embedder
        self.episodes = store.collection(EPISODIC, owner=owner)
        self.insights = store.collection(SEMANTIC, owner=owner)

    # Finding

    def turns(
        self,
        query: str,
        limit: int,
        *,
        leaving_out: frozenset[str] = frozenset(),
        tx: capsa.Transaction | None = None,
    ) -> list[Recalled]:
        """What the person said before that fits, best first, without the messages that are at hand anyway."""
        found = self.episodes.search(query, limit=limit + len(leaving_out), tx=tx)
        return [_recalled(hit) for hit in found if hit.record.id not in leaving_out][:limit]

    def known(self, query: str, limit: int, tx: capsa.Transaction | None = None) -> list[Recalled]:
        """The insights that fit, best first."""
        return [_recalled(hit) for hit in self.insights.search(query, limit=limit, tx=tx)]

    def elsewhere(self, said: Message, limit: int) -> list[Recalled]:
        """What the person said in other conversations that fits, and is not what they say now once more."""
        found = (_recalled(hit) for hit in self.episodes.search(said.content, limit=limit))
        return [
            recalled
            for recalled in found
            if recalled.record.session_id != said.session_id
            and plain(recalled.words) != plain(said.content)
            and (recalled.similarity or 0) < _SAME
        ]

    def says_the_same(self, assertion: str) -> str | None:
        """The id of an insight that says the same, in these words or in others."""
        for hit in self.insights.search(assertion, limit=3):
            if plain(hit.record.text) == plain(assertion) or (hit.semantic_score or 0) >= _SAME:
                return hit.record.id
        return None

    # Keeping

    def add_turn(self, said: Message, tx: capsa.Transaction) -> None:
        """Make what a person said findable, inside ``tx``; with the same id, it is replaced."""
        record = capsa.Record(
            id=said.id,
            text=said.content,
            session_id=said.session_id,
            created_at=said.created_at,
            metadata={"type": "conversation_turn"},
        )
        self.episodes.put([record], vectors=self.vectors([said.content]), tx=tx)

    def add_journal(self, pieces: Sequence[Message], vectors: Vectors | None, file: str, tx: capsa.Transaction) -> None:
        """Make the pieces of a journal findable, inside ``tx``."""
        records = [
            capsa.Record(
                id=piece.id,
                text=piece.content,
                title=file,
                session_id=piece.session_id,
                created_at=piece.created_at,
                metadata={"type": "imported_journal", "source_file": file},
            )
            for piece in pieces
        ]
        self.episodes.add(records, vectors=vectors, tx=tx)

    def vectors(self, texts: Sequence[str]) -> Vectors | None:
        """The vectors of many texts, made before a transaction that will need them; None without an embedder."""
        return None if self._embedder is None else list(self._embedder.embed(texts))

    def add_insight(self, insight: SemanticInsight, tx: capsa.Transaction) -> None:
        """Make an insight findable, inside ``tx``; one with the same id is replaced."""
        record = capsa.Record(
            id=insight.id,
            text=insight.assertion,
            created_at=insight.created_at,
            metadata={"source_message_id": insight.source_message_id, "confidence": insight.confidence},
        )
        self.insights.put([record], vectors=self.vectors([insight.assertion]), tx=tx)

    def prepare(self, text: str) -> None:
        """Have the vector of a text made now, before a transaction that will need it begins.

        Raises:
            EmbedderUnavailable: the embedder does not answer.
        """
        if self._embedder is not None:
            self._embedder.embed([text])


def _recalled(hit: capsa.Hit) -> Recalled:
    return Recalled(
        record=hit.record,
        similarity=hit.semantic_score,
        by_words=hit.literal or bool(hit.words),
    )


def plain(text: str) -> str:
    """A sentence as it is compared with others: without case, and without the blanks and marks around it."""
    return " ".join(text.casefold().split()).rstrip(".!?")
