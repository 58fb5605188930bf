"""Moods and themes, week by week."""

from __future__ import annotations

import datetime as dt

from stoic_emperor.infrastructure.person import Person
from stoic_emperor.memory.journey import journey
from stoic_emperor.models import Message, PsychUpdate, Role

WEDNESDAY = dt.datetime(2026, 3, 4, 23, 30, tzinfo=dt.UTC)


def noticed(person: Person, at: dt.datetime, mood: str, *themes: str) -> None:
    session = person.latest_session() or person.begin_session()
    update = PsychUpdate(emotional_state=mood, detected_patterns=list(themes))
    person.add_message(
        Message(session_id=session.id, role=Role.EMPEROR, content="…", psych_update=update, created_at=at)
    )


def test_nothing_analysed_is_an_empty_journey(anna: Person) -> None:
    session = anna.begin_session()
    anna.add_message(Message(session_id=session.id, role=Role.USER, content="hello"))
    assert journey(anna).weeks == ()
    assert journey(anna).themes == ()


def test_turns_are_counted_in_the_week_they_belong_to(anna: Person, boris: Person) -> None:
    noticed(anna, WEDNESDAY, "calm", "puts work before sleep")
    noticed(anna, WEDNESDAY + dt.timedelta(days=4), "Calm.", "Puts  work before sleep", "worries at night")
    noticed(anna, WEDNESDAY + dt.timedelta(days=5), "", "worries at night")
    noticed(boris, WEDNESDAY, "angry", "quarrels")
    found = journey(anna)
    assert [(week.week, week.replies, week.moods, week.themes) for week in found.weeks] == [
        (dt.date(2026, 3, 2), 2, {"calm": 2}, {"puts work before sleep": 2, "worries at night": 1}),
        (dt.date(2026, 3, 9), 1, {}, {"worries at night": 1}),
    ]


def test_themes_come_by_how_often_and_say_when_last(anna: Person) -> None:
    noticed(anna, WEDNESDAY, "calm", "b", "c")
    noticed(anna, WEDNESDAY + dt.timedelta(days=1), "calm", "b")
    assert [(theme.name, theme.count, theme.last_at) for theme in journey(anna).themes] == [
        ("b", 2, WEDNESDAY + dt.timedelta(days=1)),
        ("c", 1, WEDNESDAY),
    ]


def test_what_said_twice_in_one_turn_counts_once(anna: Person) -> None:
    noticed(anna, WEDNESDAY, "calm", "haste", "Haste.")
    assert journey(anna).weeks[0].themes == {"haste": 1}


def test_labels_of_earlier_programs_are_in_no_picture(anna: Person) -> None:
    noticed(anna, WEDNESDAY, "clinically_depressed", "avoidant_attachment_style", "victim_mindset", "works_too_late")
    (week,) = journey(anna).weeks
    assert (week.moods, week.themes) == ({}, {"works too late": 1})


def test_what_was_forgotten_is_in_no_picture(anna: Person) -> None:
    noticed(anna, WEDNESDAY, "calm", "haste")
    (message,) = anna.recent_messages()
    with anna.writing() as tx:
        anna.run(tx, "blank_analysis", id=message.id)
    assert journey(anna).weeks == ()
