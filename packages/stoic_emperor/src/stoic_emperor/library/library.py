"""The library: what philosophers wrote, for everybody to read and search."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import capsa
from capsa import Mode
from stoic_emperor.library.importer import Importer
from stoic_emperor.library.importing import ImportReport, Progress, Tagger
from stoic_emperor.library.passages import Findings, Passage, Tags, Work
from stoic_emperor.library.shelf import Shelf

if TYPE_CHECKING:
    from capsa import Collection, Database, Embedder

#: Texts of the Stoics, and texts of psychology: searched apart.
STOIC_WISDOM = "stoic_wisdom"
PSYCHOANALYSIS = "psychoanalysis"

#: Read at most, however few passages of the wanted author or work come first.
_MAX_LOOKED_AT = 2_000


class Library:
    """One collection of passages that belongs to everybody. Thread-safe."""

    def __init__(self, database: Database, embedder: Embedder | None = None, *, collection: str = STOIC_WISDOM) -> None:
        """The library in ``database``, which stays the caller's to close.

        Args:
            embedder: finds passages by meaning; without one they are found by words.
            collection: which of the libraries.
        """
        # Named where it is used: the store loads numpy, and who only starts to talk needs none.
        self._store = capsa.Store(database, embedder=embedder)
        self._shelf = Shelf(self._store, collection)

    @property
    def collection(self) -> Collection:
        """The engine's collection underneath."""
        return self._shelf.passages

    # Filling

    def import_path(
        self,
        path: str | Path,
        *,
        author: str | None = None,
        work: str | None = None,
        source: str | None = None,
        tags: Tags | None = None,
        tagger: Tagger | None = None,
        known_as: str | None = None,
        remove_gone: bool = False,
        progress: Progress | None = None,
    ) -> ImportReport:
        """Take in a file or a folder of .txt, .md and .epub files, or of the starter library's own.

        What is there already stays as it is; of a file that changed, only what changed is written. A file that
        cannot be read does not stop the others.

        Args:
            author: instead of what the files say; those of the starter format always speak for themselves.
            work: likewise.
            source: where the texts are from, for a person; else what the file says, or its name.
            tags: for every passage, beside its own.
            tagger: asked for the tags of every new passage, and of those for which it failed before.
            known_as: the name under which a single file stays the same, wherever it lies; else its path.
            remove_gone: whether files of a folder that were imported, and are not there any more, are taken out.
            progress: called with the bytes of the files that are done, and of all.

        Raises:
            TextMissing: there is nothing at ``path``; nothing was changed.
        """
        importer = Importer(
            self._shelf,
            author=author,
            work=work,
            source=source,
            tags=tags or Tags(),
            tagger=tagger,
            known_as=known_as,
            remove_gone=remove_gone,
        )
        return importer.run(Path(path).expanduser(), progress)

    def remove(self, *, file: str | Path | None = None, author: str | None = None, work: str | None = None) -> int:
        """Take passages out: of a file, by the name a passage bears or by its path, or of an author, a work, or both.

        Returns:
            How many there were.

        Raises:
            ValueError: nothing says which.
        """
        if file is None and author is None and work is None:
            raise ValueError("name the file, the author or the work to remove")
        names = None if file is None else {str(file), str(Path(file).expanduser().resolve())}
        gone = [passage.id for passage in self._shelf.browse(author, work) if names is None or passage.file in names]
        return self._shelf.remove(gone)

    def clear(self) -> None:
        """Take everything out."""
        self._shelf.clear()

    def had_starter(self) -> bool:
        """Whether the starter library was read in once, whatever became of it."""
        return self._shelf.had_starter()

    def note_starter(self) -> None:
        """It has been read in, all of it."""
        self._shelf.note_starter()

    # Finding

    def search(
        self,
        query: str,
        limit: int = 5,
        *,
        author: str | None = None,
        work: str | None = None,
        mode: Mode | str = Mode.HYBRID,
        tx: capsa.Transaction | None = None,
    ) -> Findings:
        """The passages that fit what is asked, best first; as of ``tx``, anybody's transaction, or of now."""
        if author is None and work is None:
            return self._found(query, mode, limit, tx)
        looked_at = max(50, limit * 10)
        while True:
            found = self._found(query, mode, looked_at, tx)
            fitting = tuple(passage for passage in found if _is_of(passage, author, work))
            if len(fitting) >= limit or len(found) < looked_at or looked_at >= _MAX_LOOKED_AT:
                return Findings(fitting[:limit], found.mode, found.notes)
            looked_at = min(looked_at * 4, _MAX_LOOKED_AT)

    def _found(self, query: str, mode: Mode | str, limit: int, tx: capsa.Transaction | None) -> Findings:
        result = self.collection.search(query, mode=mode, limit=limit, tx=tx)
        passages = tuple(Passage.from_record(hit.record, hit=hit) for hit in result)
        return Findings(passages, result.mode, result.notes)

    def holding(self, words: str, limit: int) -> list[Passage] | None:
        """Passages among which are all that have every one of the words; None if they are more than ``limit``."""
        records = self.collection.holding(words, limit)
        return None if records is None else [Passage.from_record(record) for record in records]

    def get(self, id: str) -> Passage | None:
        """The passage with this id, or None."""
        record = self.collection.get(id)
        return None if record is None else Passage.from_record(record)

    def around(self, passage: Passage, reach: int = 2) -> tuple[list[Passage], list[Passage]]:
        """What stands before and after a passage in its book, in order; at most so many of each."""
        same = self._shelf.edition(passage)
        at = next((i for i, other in enumerate(same) if other.id == passage.id), None)
        if at is None:
            return [], []
        return same[max(0, at - reach) : at], same[at + 1 : at + 1 + reach]

    def browse(self, author: str | None = None, work: str | None = None) -> Iterator[Passage]:
        """The passages of an author, a work, or all, file by file in the order of the text; a work in its own order."""
        return self._shelf.browse(author, work)

    def works(self) -> list[Work]:
        """What there is, by author and work."""
        return self._shelf.works()

    def count(self) -> int:
        """How many passages there are."""
        return self.collection.count()


def _is_of(passage: Passage, author: str | None, work: str | None) -> bool:
    return author in {None, passage.author} and work in {None, passage.work}
