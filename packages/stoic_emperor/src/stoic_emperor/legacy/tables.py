"""Stoic Emperor's own tables, as a transfer carries them: both ways between SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

from capsa import transfer
from stoic_emperor.hosting import tables as hosting

Column, Kind, Reference, Table = transfer.Column, transfer.Kind, transfer.Reference, transfer.Table

_USER = Reference(columns=("user_id",), table="users", key=("id",))

USERS = Table(
    name="users",
    columns=(
        Column("id"),
        Column("name"),
        Column("created_at", Kind.TIME),
        Column("consent_at", Kind.TIME),
        Column("asked_at", Kind.TIME),
        Column("paused_at", Kind.TIME),
        Column("country"),
        Column("original"),
    ),
    key=("id",),
    scope=("id",),
)

SESSIONS = Table(
    name="sessions",
    columns=(
        Column("user_id"),
        Column("id"),
        Column("created_at", Kind.TIME),
        Column("title"),
        Column("metadata"),
        Column("original"),
    ),
    key=("user_id", "id"),
    scope=("user_id",),
    references=(_USER,),
)

MESSAGES = Table(
    name="messages",
    columns=(
        Column("user_id"),
        Column("id"),
        Column("session_id"),
        Column("role"),
        Column("content"),
        Column("status"),
        Column("psych_update"),
        Column("created_at", Kind.TIME),
        Column("semantic_processed_at", Kind.TIME),
        Column("condensed_into"),
        Column("original"),
    ),
    key=("user_id", "id"),
    scope=("user_id",),
    arrival="seq",
    references=(Reference(columns=("user_id", "session_id"), table="sessions", key=("user_id", "id")),),
)

SEMANTIC_INSIGHTS = Table(
    name="semantic_insights",
    columns=(
        Column("user_id"),
        Column("id"),
        Column("source_message_id"),
        Column("assertion"),
        Column("confidence", Kind.FLOAT),
        Column("created_at", Kind.TIME),
        Column("edited_at", Kind.TIME),
        Column("original"),
    ),
    key=("user_id", "id"),
    scope=("user_id",),
    references=(_USER,),
)

CONDENSED_SUMMARIES = Table(
    name="condensed_summaries",
    columns=(
        Column("user_id"),
        Column("id"),
        Column("level", Kind.INTEGER),
        Column("content"),
        Column("period_start", Kind.TIME),
        Column("period_end", Kind.TIME),
        Column("source_message_count", Kind.INTEGER),
        Column("source_word_count", Kind.INTEGER),
        Column("source_summary_ids"),
        Column("consensus_log"),
        Column("created_at", Kind.TIME),
        Column("condensed_into"),
        Column("original"),
    ),
    key=("user_id", "id"),
    scope=("user_id",),
    references=(_USER,),
)

PROFILES = Table(
    name="profiles",
    columns=(
        Column("user_id"),
        Column("id"),
        Column("version", Kind.INTEGER),
        Column("content"),
        Column("consensus_log"),
        Column("created_at", Kind.TIME),
        Column("original"),
    ),
    key=("user_id", "id"),
    scope=("user_id",),
    references=(_USER,),
)

ERASED = Table(
    name="erased",
    columns=(Column("user_id"), Column("kind"), Column("mark")),
    key=("user_id", "kind", "mark"),
    scope=("user_id",),
)

ORIGINS = Table(
    name="origins",
    columns=(
        Column("keeper"),
        Column("id"),
        Column("location"),
        Column("brought_at", Kind.TIME),
        Column("zone"),
        Column("left_out", Kind.INTEGER),
    ),
    key=("keeper", "id"),
    # Each stands for itself: one that comes later is no change of what was there.
    scope=("keeper", "id"),
)

#: Nobody's: each row is for itself.
REFERRALS = Table(
    name="referrals",
    columns=(Column("id"), Column("day"), Column("category"), Column("level")),
    key=("id",),
    scope=("id",),
)

#: In an order in which what others refer to comes first.
TABLES = (
    USERS,
    SESSIONS,
    MESSAGES,
    SEMANTIC_INSIGHTS,
    CONDENSED_SUMMARIES,
    PROFILES,
    ERASED,
    ORIGINS,
    REFERRALS,
    *hosting.TABLES,
)


def rows_of(source: transfer.Source, table: transfer.Table) -> Iterator[transfer.Row]:
    """The rows of a source that belong into a table; what it refuses is none."""
    for part in source.parts:
        for planned in source.plan(part) if part.table.name == table.name else ():
            for items in source.read(part, planned.first, planned.last):
                yield from (item for item in items if isinstance(item, transfer.Row))
