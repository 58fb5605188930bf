"""The entries, and what is derived from each: its vector, and those of the units in it.

This is the one place that makes and removes it. Who deletes or changes an entry, by whatever way, takes its units
along, in the same transaction; nobody else writes into their collection, but for whole copies of the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from afterimage.chunking.cutting import MOST_UNITS, cut
from afterimage.chunking.units import Unit
from afterimage.entries import UNITS
from capsa import Collection, EmbedderUnavailable, Record, from_stored, named_statements, to_stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from capsa import Embedder, Transaction

#: Characters that the model reads of a text, more or less: what is longer is found by its units, too.
WINDOW = 1_000
#: Entries that lack something, looked up at once.
_LOOKED_UP = 2_000
#: An id that is longer leaves no room for the number of a unit.
_LONGEST_ID = 120
_BLANK = " \t\r\n\f\v"
#: What says where a unit stands: with another, the units are made anew.
_DERIVED_FROM = frozenset({"text", "path", "session_id", "created_at"})


class Entries(Collection):
    """The collection of entries."""

    @property
    def units(self) -> Collection:
        """The vectors of units: records without a text, whose ids and metadata say of which part of which entry."""
        return self.store.collection(UNITS, owner=self.owner)

    # Removing

    def delete(self, ids: Iterable[str], *, tx: Transaction | None = None) -> int:
        """See `Collection.delete`; with their units."""
        if tx is None:
            with self.writing() as own:
                return self.delete(ids, tx=own)
        wanted = list(ids)
        self._drop_units(wanted, tx)
        return super().delete(wanted, tx=tx)

    def clear(self, *, tx: Transaction | None = None) -> int:
        """See `Collection.clear`; with all units."""
        if tx is None:
            with self.writing() as own:
                return self.clear(tx=own)
        self.lock(tx)
        self.units.clear(tx=tx)
        return super().clear(tx=tx)

    def put(
        self,
        records: Iterable[Record],
        *,
        vectors: Iterable[ArrayLike | None] | None = None,
        model: str | None = None,
        embed: bool = True,
        tx: Transaction | None = None,
    ) -> list[str]:
        """See `Collection.put`; the units of what makes way go with it."""
        if tx is None:
            with self.writing() as own:
                return self.put(records, vectors=vectors, model=model, embed=embed, tx=own)
        wanted = list(records)
        self._drop_units([record.id for record in wanted], tx)
        return super().put(wanted, vectors=vectors, model=model, embed=embed, tx=tx)

    def update(self, id: str, /, *, embed: bool = True, tx: Transaction | None = None, **changes: Any) -> bool:
        """See `Collection.update`; units of another text, or of another place, go."""
        if tx is None:
            with self.writing() as own:
                return self.update(id, embed=embed, tx=own, **changes)
        if not _DERIVED_FROM.isdisjoint(changes):
            self._drop_units([id], tx)
        return super().update(id, embed=embed, tx=tx, **changes)

    def _drop_units(self, ids: Sequence[str], tx: Transaction) -> None:
        # First of all: whoever is making units of these entries waits, and then finds them gone or changed.
        self.lock(tx)
        self.units.delete((unit_id(id_, number) for id_ in ids for number in range(MOST_UNITS)), tx=tx)

    # Making

    def embed_missing(self, progress: Callable[[int, int], None] | None = None, batch: int = 16) -> int:
        """Give every entry that says something its vector, and long ones those of their units; how many entries.

        Each batch is a transaction: whatever interrupts it, the next call goes on from there.

        Raises:
            EmbedderUnavailable: there is no model, or it does not answer.
        """
        embedder = self.store.embedder
        if embedder is None:
            raise EmbedderUnavailable("this memory has no model: name one to make vectors")
        made = total = after = 0
        # Many at once, as each look goes over all entries.
        while waiting := self._ask("waiting", **self._lacking(embedder), after=after, limit=_LOOKED_UP):
            after = waiting[-1][0]
            if progress is not None and not total:
                total = self.waiting() if len(waiting) == _LOOKED_UP else len(waiting)
            for first in range(0, len(waiting), batch):
                lacks = {from_stored(id_): bool(itself) for _, id_, itself in waiting[first : first + batch]}
                found = self.get_many(lacks)
                for some in _bounded([_Lacking.of(record, lacks[id_]) for id_, record in found.items()], 2 * batch):
                    made += self._derive(some, embedder)
                    if progress is not None:
                        progress(made, max(total, made))
        if made:
            self.database.maintain_vectors()
        return made

    def waiting(self) -> int:
        """How many entries say something, and cannot be found by meaning yet, or not in all their parts."""
        embedder = self.store.embedder
        return 0 if embedder is None else len(self._ask("waiting", **self._lacking(embedder), after=0, limit=1 << 31))

    def blank(self) -> int:
        """How many entries say nothing, such as deletions: they are found by their path alone."""
        return int(self._ask("blank", blank=_BLANK)[0][0])

    def _derive(self, lacking: Sequence[_Lacking], embedder: Embedder) -> int:
        """Make what ``lacking`` lack, and keep it where an entry is still what was embedded; how many that were."""
        # Outside of any transaction: a model takes its time.
        vectors = iter(embedder.embed([text for one in lacking for text in one.texts()]))
        made = 0
        with self.writing() as tx:
            self.lock(tx)
            for one in lacking:
                id_, own = one.record.id, [next(vectors) for _ in one.texts()]
                if not self._still(one.record, tx):
                    continue
                if one.itself:
                    self.set_vector(id_, own.pop(0), tx=tx)
                if one.units:
                    self.units.delete((unit_id(id_, number) for number in range(MOST_UNITS)), tx=tx)
                    self.units.add(one.rows(), vectors=own, embed=False, tx=tx)
                made += 1
        return made

    def _still(self, record: Record, tx: Transaction) -> bool:
        sql = named_statements(__package__)["now"]
        rows = tx.execute(sql, {"owner": self.owner, "entries": self.name, "id": to_stored(record.id)})
        return rows == [(to_stored(record.text), None if record.path is None else to_stored(record.path))]

    def _lacking(self, embedder: Embedder) -> dict[str, Any]:
        return {
            "units": UNITS,
            "model": embedder.name,
            "blank": _BLANK,
            "window": WINDOW,
            "longest": _LONGEST_ID,
            "first": unit_id("", 0),
        }

    def _ask(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        sql = named_statements(__package__)[statement]
        with self.database.read(self.owner) as tx:
            return tx.execute(sql, {"owner": self.owner, "entries": self.name, **parameters})


def unit_id(entry: str, number: int) -> str:
    """The id of the record of a unit."""
    return f"{entry}#{number}"


def unit_of(row: Record, entry: Record) -> Unit | None:
    """The unit of ``entry`` that a record of the units tells of; None if that is not one of ours."""
    facts = row.metadata
    first, last = facts.get("first"), facts.get("last")
    if not (isinstance(first, int) and isinstance(last, int) and 1 <= first <= last):
        return None
    lines = entry.text.split("\n")
    text = "\n".join(lines[first - 1 : last])
    return Unit(str(facts.get("name", "")), str(facts.get("kind", "block")), first, min(last, len(lines)), text)


def entry_of(unit: str) -> str:
    """The id of the entry that the unit with this id is of."""
    return unit.rpartition("#")[0]


@dataclass(frozen=True, slots=True)
class _Lacking:
    """An entry that lacks vectors."""

    record: Record
    #: Whether it lacks its own.
    itself: bool
    #: Units that lack theirs.
    units: tuple[Unit, ...]

    @classmethod
    def of(cls, record: Record, itself: bool) -> Self:  # noqa: FBT001  # a field
        units: tuple[Unit, ...] = ()
        if len(record.text) > WINDOW and len(record.id) <= _LONGEST_ID:
            units = cut(record.path or "", record.text).units
            units = units or (Unit("", "block", 1, record.text.count("\n") + 1, record.text),)
        return cls(record, itself, units)

    def texts(self) -> list[str]:
        """What is embedded: itself first, if it lacks that, then its units."""
        units = [_placed(unit, self.record.path or "") for unit in self.units]
        return [self.record.text, *units] if self.itself else units

    def rows(self) -> list[Record]:
        """The records of its units. What they say stands in the entry; a filter must hold for them, too."""
        record = self.record
        return [
            Record(
                id=unit_id(record.id, number),
                text="",
                path=record.path,
                session_id=record.session_id,
                created_at=record.created_at,
                metadata={"name": unit.name, "kind": unit.kind, "first": unit.first, "last": unit.last},
            )
            for number, unit in enumerate(self.units)
        ]


def _placed(unit: Unit, path: str) -> str:
    """A unit as it is embedded: with its file and what it stands in, which are not in its text; see docs/search.md."""
    place = " ".join(part for part in ("/".join(path.split("/")[-2:]), unit.name) if part)
    return f"{place}\n{unit.text}" if place else unit.text


def _bounded(lacking: Sequence[_Lacking], most: int) -> Iterator[list[_Lacking]]:
    """In groups with so few vectors to make that there is time to stop between them."""
    group: list[_Lacking] = []
    for one in lacking:
        if group and sum(1 + len(other.units) for other in [*group, one]) > most:
            yield group
            group = []
        group.append(one)
    if group:
        yield group
