"""Where the passages stand: collections of the public owner, one of passages and one of their files.

The second says which files there are, so that a changed file, a copy under another name, and the list of
works need no walk over all passages. Passages that came without a file, from a migrated library, are found by one.
A third has a row once the starter library was read in.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capsa import PUBLIC_OWNER, Filter, Record
from stoic_emperor.library.order import in_order
from stoic_emperor.library.passages import Passage, Work

if TYPE_CHECKING:
    from capsa import Store, Transaction

#: The time of what is in a library: the same in each, whenever it was read in, so that two libraries hold equal rows.
TIMELESS = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class ShelvedFile:
    """A file of which the library has passages."""

    name: str
    #: Of all that was taken from it.
    hash: str
    passages: int
    #: (author, work) -> passages.
    works: tuple[tuple[str | None, str | None, int], ...]

    @property
    def key(self) -> str:
        """The session of its passages: short, whatever the name."""
        return key_of(self.name)

    def to_record(self) -> Record:
        """As it is stored."""
        about = {"hash": self.hash, "passages": self.passages, "works": [list(work) for work in self.works]}
        return Record(id=self.key, text=self.name, created_at=TIMELESS, metadata=about)

    @classmethod
    def from_record(cls, record: Record) -> ShelvedFile:
        """As it was stored."""
        about = record.metadata
        works = tuple((author, work, count) for author, work, count in about["works"])
        return cls(name=record.text, hash=about["hash"], passages=about["passages"], works=works)


def key_of(name: str) -> str:
    """What stands for a file's name in keys, which have a bounded length."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Shelf:
    """Reads and writes passages together with what is known of their files."""

    def __init__(self, store: Store, collection: str) -> None:
        self.store = store
        self.passages = store.collection(collection, owner=PUBLIC_OWNER)
        self._files = store.collection(f"{collection}.files", owner=PUBLIC_OWNER)
        self._starter = store.collection(f"{collection}.starter", owner=PUBLIC_OWNER)

    def files(self) -> dict[str, ShelvedFile]:
        """By key."""
        return {record.id: ShelvedFile.from_record(record) for record in self._files.iterate()}

    def records_of(self, key: str) -> dict[str, Record]:
        """The stored passages of one file, by id."""
        return {record.id: record for record in self.passages.iterate(Filter(session_id=key))}

    def put_file(self, file: ShelvedFile, tx: Transaction) -> None:
        """Note what the library now has of a file."""
        if file.passages:
            self._files.put([file.to_record()], embed=False, tx=tx)
        else:
            self._files.delete([file.key], tx=tx)

    def browse(self, author: str | None, work: str | None) -> Iterator[Passage]:
        """See `Library.browse`."""
        files = self.files()
        of_files = self._of_files(files, author, work)
        yield from of_files if author is None or work is None else _book(of_files)
        if not self._complete(files):
            for record in self.passages.iterate():
                passage = Passage.from_record(record)
                mine = author in {None, passage.author} and work in {None, passage.work}
                if mine and record.session_id not in files:
                    yield passage

    def _of_files(self, files: dict[str, ShelvedFile], author: str | None, work: str | None) -> Iterator[Passage]:
        """File by file, as they stand there."""
        for key, file in sorted(files.items(), key=lambda item: item[1].name):
            if not any(author in {None, a} and work in {None, w} for a, w, _ in file.works):
                continue
            found = [Passage.from_record(record) for record in self.records_of(key).values()]
            yield from (
                passage
                for passage in sorted(found, key=lambda passage: passage.position)
                if author in {None, passage.author} and work in {None, passage.work}
            )

    def edition(self, passage: Passage) -> list[Passage]:
        """The passages of the same work in the same words, a translation's for one, in the order of the book."""
        if passage.file is None:
            return []
        mine = (passage.author, passage.work, passage.kind, passage.source)
        found = self._of_files(self.files(), passage.author, passage.work)
        return in_order(other for other in found if (other.author, other.work, other.kind, other.source) == mine)

    def works(self) -> list[Work]:
        """See `Library.works`."""
        files = self.files()
        counts: Counter[tuple[str | None, str | None]] = Counter()
        if self._complete(files):
            for file in files.values():
                for author, work, count in file.works:
                    counts[author, work] += count
        else:
            for record in self.passages.iterate():
                passage = Passage.from_record(record)
                counts[passage.author, passage.work] += 1
        ordered = sorted(counts.items(), key=lambda item: tuple(part or "" for part in item[0]))
        return [Work(author=author, work=work, passages=count) for (author, work), count in ordered]

    def _complete(self, files: dict[str, ShelvedFile]) -> bool:
        return sum(file.passages for file in files.values()) == self.passages.count()

    def remove(self, ids: Iterable[str]) -> int:
        """Take passages out, and note it of their files."""
        wanted = list(ids)
        if not wanted:
            return 0
        keys = {record.session_id for record in self.passages.get_many(wanted).values()}
        files = self.files()
        left = {key: self._without(files[key], set(wanted)) for key in keys if key in files}
        with self.store.database.maintain() as tx:
            gone = self.passages.delete(wanted, tx=tx)
            for file in left.values():
                self.put_file(file, tx)
        return gone

    def clear(self) -> None:
        """Take everything out."""
        with self.store.database.maintain() as tx:
            self.passages.clear(tx=tx)
            self._files.clear(tx=tx)

    def had_starter(self) -> bool:
        """See `Library.had_starter`."""
        return self._starter.count() > 0

    def note_starter(self) -> None:
        """See `Library.note_starter`."""
        noted = Record(id="starter", text="the starter library was read in", created_at=TIMELESS)
        with self.store.database.maintain() as tx:
            self._starter.put([noted], embed=False, tx=tx)

    def _without(self, file: ShelvedFile, gone: set[str]) -> ShelvedFile:
        rest = [record for id_, record in self.records_of(file.key).items() if id_ not in gone]
        # Not what was imported any more: the next import of the file puts it back.
        return shelved(file.name, "", rest)


def _book(passages: Iterable[Passage]) -> Iterator[Passage]:
    """One work: each edition in the order of the book."""
    editions: dict[tuple[str, str], list[Passage]] = {}
    for passage in passages:
        editions.setdefault((passage.kind, passage.source or ""), []).append(passage)
    for edition in editions.values():
        yield from in_order(edition)


def shelved(name: str, hash_: str, records: Iterable[Record]) -> ShelvedFile:
    """What is noted of a file with these passages."""
    counts = Counter((record.metadata.get("author"), record.metadata.get("work")) for record in records)
    works = tuple((author, work, count) for (author, work), count in counts.items())
    return ShelvedFile(name=name, hash=hash_, passages=counts.total(), works=works)
