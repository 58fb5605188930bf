"""What the predecessor's tables hold, in whichever database."""

from __future__ import annotations

from dataclasses import dataclass

from capsa import transfer
from stoic_emperor.legacy import tables

#: What the tables have had in every version.
REQUIRED = {
    "users": {"id"},
    "sessions": {"id", "user_id"},
    "messages": {"id", "session_id", "role", "content"},
}
#: Tables and columns that are not carried, and why.
BOOKKEEPING = {"schema_version": "the earlier program's own bookkeeping"}
LEFT_BEHIND = {"password_hash": "passwords are not needed here, and stay where they are"}


@dataclass(frozen=True, slots=True)
class Layout:
    """One table: what its columns hold."""

    table: transfer.Table
    #: Whose column says whose a row is, as the source has it: None for users and messages, who find it otherwise.
    user: str | None
    texts: tuple[str, ...] = ()
    optional_texts: tuple[str, ...] = ()
    optional_keys: tuple[str, ...] = ()
    #: Column -> JSON where there is none.
    json: tuple[tuple[str, str], ...] = ()
    optional_json: tuple[str, ...] = ()
    times: tuple[str, ...] = ("created_at",)
    optional_times: tuple[str, ...] = ()
    #: Column -> the number where there is none.
    integers: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def known(self) -> frozenset[str]:
        """The columns of the source that have a place."""
        own = {"id", "session_id", "confidence", *([self.user] if self.user else [])} & {*self.table.names}
        named = (
            self.texts,
            self.optional_texts,
            self.optional_keys,
            self.optional_json,
            self.times,
            self.optional_times,
        )
        pairs = [name for name, _ in (*self.json, *self.integers)]
        return frozenset(own.union(*named, pairs))


USERS = Layout(table=tables.USERS, user=None, optional_texts=("name",))
SESSIONS = Layout(table=tables.SESSIONS, user="user_id", json=(("metadata", "{}"),))
MESSAGES = Layout(
    table=tables.MESSAGES,
    user=None,
    texts=("role", "content"),
    optional_json=("psych_update",),
    optional_times=("semantic_processed_at",),
)
INSIGHTS = Layout(
    table=tables.SEMANTIC_INSIGHTS, user="user_id", texts=("assertion",), optional_keys=("source_message_id",)
)
SUMMARIES = Layout(
    table=tables.CONDENSED_SUMMARIES,
    user="user_id",
    texts=("content",),
    json=(("source_summary_ids", "[]"),),
    optional_json=("consensus_log",),
    times=("period_start", "period_end", "created_at"),
    integers=(("level", 1), ("source_message_count", 0), ("source_word_count", 0)),
)
PROFILES = Layout(
    table=tables.PROFILES,
    user="user_id",
    texts=("content",),
    optional_json=("consensus_log",),
    integers=(("version", 0),),
)

#: What others refer to comes first.
LAYOUTS = (USERS, SESSIONS, MESSAGES, INSIGHTS, SUMMARIES, PROFILES)
