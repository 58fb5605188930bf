"""Bringing journals into a person's memory: one conversation a file, each piece of it found again like a turn.

The same file with the same text is imported once: the conversation's id follows from both.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stoic_emperor.errors import NotFound, TextMissing, TextUnreadable
from stoic_emperor.library.documents import decode, read_bytes
from stoic_emperor.memory.recall import Recall, Vectors
from stoic_emperor.models import Message, Role, now
from stoic_emperor.text import plain_line, whole

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person
    from stoic_emperor.safety import ResourceCard, SafetyDesk

#: Bytes of the files that are done, and of all.
Progress = Callable[[int, int], None]

_ENDINGS = (".md", ".txt")
#: Characters of one piece: what the analysis reads at once.
_PIECE = 6_000
#: Pieces that are embedded between two words about how far it is.
_BATCH = 16
_NAMESPACE = uuid.UUID("6c1d1f0e-6a2f-5f0a-9d0e-6a8b6d1a4f53")
_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_MARK = "Kept from your journal."


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalReport:
    """What became of the files."""

    imported: tuple[str, ...]
    #: There already, with the same text.
    unchanged: tuple[str, ...]
    #: File -> why not.
    failed: tuple[tuple[str, str], ...]
    #: Of those imported, the files that are there with another text, too, and the conversation that holds it.
    changed: tuple[tuple[str, str], ...] = ()
    #: Files of the folder that are no journal by their names.
    passed_over: tuple[str, ...] = ()
    #: To be shown: something in them may mean danger.
    card: ResourceCard | None = None


def import_journal(
    person: Person, recall: Recall, desk: SafetyDesk, path: Path, progress: Progress | None = None
) -> JournalReport:
    """Bring a file, or all .md and .txt files of a folder, into a person's memory.

    Args:
        desk: looks at every piece as at every message; what may mean danger is not analysed, and help is shown.

    Raises:
        TextMissing: there is nothing at ``path``; nothing was changed.
        NotFound: the person is not known, or no more.
    """
    files, others = _files(path)
    earlier = _earlier(person)
    user = person.get()
    analyse = user is not None and user.remembers
    country = None if user is None else user.country
    card: ResourceCard | None = None
    total = sum(file.stat().st_size for file in files)
    before = 0

    def told(share: float) -> None:
        if progress is not None:
            progress(before + int(share * size), total)

    def waits(piece: str) -> bool:
        return analyse and desk.before(piece).card is None

    imported: list[str] = []
    unchanged: list[str] = []
    failed: list[tuple[str, str]] = []
    changed: list[tuple[str, str]] = []
    for file in files:
        size = file.stat().st_size
        told(0)
        name = _name_of(file, path)
        try:
            text = decode(read_bytes(file)).text.replace("\r\n", "\n").replace("\r", "\n")
        except TextUnreadable as error:
            failed.append((name, str(error)))
            before += size
            continue
        if _import(person, recall, file, name, text, waits=waits, told=told):
            imported.append(name)
            changed += [(name, session_id) for session_id in earlier.get(name, ())]
            card = card or desk.before(text, country).card
        else:
            unchanged.append(name)
        before += size
    if progress is not None:
        progress(total, total)
    return JournalReport(
        imported=tuple(imported),
        unchanged=tuple(unchanged),
        failed=tuple(failed),
        changed=tuple(changed),
        passed_over=tuple(_name_of(file, path) for file in others),
        card=card,
    )


def _files(path: Path) -> tuple[list[Path], list[Path]]:
    """What is to be imported, and what else lies there that is not hidden."""
    if path.is_file():
        return [path], []
    if not path.is_dir():
        raise TextMissing(f"there is no file or folder {path}: name one that exists; nothing was changed")
    inside = path.resolve()
    # A link may lead out of the folder, to what nobody meant to import.
    found = [f for f in sorted(path.rglob("*")) if f.is_file() and f.resolve().is_relative_to(inside)]
    journal = [file for file in found if file.suffix.lower() in _ENDINGS]
    hidden = {file for file in found if any(part.startswith(".") for part in file.relative_to(path).parts)}
    return journal, [file for file in found if file not in {*journal, *hidden}]


def _name_of(file: Path, path: Path) -> str:
    # A name that is not UTF-8 holds halves of characters, which no database takes.
    return whole(str(file.relative_to(path)) if path.is_dir() else file.name)


def _earlier(person: Person) -> dict[str, list[str]]:
    """File -> the conversations that were made of it before."""
    found: dict[str, list[str]] = {}
    for listed in person.sessions():
        if listed.session.metadata.get("source") == "import":
            found.setdefault(str(listed.session.metadata.get("file")), []).append(listed.session.id)
    return found


def _import(
    person: Person,
    recall: Recall,
    file: Path,
    name: str,
    text: str,
    *,
    waits: Callable[[str], bool],
    told: Callable[[float], None],
) -> bool:
    digest = hashlib.sha256(text.encode()).hexdigest()
    session_id = str(uuid.uuid5(_NAMESPACE, f"{person.user_id}\0{name}\0{digest}"))
    if person.session(session_id) is not None:
        return False
    written_at = _date_of(file)
    pieces = list(_pieces(text))
    said = [
        Message(session_id=session_id, role=Role.USER, content=piece, created_at=written_at + dt.timedelta(seconds=i))
        for i, piece in enumerate(pieces)
    ]
    vectors: Vectors | None = []
    for start in range(0, len(pieces), _BATCH):
        told(start / len(pieces))
        made = recall.vectors(pieces[start : start + _BATCH])
        vectors = None if vectors is None or made is None else vectors + made
    analysed = [waits(piece) for piece in pieces]
    with person.writing() as tx:
        # Erased meanwhile: then nothing of them comes back.
        if person.get(tx=tx) is None:
            raise NotFound(f"there is no user {person.user_id!r}, or no more: nothing was imported")
        person.begin_session(
            session_id=session_id,
            title=plain_line(file.stem[:100]) or None,
            metadata={"source": "import", "file": name, "sha256": digest, "analysed": any(analysed)},
            created_at=written_at,
            tx=tx,
        )
        for message, waiting in zip(said, analysed, strict=True):
            person.add_message(message, tx=tx)
            mark = Message(
                session_id=session_id,
                role=Role.EMPEROR,
                content=_MARK,
                created_at=message.created_at,
                semantic_processed_at=None if waiting else now(),
            )
            person.add_message(mark, tx=tx)
        recall.add_journal(said, vectors, name, tx)
    return True


def _date_of(file: Path) -> dt.datetime:
    """The date in the file's name, else when it was last written."""
    if match := _DATE.search(file.name):
        try:
            return dt.datetime(int(match[1]), int(match[2]), int(match[3]), 12, tzinfo=dt.UTC)
        except ValueError:
            # Looks like a date, and is none.
            pass
    return dt.datetime.fromtimestamp(file.stat().st_mtime, dt.UTC)


def _pieces(text: str) -> Iterator[str]:
    """The text in paragraphs, as many together as a piece holds."""
    piece = ""
    for paragraph in re.split(r"\n\s*\n", text):
        for start in range(0, len(paragraph), _PIECE):
            part = paragraph[start : start + _PIECE].strip()
            if piece and len(piece) + len(part) > _PIECE:
                yield piece
                piece = ""
            piece = f"{piece}\n\n{part}" if piece and part else piece or part
    if piece:
        yield piece
