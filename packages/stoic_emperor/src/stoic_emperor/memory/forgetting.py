"""Erasing what is remembered, with everything that was derived from it, and saying what went.

A turn goes as a whole: what the person said, the reply to it, its analysis, its insights, its place in the search,
the summaries that tell of it (what else they told of is condensed anew) and the portraits written since. Then the
database is scrubbed, so that its files hold no trace.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import capsa
from stoic_emperor.config import find_home
from stoic_emperor.errors import NotFound
from stoic_emperor.hosting.erasing import erase_about, erase_own, provider_of
from stoic_emperor.infrastructure._rows import text
from stoic_emperor.infrastructure.opening import data_folder, older_files
from stoic_emperor.memory.doubles import others_like
from stoic_emperor.memory.exporting import exports_in
from stoic_emperor.memory.recall import Recall
from stoic_emperor.models import Message, Role

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person

#: Table -> how a person calls one of what is in it, and several.
NAMES = {
    "messages": ("message", "messages"),
    "episodic": ("turn in the search", "turns in the search"),
    "semantic_insights": ("insight", "insights"),
    "semantic": ("insight in the search", "insights in the search"),
    "condensed_summaries": ("summary", "summaries"),
    "profiles": ("portrait", "portraits"),
    "sessions": ("conversation", "conversations"),
    "users": ("name with its settings", "names with their settings"),
    "logins": ("login", "logins"),
    "accounts": ("account", "accounts"),
    "recovery_codes": ("recovery code", "recovery codes"),
    "sign_ins": ("signed-in browser", "signed-in browsers"),
    "usage": ("day of counted use", "days of counted use"),
    "uploads": ("upload", "uploads"),
    "upload_parts": ("piece of an upload", "pieces of uploads"),
    "waiting": ("task that waited", "tasks that waited"),
}

ELSEWHERE = (
    "the sign-in at the Supabase project still exists: no project is configured here any more, so it can only be "
    "deleted there"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What was erased."""

    #: Table or collection -> rows.
    erased: Mapping[str, int]
    #: Files that may still hold some of it: those of older programs, backups and exports.
    elsewhere: tuple[Path, ...] = ()
    #: What could not be done.
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For a program, and in `lines` for whomever it shows it to."""
        return {
            "erased": dict(self.erased),
            "elsewhere": [str(path) for path in self.elsewhere],
            "notes": list(self.notes),
            "lines": self.lines,
        }

    @property
    def lines(self) -> list[str]:
        """For a person."""
        lines = [f"{count} {NAMES[name][count > 1]}" for name, count in self.erased.items() if count]
        lines = [f"Erased: {', '.join(lines)}."] if lines else ["There was nothing to erase."]
        if self.elsewhere:
            files = ", ".join(str(path) for path in self.elsewhere)
            lines.append(f"Older files, copies and exports that may still hold some of it: {files}")
        return [*lines, *self.notes]


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
            self._episodes_of(work, session_id)
            work.erased["sessions"] += 1
            self._person.run(tx, "delete_session", id=session_id)
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
            self._insights(work, [one.id for one in gone])
            self._portraits_since(work, min(one.created_at for one in gone))
            for one in gone:
                if one.source_message_id is not None:
                    self._blank_analysis(work, one.source_message_id)
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
            "insight_ids": partial(self.insight, and_same=and_same),
            "session_ids": self.session,
            "summary_ids": self.summary,
            "message_ids": self.message,
        }
        with self._person.reading() as tx:
            fitting = [
                (forget, text(id_))
                for statement, forget in kinds.items()
                for (id_,) in self._person.run(tx, statement, beginning=given)
            ]
        exact = [(forget, id_) for forget, id_ in fitting if id_ == given]
        found = exact or fitting
        if not given or not found:
            raise NotFound(f"nothing of yours has the id {given!r}: /memory and /sessions show what there is")
        if len(found) > 1:
            raise NotFound(f"several things begin with {given!r}: give more of the id; nothing was erased")
        forget, id_ = found[0]
        return forget(id_)

    def everything(self) -> Receipt:
        """Forget the person, their account and whoever vouches for it included."""
        database, user_id = self._person.database, self._person.user_id
        provider = provider_of(database, user_id)
        about = erase_about(database, user_id)
        with self._person.writing() as tx:
            work = _Work(tx)
            work.erased.update(about)
            for name, collection in (("episodic", self._recall.episodes), ("semantic", self._recall.insights)):
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
        receipt = self._receipt(work)
        if provider != "supabase":
            return receipt
        left = ELSEWHERE if self._leave is None else self._leave(user_id)
        return receipt if left is None else replace(receipt, notes=(*receipt.notes, left))

    # Steps

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
        work.erased["episodic"] += self._recall.episodes.delete(ids, tx=work.tx)
        self._imported_episodes(work, messages)
        for id_ in sorted(ids):
            work.erased["messages"] += 1
            self._person.run(work.tx, "delete_message", id=id_)

    def _imported_episodes(self, work: _Work, messages: Iterable[Message]) -> None:
        """Turns that an older program made searchable, under ids of its own: told by what they hold."""
        said: dict[str, list[str]] = {}
        for message in messages:
            said.setdefault(message.session_id, []).append(message.content)
        for session_id, contents in said.items():
            held = self._recall.episodes.iterate(capsa.Filter(session_id=session_id))
            gone = [record.id for record in held if any(content and content in record.text for content in contents)]
            work.erased["episodic"] += self._recall.episodes.delete(gone, tx=work.tx)

    def _episodes_of(self, work: _Work, session_id: str) -> None:
        held = [record.id for record in self._recall.episodes.iterate(capsa.Filter(session_id=session_id))]
        work.erased["episodic"] += self._recall.episodes.delete(held, tx=work.tx)

    def _insights(self, work: _Work, ids: list[str]) -> None:
        work.erased["semantic"] += self._recall.insights.delete(ids, tx=work.tx)
        for id_ in ids:
            work.erased["semantic_insights"] += 1
            self._person.run(work.tx, "delete_insight", id=id_)

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
            work.erased["condensed_summaries"] += 1
        if gone:
            self._portraits_since(work, min(known[id_].created_at for id_ in gone))

    def _portraits_since(self, work: _Work, since: dt.datetime | None) -> None:
        for row in self._person.run(work.tx, "profiles", n=1_000_000):
            profile = self._person.database.rows.profile(row)
            if since is None or profile.created_at >= since:
                self._person.run(work.tx, "delete_profile", id=profile.id)
                work.erased["profiles"] += 1

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
