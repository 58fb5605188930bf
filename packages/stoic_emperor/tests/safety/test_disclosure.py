from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stoic_emperor.safety import disclosure
from stoic_emperor.safety.disclosure import AI_NOTICE, AI_REMINDER, notice_due

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_session_begins_with_the_notice() -> None:
    assert notice_due(None, NOW) == AI_NOTICE


def test_the_reminder_comes_every_three_hours() -> None:
    assert notice_due(NOW - timedelta(hours=2, minutes=59), NOW) is None
    assert notice_due(NOW - timedelta(hours=3), NOW) == AI_REMINDER


def test_the_notices_say_what_it_is() -> None:
    assert "not with a human being" in AI_NOTICE
    assert "not a human being" in AI_REMINDER
    assert "18" in disclosure.AGE_NOTICE


def test_no_ending_asks_a_person_to_stay_or_to_come_back() -> None:
    for closing in disclosure.SESSION_CLOSINGS:
        assert not any(word in closing.lower() for word in ("stay", "come back", "miss", "tomorrow", "streak", "wait"))
