"""Everything that is kept of a person, as JSON and as Markdown, for the person."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stoic_emperor.memory.put_aside import put_aside
from stoic_emperor.memory.recall import Recall
from stoic_emperor.models import Role, Session, now

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person

FORMAT = "stoic-emperor-export"
VERSION = 1
_TITLE = "# What Stoic Emperor remembers of "
#: How each export of everything begins, and, as JSON, that of a conversation.
_BEGINNINGS = (f'{{\n "format": "{FORMAT}"'.encode(), _TITLE.encode())


def write_export(person: Person, recall: Recall, file: Path) -> None:
    """Write all of it to a new file that only its owner may read: as Markdown if its name ends so, else as JSON.

    Raises:
        FileExistsError: an existing file is not overwritten.
    """
    markdown = file.suffix.lower() in {".md", ".markdown"}
    pieces = export_markdown(person) if markdown else export_json(person, recall)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as opened:
        for piece in pieces:
            opened.write(piece)


def exports_in(folder: Path) -> Iterator[Path]:
    """The exports that lie in a folder, whosever they are: what was erased since may stand in them."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        try:
            if path.is_file() and _begins(path).startswith(_BEGINNINGS):
                yield path
        except OSError:
            # What may not be read by who wrote it is none of theirs.
            continue


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(max(map(len, _BEGINNINGS)))


def export_json(person: Person, recall: Recall) -> Iterator[str]:
    """The whole of it as one JSON document, in pieces; vectors are left out, as they follow from the texts."""
    user = person.get()
    head = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": now().isoformat(),
        "user": None if user is None else user.model_dump(mode="json"),
    }
    yield json.dumps(head, ensure_ascii=True, indent=1)[:-2]
    yield from _list("sessions", _sessions(person))
    yield from _list("insights", (insight.model_dump(mode="json") for insight in person.insights()))
    yield from _list("summaries", (summary.model_dump(mode="json") for summary in person.summaries()))
    yield from _list("profiles", (profile.model_dump(mode="json") for profile in person.profiles()))
    own = {insight.id for insight in person.insights()}
    yield from _list(
        "search_only",
        (
            {
                "id": record.id,
                "text": record.text,
                "session_id": record.session_id,
                "created_at": record.created_at.isoformat(),
                "metadata": dict(record.metadata),
            }
            for collection in (recall.episodes, recall.insights)
            for record in collection.iterate()
            # What stands in the lists above is not told twice.
            if record.id not in own and record.metadata.get("type") != "conversation_turn"
        ),
    )
    with person.reading() as tx:
        theirs, _ = put_aside(person, tx)
    yield from _list(
        "put_aside", ({"part": row.part, "reason": row.reason, "row": dict(row.columns)} for row in theirs)
    )
    yield "\n}\n"


def _sessions(person: Person) -> Iterator[dict[str, Any]]:
    for listed in person.sessions():
        yield _conversation(person, listed.session)


def _conversation(person: Person, session: Session) -> dict[str, Any]:
    messages = [message.model_dump(mode="json") for message in person.messages(session.id)]
    return {**session.model_dump(mode="json"), "messages": messages}


def conversation_json(person: Person, session: Session) -> str:
    """One conversation as a JSON document."""
    return json.dumps({"format": FORMAT, "version": VERSION, "session": _conversation(person, session)}, indent=1)


def conversation_markdown(person: Person, session: Session, heading: str = "#") -> Iterator[str]:
    """One conversation to read, in pieces."""
    title = session.title or f"Conversation of {session.created_at:%Y-%m-%d %H:%M}"
    yield f"{heading} {_line(title)}\n\n"
    for message in person.messages(session.id):
        who = "You" if message.role == Role.USER else "Marcus"
        yield f"**{who}**, {message.created_at:%Y-%m-%d %H:%M}\n\n{message.content}\n\n"


def _list(name: str, items: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield f',\n "{name}": ['
    separator = "\n  "
    for item in items:
        # Lone surrogates of old files have an ASCII spelling only.
        yield separator + json.dumps(item, ensure_ascii=True)
        separator = ",\n  "
    yield "\n ]"


def export_markdown(person: Person) -> Iterator[str]:
    """The whole of it to read, in pieces."""
    user = person.get()
    name = user.name if user is not None and user.name else person.user_id
    yield f"{_TITLE}{_line(name)}\n\n"
    for profile in person.profiles(1):
        yield f"## Portrait (version {profile.version}, {profile.created_at:%Y-%m-%d})\n\n{profile.content}\n\n"
    if insights := person.insights():
        yield "## Insights\n\n"
        for insight in insights:
            yield f"- {_line(insight.assertion)} ({insight.confidence:.0%}, {insight.created_at:%Y-%m-%d})\n"
        yield "\n"
    if summaries := person.summaries():
        yield "## Summaries\n\n"
        for summary in summaries:
            yield f"### {summary.period_start:%Y-%m-%d} to {summary.period_end:%Y-%m-%d}\n\n{summary.content}\n\n"
    for listed in reversed(person.sessions()):
        yield from conversation_markdown(person, listed.session, "##")


def _line(text: str) -> str:
    return " ".join(text.split())
