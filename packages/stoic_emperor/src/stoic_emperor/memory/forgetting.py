"""Erasing what is remembered, with everything that was derived from it, and saying what went.

A turn goes as a whole: what the person said, the reply to it, its analysis, its insights, its place in the search,
the summaries that tell of it (what else they told of is condensed anew) and the portraits written since. Then the
database is scrubbed, so that its files hold no trace but the ids, by which older files cannot bring it back.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import capsa
from stoic_emperor.config import find_home
from stoic_emperor.errors import NotFound
from stoic_emperor.hosting.erasing import erase_about, erase_own, provider_of
from stoic_emperor.infrastructure._rows import text
from stoic_emperor.infrastructure.opening import data_folder, older_files
from stoic_emperor.memory.doubles import others_like
from stoic_emperor.memory.erased import event_of, note_erased, note_event, note_gone
from stoic_emperor.memory.exporting import exports_in
from stoic_emperor.memory.put_aside import PutAside, erase_put_aside, put_aside
from stoic_emperor.memory.recall import EPISODIC, SEMANTIC, Recall
from stoic_emperor.memory.receipts import Receipt
from stoic_emperor.memory.things import Thing
from stoic_emperor.models import Message, Role, SemanticInsight, now

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person

ELSEWHERE = (
    "the sign-in at the Supabase project still exists: no project is configured here any more, so it can only be "
    "deleted there"
)
NOBODYS = "of rows of an older memory that could not be carried, {count:,} name no person: they stay put aside"

#: Table -> the statement that gives the ids in it.
_IDS = {
    "semantic_insights": "insight_ids",
    "sessions": "session_ids",
    "condensed_summaries": "summary_ids",
    "messages": "message_ids",
}


@dataclass
class _Work:
    """What one erasure has come to."""

    tx: capsa.Transaction
    erased: Counter[str] = field(default_factory=Counter)


class Forgetting:
    """Erases what one person wants forgotten."""

    def __init__(self, person: Person, recall: Recall, leave: Callable[[str], str | None] | None = None) -> None:
        """Nothing is read yet.

        Args:
            person: whose memory it is.
            recall: its searchable part.
            leave: has the project that vouches for people forget one, and tells what is left; None without one.
        """
        self._person = person
        self._recall = recall
        self._leave = leave

    def message(self, message_id: str, *, and_after: bool = False, tx: capsa.Transaction | None = None) -> Receipt:
        """Forget a turn, named by either of its messages.

        Args:
            and_after: and all that was said after it in the same conversation.
            tx: a transaction to take part in; whoever gives one has `Database.scrub` called after it.

        Raises:
            NotFound: this person has no such message.
        """
        message = self._person.message(message_id)
        if message is None:
            raise NotFound(f"there is no message {message_id!r}: /memory shows what there is")
        with self._person.writing(tx) as own:
            work = _Work(own)
            self._turns(work, self._turn_of(message, and_after=and_after))
            self._untitle(work, [message.session_id])
        return self._receipt(work, scrub=tx is None)

    def session(self, session_id: str) -> Receipt:
        """Forget a conversation.

        Raises:
            NotFound: this person has no such conversation.
        """
        if self._person.session(session_id) is None:
            raise NotFound(f"there is no conversation {session_id!r}: list them with /sessions")
        with self._person.writing() as tx:
            work = _Work(tx)
            rows = self._person.run(tx, "messages_of_session", session_id=session_id)
            self._turns(work, [self._person.database.rows.message(row) for row in rows])
            self._session(work, session_id)
        return self._receipt(work)

    def insight(self, insight_id: str, *, and_same: bool = False) -> Receipt:
        """Forget an insight; what it was taken from stays, and is not analysed again.

        Args:
            and_same: and each other that says the same in the same words.

        Raises:
            NotFound: this person has no such insight.
        """
        insight = self._person.insight(insight_id)
        if insight is None:
            raise NotFound(f"there is no insight {insight_id!r}: /memory shows what there is")
        same = others_like(insight, self._person.insights())
        gone = [insight, *same] if and_same else [insight]
        with self._person.writing() as tx:
            work = _Work(tx)
            self._insights_by_themselves(work, gone)
        receipt = self._receipt(work)
        if and_same or not same:
            return receipt
        often = "once more" if len(same) == 1 else f"{len(same)} more times"
        stays = f"the same was noted {often}, and stays: forget {same[0].id[:8]} and all that says the same"
        return replace(receipt, notes=(*receipt.notes, stays))

    def summary(self, summary_id: str) -> Receipt:
        """Forget a summary and those that were made of it; what they told of can be condensed anew.

        Raises:
            NotFound: this person has no such summary.
        """
        summary = next((s for s in self._person.summaries() if s.id == summary_id), None)
        if summary is None:
            raise NotFound(f"there is no summary {summary_id!r}: /memory shows what there is")
        with self._person.writing() as tx:
            work = _Work(tx)
            self._summaries(work, {summary_id})
            self._portraits_since(work, summary.created_at)
        return self._receipt(work)

    def portraits(self) -> Receipt:
        """Forget every portrait."""
        with self._person.writing() as tx:
            work = _Work(tx)
            self._portraits_since(work, None)
        return self._receipt(work)

    def named(self, given: str, *, and_same: bool = False) -> Receipt:
        """Forget what has this id, or the only thing whose id begins so.

        Args:
            and_same: as of `insight`; of anything else there is nothing that says the same.

        Raises:
            NotFound: nothing has, or several things have.
        """
        kinds: dict[str, Callable[[str], Receipt]] = {
            "semantic_insights": partial(self.insight, and_same=and_same),
            "sessions": self.session,
            "condensed_summaries": self.summary,
            "messages": self.message,
        }
        with self._person.reading() as tx:
            fitting = [
                (forget, text(id_))
                for kind, forget in kinds.items()
                for (id_,) in self._person.run(tx, _IDS[kind], beginning=given)
            ]
        exact = [(forget, id_) for forget, id_ in fitting if id_ == given]
        found = exact or fitting
        if not given or not found:
            raise NotFound(f"nothing of yours has the id {given!r}: /memory and /sessions show what there is")
        if len(found) > 1:
            raise NotFound(f"several things begin with {given!r}: give more of the id; nothing was erased")
        forget, id_ = found[0]
        return forget(id_)

    def things(self, things: Collection[Thing], event: str | None = None) -> Receipt:
        """Forget what was forgotten elsewhere, in one transaction; what is not here any more is no failure.

        Args:
            things: replies go with what they answer; a conversation stays as long as anything else is in it.
            event: the erasure of the whole person that these are older than, as it is noted where it was done.
        """
        ids = {kind: {thing.id for thing in things if thing.kind == kind} for kind in (*_IDS, "profiles")}
        with self._person.writing() as tx:
            work = _Work(tx)
            talks = {thing.of for thing in things if thing.kind == "messages" and thing.of is not None}
            self._turns(work, [said for talk in talks for said in self._with_replies(tx, talk, ids["messages"])])
            self._untitle(work, talks)
            rows = [row for id_ in ids["semantic_insights"] for row in self._person.run(tx, "insight_by_id", id=id_)]
            self._insights_by_themselves(work, [self._person.database.rows.insight(row) for row in rows])
            self._summaries(work, ids["condensed_summaries"])
            self._portraits(work, ids["profiles"])
            for kind, collection in ((EPISODIC, self._recall.episodes), (SEMANTIC, self._recall.insights)):
                gone = [thing.id for thing in things if thing.kind == kind]
                collection.delete(gone, tx=tx)
                self._note(work, kind, gone)
            for id_ in ids["sessions"]:
                if not self._person.run(tx, "last_messages_of_session", session_id=id_, n=1):
                    self._session(work, id_)
            if event is not None:
                note_event(self._person, tx, event)
        return self._receipt(work)

    def everything(self, event: str | None = None) -> Receipt:
        """Forget the person, their account and whoever vouches for it included.

        Args:
            event: how it is noted where it was done first; default: here and now.
        """
        database, user_id = self._person.database, self._person.user_id
        provider = provider_of(database, user_id)
        aside, nobodys = self._all_put_aside()
        about = erase_about(database, user_id)
        with self._person.writing() as tx:
            work = _Work(tx)
            work.erased.update(about)
            work.erased["put_aside"] = erase_put_aside(self._person, tx, aside)
            for name, collection in ((EPISODIC, self._recall.episodes), (SEMANTIC, self._recall.insights)):
                work.erased[name] = collection.clear(tx=tx)
            for statement, name in (
                ("erase_messages", "messages"),
                ("erase_insights", "semantic_insights"),
                ("erase_summaries", "condensed_summaries"),
                ("erase_profiles", "profiles"),
                ("erase_sessions", "sessions"),
            ):
                work.erased[name] = len(self._person.run(tx, statement))
            work.erased.update(erase_own(database, user_id, tx))
            work.erased["users"] = len(self._person.run(tx, "erase_user"))
            note_gone(self._person, tx, event or event_of(user_id, now()))
        receipt = self._receipt(work)
        if nobodys:
            receipt = replace(receipt, notes=(*receipt.notes, NOBODYS.format(count=nobodys)))
        if provider != "supabase":
            return receipt
        left = ELSEWHERE if self._leave is None else self._leave(user_id)
        return receipt if left is None else replace(receipt, notes=(*receipt.notes, left))

    # Steps

    def _all_put_aside(self) -> tuple[list[PutAside], int]:
        """What is to be erased of it with the person, and of how much nobody can say whose it is."""
        with self._person.reading() as tx:
            theirs, nobodys = put_aside(self._person, tx)
        if nobodys and all(user.id == self._person.user_id for user in self._person.database.users()):
            return [*theirs, *nobodys], 0
        return theirs, len(nobodys)

    def _turn_of(self, message: Message, *, and_after: bool = False) -> list[Message]:
        """What the person said and every reply to it; or all from there on."""
        talk = self._person.messages(message.session_id)
        at = next(i for i, other in enumerate(talk) if other.id == message.id)
        first = at
        while first > 0 and talk[first].role != Role.USER:
            first -= 1
        if and_after:
            return talk[first:]
        last = first + 1
        while last < len(talk) and talk[last].role != Role.USER:
            last += 1
        return talk[first:last]

    def _with_replies(self, tx: capsa.Transaction, session_id: str, ids: Collection[str]) -> Iterator[Message]:
        """Some messages of a conversation, and what replies to them."""
        gone = False
        for row in self._person.run(tx, "messages_of_session", session_id=session_id):
            message = self._person.database.rows.message(row)
            if message.role == Role.USER:
                gone = message.id in ids
            if gone or message.id in ids:
                yield message

    def _session(self, work: _Work, session_id: str) -> None:
        """Erase a conversation whose messages are gone."""
        self._episodes_of(work, session_id)
        self._put_aside(work, {("sessions", session_id)})
        self._person.run(work.tx, "delete_session", id=session_id)
        self._note(work, "sessions", [session_id])

    def _turns(self, work: _Work, messages: Iterable[Message]) -> None:
        messages = list(messages)
        if not messages:
            return
        ids = {message.id for message in messages}
        rows = [row for id_ in sorted(ids) for row in self._person.run(work.tx, "insights_from", message_id=id_)]
        self._insights(work, [self._person.database.rows.insight(row).id for row in rows])
        into = {row[0] for id_ in sorted(ids) for row in self._person.run(work.tx, "summary_of_message", id=id_)}
        self._summaries(work, {summary for summary in into if summary is not None})
        self._portraits_since(work, min(message.created_at for message in messages))
        work.erased[EPISODIC] += self._recall.episodes.delete(ids, tx=work.tx)
        self._imported_episodes(work, messages)
        self._put_aside(work, {("messages", id_) for id_ in ids})
        for id_ in sorted(ids):
            self._person.run(work.tx, "delete_message", id=id_)
        self._note(work, "messages", ids)

    def _imported_episodes(self, work: _Work, messages: Collection[Message]) -> None:
        """Turns that an older program made searchable, under ids of its own: told by what they hold."""
        said: dict[str, list[str]] = {}
        for message in messages:
            said.setdefault(message.session_id, []).append(message.content)
        own = {message.id for message in messages}
        for session_id, contents in said.items():
            held = self._recall.episodes.iterate(capsa.Filter(session_id=session_id))
            others = (record for record in held if record.id not in own)
            gone = [record.id for record in others if any(content and content in record.text for content in contents)]
            self._recall.episodes.delete(gone, tx=work.tx)
            self._note(work, EPISODIC, gone)

    def _episodes_of(self, work: _Work, session_id: str) -> None:
        held = [record.id for record in self._recall.episodes.iterate(capsa.Filter(session_id=session_id))]
        work.erased[EPISODIC] += self._recall.episodes.delete(held, tx=work.tx)

    def _insights(self, work: _Work, ids: list[str]) -> None:
        work.erased[SEMANTIC] += self._recall.insights.delete(ids, tx=work.tx)
        for id_ in ids:
            self._person.run(work.tx, "delete_insight", id=id_)
        self._note(work, "semantic_insights", ids)

    def _insights_by_themselves(self, work: _Work, insights: Sequence[SemanticInsight]) -> None:
        """Erase insights, while what they were taken from stays."""
        self._insights(work, [one.id for one in insights])
        for one in insights:
            self._portraits_since(work, one.created_at)
            if one.source_message_id is not None:
                self._blank_analysis(work, one.source_message_id)

    def _summaries(self, work: _Work, ids: set[str]) -> None:
        """Erase summaries, and upwards those that were made of them; what they stood for stands for itself again."""
        summaries = [self._person.database.rows.summary(row) for row in self._person.run(work.tx, "summaries")]
        known = {summary.id: summary for summary in summaries}
        gone: set[str] = set()
        waiting = sorted(ids & known.keys())
        while waiting:
            id_ = waiting.pop()
            gone.add(id_)
            above = {known[id_].condensed_into, *(s.id for s in summaries if id_ in s.source_summary_ids)}
            waiting += sorted(a for a in above if a is not None and a in known and a not in gone)
        for id_ in sorted(gone):
            self._person.run(work.tx, "release_condensed_messages", summary=id_)
            self._person.run(work.tx, "release_condensed_summaries", summary=id_)
            self._person.run(work.tx, "delete_summary", id=id_)
        self._note(work, "condensed_summaries", gone)
        if gone:
            self._portraits_since(work, min(known[id_].created_at for id_ in gone))

    def _portraits_since(self, work: _Work, since: dt.datetime | None) -> None:
        profiles = map(self._person.database.rows.profile, self._person.run(work.tx, "profiles", n=1_000_000))
        self._portraits(work, [profile.id for profile in profiles if since is None or profile.created_at >= since])

    def _portraits(self, work: _Work, ids: Collection[str]) -> None:
        for id_ in ids:
            self._person.run(work.tx, "delete_profile", id=id_)
        self._note(work, "profiles", ids)

    def _note(self, work: _Work, kind: str, ids: Collection[str]) -> None:
        """Count what was erased, and see to it that it stays so."""
        work.erased[kind] += len(ids)
        note_erased(self._person, work.tx, kind, ids)

    def _put_aside(self, work: _Work, named: set[tuple[str, str]]) -> None:
        theirs, _ = put_aside(self._person, work.tx)
        gone = [row for row in theirs if row.named & named]
        work.erased["put_aside"] += erase_put_aside(self._person, work.tx, gone)

    def _blank_analysis(self, work: _Work, said_id: str) -> None:
        """The analysis of the turn repeats the insight in its own words."""
        said = self._person.run(work.tx, "message_by_id", id=said_id)
        if not said:
            return
        for message in self._turn_of(self._person.database.rows.message(said[0])):
            self._person.run(work.tx, "blank_analysis", id=message.id)

    def _untitle(self, work: _Work, sessions: Iterable[str]) -> None:
        """A title was made of what was said."""
        for session_id in sessions:
            self._person.run(work.tx, "untitle_session", id=session_id)

    def _receipt(self, work: _Work, *, scrub: bool = True) -> Receipt:
        database = self._person.database
        notes = database.scrub() if scrub and work.erased.total() else ()
        folders = dict.fromkeys((data_folder(database.url), find_home()))
        exports = (path for folder in folders for path in exports_in(folder))
        elsewhere = dict.fromkeys((*older_files(database.url), *database.sources(), *exports))
        return Receipt(erased=dict(work.erased), elsewhere=tuple(elsewhere), notes=notes)
