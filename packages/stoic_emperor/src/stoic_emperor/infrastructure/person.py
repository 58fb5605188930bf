"""What one person may see and change. Every statement here names the person, and runs bound to them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

import capsa
from stoic_emperor.errors import NotFound
from stoic_emperor.infrastructure._rows import text, write_json
from stoic_emperor.infrastructure.of_person import Listed, Source, Totals
from stoic_emperor.infrastructure.owned_rows import OwnedRows
from stoic_emperor.models import (
    ALWAYS,
    CondensedSummary,
    Message,
    Profile,
    PsychUpdate,
    SemanticInsight,
    Session,
    Status,
    User,
    new_id,
    now,
)

#: Longer than any conversation that is read at once.
_ALL = 1_000_000
#: A reply under way that was not kept for so long is given by nobody any more.
SILENT = dt.timedelta(seconds=30)
#: After anything that happens.
_NEVER = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


class Person(OwnedRows):
    """The rows of one person. Made by `Database.person`; methods that write take part in ``tx`` if one is given."""

    # The person

    def get(self, *, tx: capsa.Transaction | None = None) -> User | None:
        """The person, or None if they are not known."""
        rows = self.read("user_by_id", tx)
        user = self.database.rows.user(rows[0]) if rows else None
        self.database.countries.of(self.user_id).country = None if user is None else user.country
        return user

    def country(self) -> str | None:
        """Where the person is, if they said so; while the database is away, as it was read last in this process."""
        with suppress(capsa.CapsaError):
            self.get()
        return self.database.countries.of(self.user_id).country

    def ensure(self, name: str | None = None) -> User:
        """The person, made known if they are not."""
        if (known := self.get()) is not None:
            return known
        with self.writing() as tx:
            self.run(tx, "add_user", name=name, created_at=now())
            return self.database.rows.user(self.run(tx, "user_by_id")[0])

    def change(self, **changes: Any) -> User:
        """Change name, consent_at, asked_at, paused_at or country.

        Raises:
            NotFound: the person is not known.
        """
        with self.writing() as tx:
            rows = self.run(tx, "user_by_id")
            if not rows:
                raise NotFound(
                    f"there is no user {self.user_id!r}: name one that exists, or begin a conversation first"
                )
            user = self.database.rows.user(rows[0]).model_copy(update=changes)
            self.run(tx, "update_user", **user.model_dump(exclude={"id", "created_at"}))
        self.database.countries.of(self.user_id).country = user.country
        return user

    def agree(self, answer: bool, /) -> User:  # noqa: FBT001 - it is the answer itself
        """Allow or stop the analysis; whoever has allowed it already has allowed it since then.

        Raises:
            NotFound: the person is not known.
        """
        user = self.get()
        since = None if user is None else user.consent_at
        return self.change(asked_at=now(), consent_at=(since or now()) if answer else None)

    # Conversations

    def begin_session(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        session_id: str | None = None,
        title: str | None = None,
        created_at: dt.datetime | None = None,
        tx: capsa.Transaction | None = None,
    ) -> Session:
        """A new conversation; the person is made known if they are not."""
        session = Session(
            id=session_id or new_id(),
            user_id=self.user_id,
            created_at=created_at or now(),
            title=title,
            metadata=metadata or {},
        )
        with self.writing(tx) as own:
            self.run(own, "add_user", name=None, created_at=now())
            self.run(
                own,
                "add_session",
                id=session.id,
                created_at=session.created_at,
                title=title,
                metadata=write_json(dict(session.metadata)),
            )
        return session

    def session(self, session_id: str, *, tx: capsa.Transaction | None = None) -> Session | None:
        """One conversation of this person, or None."""
        rows = self.read("session_by_id", tx, id=session_id)
        return self.database.rows.session(rows[0]) if rows else None

    def sessions(self, limit: int = _ALL, skip: int = 0) -> list[Listed]:
        """Conversations, newest first."""
        rows = self.read("sessions_recent", n=limit, skip=skip)
        make, time = self.database.rows.session, self.database.engine.datetime
        return [Listed(make(row), row[5], time(row[6])) for row in rows]

    def latest_session(self) -> Session | None:
        """The conversation that was begun last."""
        rows = self.read("latest_session")
        return self.database.rows.session(rows[0]) if rows else None

    def latest_spoken_session(self) -> Session | None:
        """The conversation in which something was said last."""
        rows = self.read("latest_spoken_session")
        return self.database.rows.session(rows[0]) if rows else None

    def rename_session(
        self,
        session_id: str,
        title: str | None,
        *,
        metadata: Mapping[str, Any] | None = None,
        tx: capsa.Transaction | None = None,
    ) -> Session:
        """Give a conversation a title; and other metadata, if any are given.

        Raises:
            NotFound: there is no such conversation.
        """
        if (session := self.session(session_id, tx=tx)) is None:
            raise NotFound(f"there is no conversation {session_id!r}: list them with /sessions")
        changes = {"title": title, "metadata": session.metadata if metadata is None else metadata}
        session = session.model_copy(update=changes)
        with self.writing(tx) as own:
            self.run(own, "update_session", id=session_id, title=title, metadata=write_json(dict(session.metadata)))
        return session

    def totals(self) -> Totals:
        """How much there is, counted and not read."""
        return Totals(*map(int, self.read("totals")[0]))

    def sessions_since(self, since: dt.datetime | None) -> int:
        """How many conversations were begun after ``since``."""
        if since is None:
            return int(self.read("count_sessions")[0][0])
        return int(self.read("count_sessions_since", since=since)[0][0])

    # Messages

    def add_message(self, message: Message, *, tx: capsa.Transaction | None = None) -> Message:
        """Keep a message; it is on the disk when this returns.

        Raises:
            NotFound: the conversation is not this person's.
        """
        with self.writing(tx) as own:
            if not self.run(own, "session_by_id", id=message.session_id):
                raise NotFound(f"there is no conversation {message.session_id!r}: list them with /sessions")
            update = message.psych_update
            self.run(
                own,
                "add_message",
                **message.model_dump(exclude={"psych_update", "status"}),
                psych_update=None if update is None else update.model_dump_json(),
                status=message.status.value,
            )
        return message

    def finish_message(
        self,
        message_id: str,
        content: str,
        status: Status,
        at: dt.datetime,
        *,
        tx: capsa.Transaction | None = None,
    ) -> Status | None:
        """Keep what has come of a reply so far, or all of it; its status now, or None if it was erased meanwhile.

        A reply that was stopped meanwhile stays stopped.

        Args:
            at: its time: of one under way, this moment, as a sign that somebody gives it (`companion.keeping`).
        """
        with self.writing(tx) as own:
            rows = self.run(own, "update_message", id=message_id, content=content, status=status.value, at=at)
        return Status(rows[0][0]) if rows else None

    def replace_replies(self, old: Sequence[Message], new: Message, *, tx: capsa.Transaction | None = None) -> None:
        """Put a new reply in the place of earlier ones to the same words."""
        with self.writing(tx) as own:
            for message in old:
                self.run(own, "delete_message", id=message.id)
            self.add_message(new, tx=own)

    def message(self, message_id: str) -> Message | None:
        """One message of this person, or None."""
        rows = self.read("message_by_id", id=message_id)
        return self.database.rows.message(rows[0]) if rows else None

    def messages(self, session_id: str) -> list[Message]:
        """Everything said in a conversation, in order; empty if it is not this person's."""
        return [self.database.rows.message(row) for row in self.read("messages_of_session", session_id=session_id)]

    def last_messages(self, session_id: str, limit: int, *, tx: capsa.Transaction | None = None) -> list[Message]:
        """The last things said in a conversation, in order."""
        rows = self.read("last_messages_of_session", tx, session_id=session_id, n=limit)
        return [self.database.rows.message(row) for row in reversed(rows)]

    def recent_messages(self, limit: int = 100) -> list[Message]:
        """The last things said in any conversation, in order."""
        return [self.database.rows.message(row) for row in reversed(self.read("messages_recent", n=limit))]

    def walk_uncondensed(
        self, since: dt.datetime = ALWAYS, *, newest_first: bool = False, tx: capsa.Transaction | None = None
    ) -> Generator[Message, None, None]:
        """What no summary stands for yet, in order, one by one: it may be everything that was ever said.

        Args:
            since: what was said earlier is left out, but for journals brought along to be analysed.
        """
        statement = "messages_uncondensed_newest" if newest_first else "messages_uncondensed"
        with closing(self.walk(statement, tx, since=since)) as rows:
            for row in rows:
                yield self.database.rows.message(row)

    def message_before(self, message_id: str, *, tx: capsa.Transaction | None = None) -> Message | None:
        """What the person said that a reply answers."""
        rows = self.read("message_before", tx, id=message_id)
        return self.database.rows.message(rows[0]) if rows else None

    def unprocessed_replies(
        self,
        limit: int = _ALL,
        since: dt.datetime = ALWAYS,
        *,
        journals: bool = True,
        tx: capsa.Transaction | None = None,
    ) -> list[Message]:
        """Replies whose turn waits to be analysed, in order: the durable queue. What a crash cut off is in it, too.

        Args:
            since: what was said earlier is left out.
            journals: whether those brought along to be analysed are among them, whatever day they are of.
        """
        silent = now() - SILENT
        rows = self.read("replies_unprocessed", tx, n=limit, since=since, journals=int(journals), silent=silent)
        return [self.database.rows.message(row) for row in rows]

    def has_unprocessed_journals(self) -> bool:
        """Whether some of those brought along to be analysed wait for it, and may be."""
        return bool(self.read("has_journals_unprocessed"))

    def set_processed(self, message_id: str, update: PsychUpdate | None, *, tx: capsa.Transaction) -> bool:
        """Take a turn off the queue, inside ``tx``; what was cut off counts as stopped. False if somebody else has."""
        written = None if update is None else update.model_dump_json()
        return bool(self.run(tx, "set_processed", id=message_id, psych_update=written, at=now()))

    def mark_processed(self, message_ids: Sequence[str]) -> None:
        """Take turns off the queue without an analysis."""
        with self.writing() as tx:
            for message_id in message_ids:
                self.run(tx, "mark_processed", id=message_id, at=now())

    def stop_replies(
        self, session_id: str, *, before: dt.datetime = _NEVER, tx: capsa.Transaction | None = None
    ) -> list[str]:
        """Have the replies of a conversation that are under way end, in whatever process; their ids.

        Args:
            before: only those that were last kept before then.
        """
        with self.writing(tx) as own:
            return [text(id_) for (id_,) in self.run(own, "stop_replies", session_id=session_id, before=before)]

    def reply_under_way(self, session_id: str, *, tx: capsa.Transaction) -> Message | None:
        """The reply that is just being given in a conversation, if there is one; those that nobody gives any more end.

        Until ``tx`` ends, nobody else who asks this can begin one.
        """
        self.run(tx, "hold_session", id=session_id)
        before = now() - SILENT
        found = [self.database.rows.message(row) for row in self.run(tx, "replies_under_way", session_id=session_id)]
        if any(reply.created_at < before for reply in found):
            self.stop_replies(session_id, before=before, tx=tx)
        return next((reply for reply in found if reply.created_at >= before), None)

    def settle_interrupted(self, before: dt.datetime) -> None:
        """Replies that were last kept before ``before`` count as stopped; what was kept of them stays."""
        if not self.read("has_interrupted_replies", before=before):
            # As it mostly is, which needs nobody who writes.
            return
        with self.writing() as tx:
            self.run(tx, "interrupted_replies", before=before)

    # What is remembered

    def add_insight(self, insight: SemanticInsight, *, tx: capsa.Transaction | None = None) -> SemanticInsight:
        """Keep an insight's row; its place in the search is `memory.insights`' to make."""
        with self.writing(tx) as own:
            self.run(own, "add_user", name=None, created_at=now())
            self.run(own, "add_insight", **insight.model_dump(exclude={"user_id"}))
        return insight

    def insights(self, limit: int = _ALL) -> list[SemanticInsight]:
        """What is remembered, newest first."""
        return [self.database.rows.insight(row) for row in self.read("insights", n=limit)]

    def insight_sources(self) -> dict[str, Source]:
        """Insight -> what the person said that it was taken from."""
        return {text(row[0]): Source(*map(text, row[1:])) for row in self.read("insight_sources")}

    def insight(self, insight_id: str) -> SemanticInsight | None:
        """One of them, or None."""
        rows = self.read("insight_by_id", id=insight_id)
        return self.database.rows.insight(rows[0]) if rows else None

    def add_summary(self, summary: CondensedSummary, *, tx: capsa.Transaction | None = None) -> CondensedSummary:
        """Keep a summary."""
        with self.writing(tx) as own:
            self.run(own, "add_user", name=None, created_at=now())
            values = summary.model_dump(exclude={"user_id", "source_summary_ids", "consensus_log"})
            self.run(
                own,
                "add_summary",
                **values,
                source_summary_ids=write_json(summary.source_summary_ids),
                consensus_log=write_json(summary.consensus_log),
            )
        return summary

    def summaries(self) -> list[CondensedSummary]:
        """All of them, those that others stand for included, by the time they tell of."""
        return [self.database.rows.summary(row) for row in self.read("summaries")]

    def active_summaries(self, *, tx: capsa.Transaction | None = None) -> list[CondensedSummary]:
        """Those that no other stands for, by the time they tell of: few, however long ago it began."""
        return [self.database.rows.summary(row) for row in self.read("summaries_active", tx)]

    def newest_summaries(self, limit: int, *, tx: capsa.Transaction | None = None) -> list[CondensedSummary]:
        """Of those that no other stands for, the ones that tell of the latest time, newest first."""
        rows = self.read("summaries_active_newest", tx, n=limit)
        return [self.database.rows.summary(row) for row in rows]

    def add_profile(self, content: str, consensus_log: Any = None, *, tx: capsa.Transaction | None = None) -> Profile:
        """Keep a portrait as the next version."""
        with self.writing(tx) as own:
            self.run(own, "add_user", name=None, created_at=now())
            newest = self.run(own, "profiles", n=1)
            version = self.database.rows.profile(newest[0]).version + 1 if newest else 1
            profile = Profile(user_id=self.user_id, version=version, content=content, consensus_log=consensus_log)
            self.run(
                own,
                "add_profile",
                id=profile.id,
                version=version,
                content=content,
                consensus_log=write_json(consensus_log),
                created_at=profile.created_at,
            )
        return profile

    def profiles(self, limit: int = _ALL, *, tx: capsa.Transaction | None = None) -> list[Profile]:
        """Portraits, newest version first."""
        return [self.database.rows.profile(row) for row in self.read("profiles", tx, n=limit)]
