"""What is said about the program itself: that it is one, whom it is for, and how a session ends."""

from __future__ import annotations

from datetime import datetime, timedelta

#: Shown before the first exchange.
AI_NOTICE = (
    "You are talking with a computer program, not with a human being. It speaks in the manner of Marcus Aurelius, "
    "it can be wrong, and it is no doctor, therapist or crisis service."
)

#: Shown again while a session lasts.
AI_REMINDER = "A reminder: this is a computer program, not a human being. It cannot feel, and it can be wrong."

#: How long a session may last before the reminder comes (again).
REMINDER_INTERVAL = timedelta(hours=3)

AGE_NOTICE = "Stoic Emperor is for adults: you must be 18 or older to use it."

#: Said where the reflection begins: what it is for.
PURPOSE_NOTICE = "It is meant for reflection. It does not examine, judge or treat anyone's health."

#: Calm ways to end a session; none asks a person to stay or to come back.
SESSION_CLOSINGS = (
    "Take from this what is useful, and leave the rest. Be well.",
    "Enough for now. The day is yours.",
    "What you do next matters more than what was said here. Be well.",
)

#: Offered after a long stretch, once, without a question that keeps a person here.
PAUSE_SUGGESTION = "You have been here a while. This may be a good place to stop and do something else."


def notice_due(last_notice: datetime | None, now: datetime) -> str | None:
    """The notice to show at ``now``: at the start of a session, then every three hours; None when none is due.

    Args:
        last_notice: When this session last showed a notice; None at its start.
        now: The present time.
    """
    if last_notice is None:
        return AI_NOTICE
    return AI_REMINDER if now - last_notice >= REMINDER_INTERVAL else None
