"""The values that Stoic Emperor keeps, under the names its users' programs know.

Times are timezone-aware. Models are immutable: what is stored is changed through the database, and read again.
"""

from __future__ import annotations

import datetime as dt
import enum
import math
import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from stoic_emperor.llm.answers import confidence
from stoic_emperor.text import all_whole

#: Before anything was ever said.
ALWAYS = dt.datetime.min.replace(tzinfo=dt.UTC)


def new_id() -> str:
    """A fresh id for a row."""
    return str(uuid.uuid4())


def now() -> dt.datetime:
    """The present moment, in UTC."""
    return dt.datetime.now(dt.UTC)


def _aware(value: dt.datetime) -> dt.datetime:
    # A program of the predecessor's time gives naive local times.
    return value.astimezone(dt.UTC)


def _stored_confidence(value: Any) -> Any:
    # Files of the predecessor's time hold null where a model said NaN.
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return 0.5
    return confidence(value)


Time = Annotated[dt.datetime, AfterValidator(_aware)]
Confidence = Annotated[float, BeforeValidator(_stored_confidence), Field(ge=0, le=1)]


class Role(enum.StrEnum):
    """Who wrote a message."""

    USER = "user"
    EMPEROR = "emperor"


class Status(enum.StrEnum):
    """How far a message came."""

    COMPLETE = "complete"
    #: Under way, or cut off by a crash.
    STREAMING = "streaming"
    STOPPED = "stopped"
    FAILED = "failed"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _whole_characters(cls, data: Any) -> Any:
        return all_whole(data)


class SemanticAssertion(_Model):
    """Something a person's words say about them, in plain words."""

    text: str
    confidence: Confidence = 0.5


def _readable(value: Any) -> Any:
    """The assertions that are some: one that is not must not cost the others."""
    if not isinstance(value, list):
        return value
    kept = []
    for item in value:
        try:
            kept.append(SemanticAssertion.model_validate(item))
        except ValidationError:
            continue
    return kept


class PsychUpdate(_Model):
    """What the analysis of one turn noticed. Never diagnostic; shown to the person in full."""

    detected_patterns: list[str] = []
    emotional_state: str = ""
    stoic_principle_applied: str = ""
    suggested_next_direction: str = ""
    confidence: Confidence = 0.5
    semantic_assertions: Annotated[list[SemanticAssertion], BeforeValidator(_readable)] = []


class EmperorResponse(_Model):
    """A reply and the analysis of its turn, as programs of the predecessor's time expect them together."""

    response_text: str
    psych_update: PsychUpdate | None = None


class User(_Model):
    """A person who talks with the Emperor."""

    id: str = Field(default_factory=new_id, min_length=1)
    name: str | None = None
    created_at: Time = Field(default_factory=now)
    #: When they agreed that what they write is analysed; None: no, or no longer.
    consent_at: Time | None = None
    #: When they were asked; None: not yet.
    asked_at: Time | None = None
    #: Since when nothing new is remembered.
    paused_at: Time | None = None
    #: ISO 3166-1 alpha-2.
    country: str | None = None

    @property
    def remembers(self) -> bool:
        """Whether what they write may be analysed and remembered."""
        return self.consent_at is not None and self.paused_at is None

    def allowed_since(self, *, past: bool = False) -> dt.datetime:
        """From when on what they said may be analysed; ``past``: they have asked for all of it."""
        return ALWAYS if past or self.consent_at is None else self.consent_at


class Session(_Model):
    """One conversation."""

    id: str = Field(default_factory=new_id, min_length=1)
    user_id: str
    created_at: Time = Field(default_factory=now)
    title: str | None = None
    metadata: Mapping[str, Any] = {}


class Message(_Model):
    """One thing that was said."""

    id: str = Field(default_factory=new_id, min_length=1)
    session_id: str
    #: "user" or "emperor"; old files may have others.
    role: str
    content: str
    #: The analysis of the turn that this reply ended; None also if what is stored cannot be read as one.
    psych_update: PsychUpdate | None = None
    created_at: Time = Field(default_factory=now)
    semantic_processed_at: Time | None = None
    status: Status = Status.COMPLETE


class SemanticInsight(_Model):
    """Something remembered about a person, and where it comes from."""

    id: str = Field(default_factory=new_id, min_length=1)
    user_id: str
    source_message_id: str | None = None
    assertion: str
    confidence: Confidence = 0.5
    created_at: Time = Field(default_factory=now)
    #: When the person reworded it.
    edited_at: Time | None = None


class CondensedSummary(_Model):
    """What stands for older messages (level 1), or for summaries of the level below."""

    id: str = Field(default_factory=new_id, min_length=1)
    user_id: str
    level: int = 1
    content: str
    period_start: Time
    period_end: Time
    source_message_count: int = 0
    source_word_count: int = 0
    source_summary_ids: list[str] = []
    consensus_log: Any = None
    created_at: Time = Field(default_factory=now)
    #: The summary that stands for this one; None: it is in use.
    condensed_into: str | None = None


class Profile(_Model):
    """What two models, or one, wrote about a person from all that is remembered; the newest version counts."""

    id: str = Field(default_factory=new_id, min_length=1)
    user_id: str
    version: int = 1
    content: str
    consensus_log: Any = None
    created_at: Time = Field(default_factory=now)
