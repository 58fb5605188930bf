"""What the API answers. Times are ISO 8601 in UTC."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stoic_emperor.hosting.uploads import Upload
from stoic_emperor.infrastructure.person import Listed, Source
from stoic_emperor.library import Passage
from stoic_emperor.memory.forgetting import Receipt
from stoic_emperor.memory.reviews import reviews_of
from stoic_emperor.models import CondensedSummary, Message, Profile, SemanticInsight, Session
from stoic_emperor.web.probing import Check
from stoic_emperor.web.rendering import render


@dataclass(frozen=True, kw_only=True, slots=True)
class Help:
    """People to turn to; shown before anything else."""

    html: str
    #: Nothing was found in what was said; the second look failed.
    to_be_safe: bool = False
    #: The reply began to say what must not be said, and was stopped.
    reply_stopped: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A reply, whole."""

    response: str
    session_id: str
    message_id: str
    status: str
    help: Help | None
    #: Where the quotations in it stand.
    sources: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionShape:
    """A conversation in a list."""

    id: str
    created_at: dt.datetime
    message_count: int
    title: str | None
    last_at: dt.datetime

    @classmethod
    def of(cls, listed: Listed) -> SessionShape:
        """As it is listed."""
        return cls.made(listed.session, listed.messages, listed.last_at)

    @classmethod
    def made(cls, session: Session, messages: int, last_at: dt.datetime) -> SessionShape:
        """Of a conversation with so many messages."""
        return cls(
            id=session.id, created_at=session.created_at, message_count=messages, title=session.title, last_at=last_at
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageShape:
    """One thing that was said."""

    id: str
    #: "user" or "emperor".
    role: str
    content: str
    created_at: dt.datetime
    #: "complete", "streaming", "stopped" or "failed".
    status: str
    #: The content as a page may show it.
    html: str

    @classmethod
    def of(cls, message: Message) -> MessageShape:
        """As it is kept."""
        return cls(
            id=message.id,
            role=message.role,
            content=message.content,
            created_at=message.created_at,
            status=message.status.value,
            html=str(render(message.content)),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiptShape:
    """What was erased."""

    #: Table or collection -> rows.
    erased: Mapping[str, int]
    #: Files beside the database that may still hold some of it.
    elsewhere: Sequence[str]
    #: What could not be done, or not yet.
    notes: Sequence[str]
    #: All of it for a person.
    lines: Sequence[str]

    @classmethod
    def of(cls, receipt: Receipt) -> ReceiptShape:
        """As it was written. Where files lie is no business of who asks by the web; that there are some is."""
        told = receipt.to_dict()
        return cls(
            erased=told["erased"],
            elsewhere=[path.name for path in receipt.elsewhere],
            notes=told["notes"],
            lines=[line for line in told["lines"] if not any(str(path) in line for path in receipt.elsewhere)],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundShape:
    """A place in one's conversations."""

    session_id: str
    #: None where the title was found.
    message_id: str | None
    title: str | None
    excerpt: str
    created_at: dt.datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceShape:
    """What was said that something was taken from."""

    message_id: str
    session_id: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class InsightShape:
    """Something that is remembered."""

    id: str
    assertion: str
    #: 0 to 1.
    confidence: float
    created_at: dt.datetime
    #: When the person reworded it.
    edited_at: dt.datetime | None
    source: SourceShape | None

    @classmethod
    def of(cls, insight: SemanticInsight, source: Source | None) -> InsightShape:
        """With where it was taken from, if that is kept."""
        taken = None
        if source is not None:
            taken = SourceShape(message_id=source.message_id, session_id=source.session_id, text=source.text)
        return cls(
            id=insight.id,
            assertion=insight.assertion,
            confidence=insight.confidence,
            created_at=insight.created_at,
            edited_at=insight.edited_at,
            source=taken,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SummaryShape:
    """What stands for older talk."""

    id: str
    level: int
    content: str
    period_start: dt.datetime
    period_end: dt.datetime
    message_count: int
    created_at: dt.datetime

    @classmethod
    def of(cls, summary: CondensedSummary) -> SummaryShape:
        """As it is kept."""
        return cls(
            id=summary.id,
            level=summary.level,
            content=summary.content,
            period_start=summary.period_start,
            period_end=summary.period_end,
            message_count=summary.source_message_count,
            created_at=summary.created_at,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryShape:
    """All that is remembered of a person beside their own words."""

    insights: Sequence[InsightShape]
    summaries: Sequence[SummaryShape]


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileShape:
    """The newest portrait."""

    version: int
    content: str
    created_at: dt.datetime
    #: Whether each model would have put its name to the other's; None: nobody was asked.
    consensus_reached: bool | None
    #: Of an earlier program's portraits.
    stability_score: float | None

    @classmethod
    def of(cls, profile: Profile) -> ProfileShape:
        """As it is kept."""
        log = profile.consensus_log if isinstance(profile.consensus_log, dict) else {}
        score = log.get("stability_score")
        return cls(
            version=profile.version,
            content=profile.content,
            created_at=profile.created_at,
            consensus_reached=reviews_of(profile).consensus,
            stability_score=float(score) if isinstance(score, int | float) else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PortraitShape:
    """A portrait, and what those who reviewed it thought."""

    id: str
    version: int
    content: str
    html: str
    created_at: dt.datetime
    consensus: bool | None
    #: Reviewer -> points.
    agreed: Mapping[str, Sequence[str]]
    disagreed: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, profile: Profile) -> PortraitShape:
        """As it is kept."""
        reviews = reviews_of(profile)
        return cls(
            id=profile.id,
            version=profile.version,
            content=profile.content,
            html=str(render(profile.content)),
            created_at=profile.created_at,
            consensus=reviews.consensus,
            agreed=reviews.agreed,
            disagreed=reviews.disagreed,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisShape:
    """How far the analysis is."""

    #: Of what no summary stands for yet, an estimate.
    uncondensed_tokens: int
    condensation_threshold: int
    summary_count: int
    has_profile: bool
    #: Turns that wait to be analysed.
    waiting: int
    #: What is about to be done: "reflect", "portrait", "upload".
    tasks: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class WeekShape:
    """What one week was like."""

    #: Its Monday.
    week: dt.date
    replies: int
    #: Name -> in how many turns.
    moods: Mapping[str, int]
    themes: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class ThemeShape:
    """What came up, in all weeks together."""

    name: str
    count: int
    last_at: dt.datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class JourneyShape:
    """Moods and themes over time."""

    weeks: Sequence[WeekShape]
    themes: Sequence[ThemeShape]


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkShape:
    """A work of the library."""

    author: str | None
    work: str | None
    passages: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PassageShape:
    """A passage of the library."""

    id: str
    #: "text", or "reflection": what the author says there in other words.
    kind: str
    text: str
    title: str | None
    author: str | None
    work: str | None
    place: str | None
    source: str | None
    reference: str
    #: Why it was found.
    reason: str

    @classmethod
    def of(cls, passage: Passage) -> PassageShape:
        """As it is kept."""
        return cls(
            id=passage.id,
            kind=passage.kind.value,
            text=passage.text,
            title=passage.title,
            author=passage.author,
            work=passage.work,
            place=passage.place,
            source=passage.source,
            reference=passage.reference,
            reason=passage.reason,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PassagesShape:
    """Part of the library."""

    passages: Sequence[PassageShape]
    #: Whether there are others after these.
    more: bool = False
    #: What limited a search.
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceShape:
    """A passage in its place."""

    passage: PassageShape
    before: Sequence[PassageShape]
    after: Sequence[PassageShape]


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadShape:
    """A file that was handed in."""

    id: str
    kind: Literal["journal", "texts"]
    name: str
    size: int
    #: "waiting", "working", "done" or "failed".
    state: str
    #: Bytes that are read, and all.
    done: int
    total: int
    #: What became of it; None before.
    report: Mapping[str, Any] | None
    created_at: dt.datetime
    finished_at: dt.datetime | None

    @classmethod
    def of(cls, upload: Upload) -> UploadShape:
        """As it is kept."""
        return cls(
            id=upload.id,
            kind=upload.kind,
            name=upload.name,
            size=upload.size,
            state=upload.state,
            done=upload.done,
            total=upload.total or upload.size,
            report=upload.report if isinstance(upload.report, dict) else None,
            created_at=upload.created_at,
            finished_at=upload.finished_at,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """It will be done."""

    id: str | None = None
    state: str = "waiting"


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigShape:
    """What a page needs to know before anybody signs in."""

    environment: str
    supabase_url: str | None
    supabase_anon_key: str | None
    #: How one signs in: "single", "local", "supabase".
    sign_in: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class UserShape:
    """Who asks."""

    id: str
    name: str | None
    created_at: dt.datetime
    #: ISO 3166-1 alpha-2.
    country: str | None
    #: Whether what they write may be analysed.
    consent: bool
    #: Whether they were asked.
    asked: bool
    #: Whether nothing new is remembered for now.
    paused: bool
    #: Whether they said that they are 18 or older.
    adult: bool
    #: "local", "supabase" or "single".
    provider: str
    operator: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LineShape:
    """A helpline; what is empty is not known."""

    name: str
    phone: str = ""
    text: str = ""
    chat: str = ""
    url: str = ""
    hours: str = ""
    languages: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class HelpShape:
    """Whom to turn to, now."""

    country: str
    country_name: str
    emergency: str
    lines: Sequence[LineShape]
    elsewhere: str
    reviewed: dt.date | None
    html: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthShape:
    """Whether the process lives, and its database answers."""

    #: "ok" or "failing".
    status: str
    database: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadyShape:
    """Whether this process can do all it is there for."""

    #: "ready" or "not ready".
    status: str
    checks: Mapping[str, Check]


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueShape:
    """Work of one kind that waits."""

    task: str
    waiting: int
    failed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TallyShape:
    """How often something happened on one day."""

    day: str
    what: str
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferralShape:
    """How often help was shown on one day, and what for."""

    day: str
    category: str
    level: str
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatorShape:
    """Health and counts; nothing about anybody."""

    version: str
    ready: ReadyShape
    #: Replies under way in this process.
    speaking: int
    queues: Sequence[QueueShape]
    tallies: Sequence[TallyShape]
    referrals: Sequence[ReferralShape]
