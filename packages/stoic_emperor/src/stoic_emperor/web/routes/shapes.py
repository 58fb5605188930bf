"""What the API answers. Times are ISO 8601 in UTC."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stoic_emperor.infrastructure.of_person import Listed, Source
from stoic_emperor.memory.receipts import Receipt
from stoic_emperor.memory.reviews import reviews_of
from stoic_emperor.models import CondensedSummary, Message, Profile, SemanticInsight, Session
from stoic_emperor.web.rendering import render


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
    """One of one's conversations, and the place in it that fits best."""

    session_id: str
    #: None where only the title was found.
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
class Accepted:
    """It will be done."""

    id: str | None = None
    state: str = "waiting"
