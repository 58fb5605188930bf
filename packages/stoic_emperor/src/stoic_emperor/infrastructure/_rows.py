"""From rows to values and back. Texts are stored in the engine's reversible spelling: PostgreSQL holds no NUL."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from capsa import Database as Engine
from capsa import from_stored, to_stored
from stoic_emperor.models import (
    CondensedSummary,
    Message,
    Profile,
    PsychUpdate,
    SemanticInsight,
    Session,
    Status,
    User,
)
from stoic_emperor.text import all_whole, whole

Row = Sequence[Any]


class Rows:
    """Reads and writes the rows of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def parameters(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values as parameters of a statement: texts spelled reversibly, times as the dialect has them."""
        return {name: self._parameter(value) for name, value in values.items()}

    def _parameter(self, value: Any) -> Any:
        if isinstance(value, str):
            return to_stored(value)
        if isinstance(value, dt.datetime):
            return self._engine.time(value)
        return value

    def time(self, value: Any) -> dt.datetime | None:
        return None if value is None else self._engine.datetime(value)

    def user(self, row: Row) -> User:
        id_, name, created_at, consent_at, asked_at, paused_at, country = row
        return User(
            id=text(id_),
            name=optional(name),
            created_at=self._engine.datetime(created_at),
            consent_at=self.time(consent_at),
            asked_at=self.time(asked_at),
            paused_at=self.time(paused_at),
            country=optional(country),
        )

    def session(self, row: Row) -> Session:
        id_, user_id, created_at, title, metadata = row[:5]
        read = read_json(metadata)
        return Session(
            id=text(id_),
            user_id=text(user_id),
            created_at=self._engine.datetime(created_at),
            title=optional(title),
            metadata=read if isinstance(read, dict) else {},
        )

    def message(self, row: Row) -> Message:
        id_, session_id, role, content, psych_update, created_at, processed_at, status = row
        return Message(
            id=text(id_),
            session_id=text(session_id),
            role=text(role),
            content=text(content),
            psych_update=read_psych_update(psych_update),
            created_at=self._engine.datetime(created_at),
            semantic_processed_at=self.time(processed_at),
            status=Status(status),
        )

    def insight(self, row: Row) -> SemanticInsight:
        id_, user_id, source, assertion, confidence, created_at, edited_at = row
        return SemanticInsight(
            id=text(id_),
            user_id=text(user_id),
            source_message_id=optional(source),
            assertion=text(assertion),
            # An old file may hold any number.
            confidence=min(max(confidence, 0.0), 1.0),
            created_at=self._engine.datetime(created_at),
            edited_at=self.time(edited_at),
        )

    def summary(self, row: Row) -> CondensedSummary:
        id_, user_id, level, content, start, end, messages, words, sources, log, created_at, into = row
        read = read_json(sources)
        return CondensedSummary(
            id=text(id_),
            user_id=text(user_id),
            level=level,
            content=text(content),
            period_start=self._engine.datetime(start),
            period_end=self._engine.datetime(end),
            source_message_count=messages,
            source_word_count=words,
            source_summary_ids=[str(item) for item in read] if isinstance(read, list) else [],
            consensus_log=read_json(log),
            created_at=self._engine.datetime(created_at),
            condensed_into=optional(into),
        )

    def profile(self, row: Row) -> Profile:
        id_, user_id, version, content, log, created_at = row
        return Profile(
            id=text(id_),
            user_id=text(user_id),
            version=version,
            content=text(content),
            consensus_log=read_json(log),
            created_at=self._engine.datetime(created_at),
        )


def text(stored: str) -> str:
    """A stored text as it was given; half a character, which old files may hold, is shown as U+FFFD."""
    return whole(from_stored(stored))


def optional(stored: str | None) -> str | None:
    """The same, or None."""
    return None if stored is None else text(stored)


def write_json(value: Any) -> str | None:
    """JSON text for a column; None stays NULL."""
    return None if value is None else json.dumps(value, ensure_ascii=False)


def read_json(stored: str | None) -> Any:
    """What a JSON column holds; None if there is nothing, or what an old file has there is no JSON."""
    if stored is None:
        return None
    try:
        return all_whole(json.loads(from_stored(stored)))
    except (ValueError, RecursionError):
        return None


def read_psych_update(stored: str | None) -> PsychUpdate | None:
    """The analysis of a turn; None if there is none, or what an old file has there cannot be read as one."""
    found = read_json(stored)
    if found is None:
        return None
    try:
        return PsychUpdate.model_validate(found)
    except ValidationError:
        return None
