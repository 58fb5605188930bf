"""Files -> passages in the library: what is new is embedded before the transaction, what is there stays."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capsa import EmbedderUnavailable, Record
from stoic_emperor.errors import NotAText, TextUnreadable
from stoic_emperor.library.chunks import chunks
from stoic_emperor.library.documents import Document
from stoic_emperor.library.importing import FileReport, ImportReport, Outcome, Progress, Tagger
from stoic_emperor.library.passages import Kind, Passage, Tags
from stoic_emperor.library.reading import find_files, read_document
from stoic_emperor.library.shelf import TIMELESS, Shelf, key_of, shelved

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Texts embedded at once: often enough to show progress, seldom enough to cost nothing.
_BATCH = 64
#: New passages that are written together, in one transaction.
_TOGETHER = 512
#: Passages written between two rounds of upkeep of the index.
_FOLDED_AT = 8_192
#: A model that fails so often in a row is not asked again during this import.
_PATIENCE = 3


@dataclass(slots=True)
class _Plan:
    """What is to become of one file."""

    file: str
    size: int
    hash: str
    wanted: dict[str, Record]
    stored: dict[str, Record]
    detail: str = ""

    @property
    def new(self) -> list[Record]:
        return [record for id_, record in self.wanted.items() if id_ not in self.stored]

    @property
    def gone(self) -> list[str]:
        return [id_ for id_ in self.stored if id_ not in self.wanted]

    @property
    def changed(self) -> list[Record]:
        """Those whose text is the same, and something else is not."""
        return [
            record
            for id_, record in self.wanted.items()
            if id_ in self.stored and _about(record) != _about(self.stored[id_])
        ]


def _about(record: Record) -> tuple[Any, ...]:
    return record.title, record.context, dict(record.metadata)


@dataclass(kw_only=True)
class Importer:
    """One import."""

    shelf: Shelf = field(kw_only=False)
    author: str | None
    work: str | None
    source: str | None
    tags: Tags
    tagger: Tagger | None
    known_as: str | None = None
    remove_gone: bool = False
    _reports: list[FileReport] = field(default_factory=list)
    _notes: list[str] = field(default_factory=list)
    _pending: list[_Plan] = field(default_factory=list)
    _untagged: int = 0
    _failures: int = 0
    _unfolded: int = 0

    def run(self, path: Path, progress: Progress | None) -> ImportReport:
        """See `Library.import_path`."""
        files, left = find_files(path)
        root = path if path.is_dir() else path.parent
        if path.is_dir():
            self._look_for_gone(path)
        counted = _Counted(progress, sum(_size(file) for file in files))
        known = {file.hash: file.name for file in self.shelf.files().values() if file.hash}
        for file in files:
            shown = file.relative_to(root).as_posix()
            try:
                self._plan(file, shown, read_document(file), known, counted)
            except TextUnreadable as error:
                outcome = Outcome.SKIPPED if isinstance(error, NotAText) else Outcome.FAILED
                self._reports.append(FileReport(file=shown, outcome=outcome, detail=str(error)))
                counted.done(_size(file))
            if sum(len(plan.new) for plan in self._pending) >= _TOGETHER:
                self._flush(counted)
        self._flush(counted)
        if self._unfolded:
            self.shelf.passages.maintain()
        self._reports.extend(
            FileReport(file=file.relative_to(root).as_posix(), outcome=Outcome.SKIPPED, detail=why)
            for file, why in left
        )
        reports = sorted(self._reports, key=lambda report: report.file)
        return ImportReport(files=tuple(reports), notes=(*self._notes, *self._told_of_tags()))

    def _look_for_gone(self, folder: Path) -> None:
        """Files of the folder that the library has, and that are not there any more; before those of other names."""
        here = folder.resolve()
        for file in sorted(self.shelf.files().values(), key=lambda file: file.name):
            place = Path(file.name)
            if not (place.is_absolute() and place.is_relative_to(here)) or place.exists():
                continue
            shown = place.relative_to(here).as_posix()
            if self.remove_gone:
                removed = self.shelf.remove(self.shelf.records_of(file.key))
                self._reports.append(FileReport(file=shown, outcome=Outcome.REMOVED, removed=removed))
            else:
                detail = f"it is not in the folder any more; its {file.passages:,} passages stay in the library"
                self._reports.append(FileReport(file=shown, outcome=Outcome.GONE, detail=detail))

    # What is to be done

    def _plan(self, file: Path, shown: str, document: Document, known: dict[str, str], counted: _Counted) -> None:
        name = document.name or self.known_as or file.resolve().as_posix()
        wanted = self._records(name, file, document)
        digest = _digest(_identity(record) for record in wanted)
        size, notes = _size(file), "; ".join(document.notes)
        for old in [old for old, whose in known.items() if whose == name and old != digest]:
            del known[old]
        other = known.setdefault(digest, name)
        if other != name:
            detail = f"the same as {other}, which the library has"
            self._reports.append(FileReport(file=shown, outcome=Outcome.UNCHANGED, kept=len(wanted), detail=detail))
            counted.done(size)
            return
        stored = self.shelf.records_of(key_of(name))
        plan = _Plan(shown, size, digest, {record.id: record for record in wanted}, stored, notes)
        self._tag(plan)
        if plan.new or plan.gone or plan.changed:
            self._pending.append(plan)
            return
        self._reports.append(FileReport(file=shown, outcome=Outcome.UNCHANGED, kept=len(wanted), detail=notes))
        counted.done(size)

    def _records(self, name: str, file: Path, document: Document) -> list[Record]:
        mine = document.kind is Kind.REFLECTION
        author = document.author if mine else self.author or document.author
        work = document.work if mine else self.work or document.work or file.stem
        source = self.source or document.source or file.name
        key, seen, records = key_of(name), dict[str, int](), list[Record]()
        for position, chunk in enumerate(chunks(document.sections)):
            section = chunk.section
            tags = self.tags | document.tags | section.tags
            content = _digest([chunk.text, section.place or ""])[:24]
            # The same words may stand in a text twice.
            seen[content] = seen.get(content, 0) + 1
            about = {
                "kind": document.kind.value,
                "source": source,
                "author": author,
                "work": work,
                "place": section.place,
                "classical_tags": list(tags.classical),
                "modern_tags": list(tags.modern),
                "themes": list(tags.themes),
                "file": name,
                "hash": _digest([chunk.text]),
                "position": position,
                "overlap": chunk.overlap,
            }
            records.append(
                Record(
                    id=f"{key[:16]}:{content}" + (f":{seen[content]}" if seen[content] > 1 else ""),
                    text=chunk.text,
                    title=section.title,
                    context=tags.words(),
                    session_id=key,
                    created_at=TIMELESS,
                    metadata={k: v for k, v in about.items() if v is not None},
                )
            )
        return records

    # Tags of a model

    def _tag(self, plan: _Plan) -> None:
        """Let those keep what a model once said of them, and ask it about the others."""
        for id_, record in plan.wanted.items():
            before = plan.stored.get(id_)
            if before is not None and before.metadata.get("tagged"):
                told: Tags | None = Passage.from_record(before).tags
            else:
                told = self._ask(record.text)
            if told is not None:
                plan.wanted[id_] = _tagged(record, told)

    def _ask(self, text: str) -> Tags | None:
        if self.tagger is None:
            return None
        if self._failures < _PATIENCE:
            try:
                told = self.tagger(text)
            except Exception as error:  # noqa: BLE001 - whatever a model fails with, the text is worth having
                self._failures += 1
                self._untagged += 1
                self._notes.append(f"a passage was imported without a model's tags: {error}")
                return None
            self._failures = 0
            return told
        self._untagged += 1
        return None

    def _told_of_tags(self) -> list[str]:
        if not self._untagged:
            return []
        given_up = f"; after {_PATIENCE} failures in a row the model was not asked any more" * (
            self._failures >= _PATIENCE
        )
        return [f"{self._untagged:,} passages have no tags of a model{given_up}: import again to have them tagged"]

    # Doing it

    def _flush(self, counted: _Counted) -> None:
        plans, self._pending = self._pending, []
        if not plans:
            return
        vectors = [self._embedded(plan, counted) for plan in plans]
        with self.shelf.store.database.maintain() as tx:
            passages = self.shelf.passages
            for plan, made in zip(plans, vectors, strict=True):
                passages.delete(plan.gone, tx=tx)
                for record in plan.changed:
                    passages.update(
                        record.id, title=record.title, context=record.context, metadata=record.metadata, tx=tx
                    )
                # Another import of the same file may have been faster: what is there gives way.
                passages.put(plan.new, vectors=made, embed=False, tx=tx)
                name = next(iter(plan.wanted.values())).metadata["file"]
                self.shelf.put_file(shelved(name, plan.hash, plan.wanted.values()), tx)
        self._reports.extend(_report(plan) for plan in plans)
        self._unfolded += sum(len(plan.new) + len(plan.gone) for plan in plans)
        if self._unfolded >= _FOLDED_AT:
            # Whoever searches meanwhile, or after this process was killed, need not wade through what is not indexed.
            self.shelf.passages.maintain()
            self._unfolded = 0

    def _embedded(self, plan: _Plan, counted: _Counted) -> Sequence[NDArray[Any] | None]:
        texts = [record.text for record in plan.new]
        made: list[NDArray[Any] | None] = []
        spent = 0
        for start in range(0, len(texts), _BATCH):
            made.extend(self._vectors(texts[start : start + _BATCH]))
            now = plan.size * len(made) // len(texts)
            counted.done(now - spent)
            spent = now
        counted.done(plan.size - spent)
        return made

    def _vectors(self, texts: list[str]) -> Sequence[NDArray[Any] | None]:
        embedder = self.shelf.store.embedder
        if embedder is None:
            return [None] * len(texts)
        try:
            return list(embedder.embed(texts))
        except EmbedderUnavailable as error:
            note = f"texts were imported without vectors and are found by words until they are embedded: {error}"
            if note not in self._notes:
                self._notes.append(note)
            return [None] * len(texts)


@dataclass(slots=True)
class _Counted:
    """Tells how far the import is."""

    progress: Progress | None
    total: int
    sofar: int = 0

    def done(self, size: int) -> None:
        self.sofar += size
        if self.progress is not None:
            self.progress(min(self.sofar, self.total), self.total)


def _report(plan: _Plan) -> FileReport:
    new, changed = len(plan.new), len(plan.changed)
    return FileReport(
        file=plan.file,
        outcome=Outcome.CHANGED if plan.stored else Outcome.ADDED,
        added=new,
        kept=len(plan.wanted) - new - changed,
        updated=changed,
        removed=len(plan.gone),
        detail=plan.detail,
    )


def _tagged(record: Record, told: Tags) -> Record:
    own = Passage.from_record(record).tags
    tags = own | told
    about = {
        **record.metadata,
        "classical_tags": list(tags.classical),
        "modern_tags": list(tags.modern),
        "themes": list(tags.themes),
        "tagged": True,
    }
    return dataclasses.replace(record, context=tags.words(), metadata=about)


def _identity(record: Record) -> str:
    about = record.metadata
    return "\0".join([record.text, *(str(about.get(name)) for name in ("author", "work", "place"))])


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
