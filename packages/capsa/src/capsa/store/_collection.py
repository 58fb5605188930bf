from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from capsa.database import Transaction
from capsa.errors import CapsaError, InvalidRecord
from capsa.records import PUBLIC_OWNER, Record
from capsa.search import lexical, merging
from capsa.store._reading import Reading
from capsa.store._rows import searchable, to_row

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


Progress = Callable[[int, int], None]

#: Records read or written in one statement.
_BATCH = 1_000


class Collection(Reading):
    """The records of one owner under one name. Made by `Store.collection`.

    Every method that writes takes ``tx``, an open transaction of the same database to take part in; without it,
    it has one of its own. Either way it writes all or, if it raises, nothing. The records of `PUBLIC_OWNER`
    are written in a transaction of `Database.maintain` only.
    """

    # Writing

    def add(
        self,
        records: Iterable[Record],
        *,
        vectors: Iterable[ArrayLike | None] | None = None,
        model: str | None = None,
        embed: bool = True,
        tx: Transaction | None = None,
    ) -> list[str]:
        """Add records.

        Args:
            records: all in one transaction; any number.
            vectors: one for each record, or None for "none yet"; of the store's embedder, or of ``model``.
            embed: whether the store's embedder is to make vectors where none are given, before the
                transaction begins. Otherwise `embed_missing` does it later.

        Returns:
            Their ids.

        Raises:
            InvalidRecord: a record no store can hold, or an id that exists. Nothing was added.
            ModelMismatch: vectors of another length than the model's.
        """
        return self._insert(list(records), vectors, model, tx, embed=embed, replace=False)

    def put(
        self,
        records: Iterable[Record],
        *,
        vectors: Iterable[ArrayLike | None] | None = None,
        model: str | None = None,
        embed: bool = True,
        tx: Transaction | None = None,
    ) -> list[str]:
        """`add`, but a record takes the place of one with the same id."""
        unique = list(records)
        if len({record.id for record in unique}) < len(unique):
            raise InvalidRecord("two of the records have the same id")
        return self._insert(unique, vectors, model, tx, embed=embed, replace=True)

    def _insert(
        self,
        records: list[Record],
        vectors: Iterable[ArrayLike | None] | None,
        model: str | None,
        tx: Transaction | None,
        *,
        embed: bool,
        replace: bool,
    ) -> list[str]:
        if not records:
            return []
        rows = [to_row(self.database, record) for record in records]
        documents = [lexical.document(0, searchable(record)) for record in records]
        packed = self._packed(records, vectors, model, embed=embed)
        with self._writing(tx) as own:
            if replace:
                self._delete(own, [record.id for record in records])
            seqs = [seq for (seq,) in own.query("next_seqs", {"n": len(records)})]
            self._add_rows(own, seqs, rows)
            lexical.add(
                own,
                self.owner,
                self.name,
                [dataclasses.replace(d, seq=seq) for seq, d in zip(seqs, documents, strict=True)],
            )
            self._add_vectors(own, packed, seqs, model)
            if steps := merging.steps_due(seqs):
                own.afterwards.append(lambda: self._keep_up(steps))
        return [record.id for record in records]

    def _keep_up(self, steps: int) -> None:
        # What was added is acknowledged, and must not look as if it failed: others are writing, the disk is full.
        # What is pending is searched as it is, and a later write folds it.
        with suppress(CapsaError):
            merging.keep_up(self.writing, self.owner, self.name, steps)

    def _add_rows(self, tx: Transaction, seqs: Sequence[int], rows: Sequence[dict[str, Any]]) -> None:
        complete = [{**self._key, "seq": seq, **row} for seq, row in zip(seqs, rows, strict=True)]
        try:
            tx.execute_many(self.database.statement("add_record"), complete)
        except sqlite3.IntegrityError as error:
            raise InvalidRecord(f"a record with this id exists already in {self.name!r} ({error})") from None
        except Exception as error:
            # The driver is an extra, so its class is known by name only.
            if type(error).__name__ != "UniqueViolation":
                raise
            raise InvalidRecord(f"a record with this id exists already in {self.name!r}") from None

    def update(self, id: str, /, *, embed: bool = True, tx: Transaction | None = None, **changes: Any) -> bool:
        """Change parts of a record; what is not named stays. Index and vectors follow the text.

        Returns:
            False if there is no such record.

        Raises:
            InvalidRecord: no store can hold the changed record, or the id is among the changes.
        """
        if "id" in changes:
            raise InvalidRecord("an id cannot be changed: add a new record and delete the old one")
        packed: list[bytes | None] = [None]
        if isinstance(changes.get("text"), str):
            # Before the transaction begins: an embedder may be slow, and others want to write.
            packed = self._packed([Record(text=changes["text"])], None, None, embed=embed)
        with self._writing(tx) as own:
            self.lock(own)
            found = self._by_id(own, [id])
            if id not in found:
                return False
            seq, before = found[id]
            try:
                after = dataclasses.replace(before, **changes)
            except TypeError:
                raise InvalidRecord(f"a record has no part {sorted(changes)}") from None
            own.query("update_record", {**self._key, "seq": seq, **to_row(self.database, after)})
            if searchable(before) != searchable(after):
                lexical.remove(own, self.owner, self.name, [seq])
                lexical.add(own, self.owner, self.name, [lexical.document(seq, searchable(after))])
            if before.text != after.text:
                self.database.vectors.remove(own, self.owner, self.name, [seq], None)
                self._add_vectors(own, packed, [seq], None)
        return True

    def delete(self, ids: Iterable[str], *, tx: Transaction | None = None) -> int:
        """Delete records with their vectors and all that the index knew of them; how many there were."""
        wanted = list(dict.fromkeys(ids))
        with self._writing(tx) as own:
            return sum(self._delete(own, wanted[i : i + _BATCH]) for i in range(0, len(wanted), _BATCH))

    def _delete(self, tx: Transaction, ids: Sequence[str]) -> int:
        self.lock(tx)
        found = self._by_id(tx, ids)
        if not found:
            return 0
        seqs = [seq for seq, _ in found.values()]
        lexical.remove(tx, self.owner, self.name, seqs)
        self.database.vectors.remove(tx, self.owner, self.name, seqs, None)
        tx.query("delete_records", {**self._key, "seqs": self.database.array(seqs)})
        return len(found)

    def clear(self, *, tx: Transaction | None = None) -> int:
        """Delete every record of the collection; how many there were."""
        with self._writing(tx) as own:
            self.lock(own)
            ((count,),) = own.execute(*self._filtered(own, "count_records", None))
            lexical.clear(own, self.owner, self.name)
            self.database.vectors.clear(own, self.owner, self.name)
            own.query("clear_records", self._key)
        return int(count)

    # Vectors

    def set_vector(
        self, id: str, vector: ArrayLike | None, model: str | None = None, *, tx: Transaction | None = None
    ) -> bool:
        """Give a record a vector, or take it away (None); False if there is no such record."""
        from capsa.store._vectors import pack

        with self._writing(tx) as own:
            self.lock(own)
            found = self._by_id(own, [id])
            if id not in found:
                return False
            space = self.space(own, model)
            seq = found[id][0]
            if space is not None:
                self.database.vectors.remove(own, self.owner, self.name, [seq], space.model.id)
            if vector is not None:
                self._add_vectors(own, [pack(vector)], [seq], model)
        return True

    def embed_missing(self, progress: Progress | None = None, batch: int = 64) -> int:
        """Make a vector of the store's embedder for every record without one; how many were made.

        Each batch is a transaction: whatever interrupts it, the next call goes on from there.

        Raises:
            EmbedderUnavailable: the store has no embedder, or it does not answer.
        """
        from capsa.store._vectors import embed_missing

        made = embed_missing(self, progress, batch)
        self.database.maintain_vectors()
        return made

    def reembed(self, progress: Progress | None = None, batch: int = 64) -> int:
        """`embed_missing`, and then remove the vectors of other models; how many were made.

        Until it ends, both stand side by side and the search goes on with either.
        """
        made = self.embed_missing(progress, batch)
        with self.writing() as tx:
            space = self.space(tx, None)
            if space is not None:
                self.database.vectors.clear(tx, self.owner, self.name, keep=space.model.id)
        return made

    def maintain(self) -> None:
        """Put the indexes in order: fold what is pending, build what the size needs. For idle times."""
        merging.finish(self.writing, self.owner, self.name)
        self.database.maintain_vectors()

    # Helpers

    def writing(self) -> AbstractContextManager[Transaction]:
        """A transaction for what the collection does by itself, to no record's content."""
        return self.database.maintain() if self.owner == PUBLIC_OWNER else self.database.write(self.owner)

    def lock(self, tx: Transaction) -> None:
        """Wait for those who change or remove records of this collection; those who only add are not in the way.

        Taken before looking at what is there, or two would act on what one of them is about to change.
        """
        self.database.lock(tx, "lexical", self.owner, self.name)

    @contextmanager
    def _writing(self, tx: Transaction | None) -> Iterator[Transaction]:
        if tx is None:
            with self.database.write(self.owner) as own:
                yield own
        else:
            with tx.savepoint():
                yield tx

    def _packed(
        self,
        records: Sequence[Record],
        vectors: Iterable[ArrayLike | None] | None,
        model: str | None,
        *,
        embed: bool,
    ) -> list[bytes | None]:
        """The vectors to store, as bytes; numpy is not loaded if there are none."""
        if vectors is None and (self.store.embedder is None or not embed):
            return [None] * len(records)
        from capsa.store._vectors import pack

        given = [None] * len(records) if vectors is None else list(vectors)
        if len(given) != len(records):
            raise InvalidRecord(f"{len(records)} records, but {len(given)} vectors")
        packed = [None if vector is None else pack(vector) for vector in given]
        missing = [i for i, vector in enumerate(packed) if vector is None]
        mine = self.store.embedder is not None and model in {None, self.store.embedder.name}
        if missing and embed and mine and self.store.embedder is not None:
            made = self.store.embedder.embed([records[i].text for i in missing])
            for i, vector in zip(missing, made, strict=True):
                packed[i] = pack(vector)
        return packed

    def _add_vectors(
        self, tx: Transaction, packed: Sequence[bytes | None], seqs: Sequence[int], model: str | None
    ) -> None:
        pairs = [(seq, vector) for seq, vector in zip(seqs, packed, strict=True) if vector is not None]
        if not pairs:
            return
        lengths = {len(vector) // 4 for _, vector in pairs}
        if len(lengths) > 1:
            raise InvalidRecord(f"vectors of one model have one length, not {sorted(lengths)}")
        space = self.space(tx, model, lengths.pop())
        assert space is not None  # noqa: S101 - the dimensions were given
        self.database.vectors.add(tx, space, pairs)
