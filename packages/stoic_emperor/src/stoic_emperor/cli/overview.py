"""What is remembered of a person, for the person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from capsa.terminal import clean, one_line

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.of_person import Source
    from stoic_emperor.infrastructure.person import Person
    from stoic_emperor.models import SemanticInsight


def show_memory(person: Person) -> None:
    """Everything that is remembered, with where it comes from and the id to erase it by."""
    user = person.get()
    if user is None:
        click.echo("Nothing is remembered.\n")
        return
    click.echo(f"Name: {clean(user.name or '(not given)')} · country: {user.country or '(not given)'}")
    click.echo(f"Analysis: {'allowed' if user.consent_at else 'not allowed'} · {'paused' if user.paused_at else 'on'}")
    if insights := person.insights():
        from stoic_emperor.memory.doubles import together

        click.secho("\nInsights", bold=True)
        sources, noted = person.insight_sources(), together(insights)
        # A list, not a table: whoever has talked for years has hundreds, and a table of those takes seconds to draw.
        click.echo("\n".join(_insight(same, sources.get(same[0].id)) for same in noted))
        if len(noted) < len(insights):
            click.echo("What was noted several times goes as a whole with /forget ID all (stoic forget ID --all).")
    if summaries := person.active_summaries():
        click.secho("\nSummaries", bold=True)
        for summary in summaries:
            told = f"{summary.period_start:%Y-%m-%d} to {summary.period_end:%Y-%m-%d}"
            click.echo(f"{summary.id[:8]}  {told}, {summary.source_message_count} messages\n{clean(summary.content)}")
    for profile in person.profiles(1):
        click.secho(f"\nPortrait, version {profile.version} of {profile.created_at:%Y-%m-%d}", bold=True)
        click.echo(clean(profile.content))
    totals = person.totals()
    click.echo(f"\nConversations: {totals.sessions}, with {totals.messages} messages.")
    if totals.waiting and user.remembers:
        click.echo(f"Waiting to be analysed: {totals.waiting}.")
    click.echo()


def _insight(same: Sequence[SemanticInsight], source: Source | None) -> str:
    insight, count = same[0], len(same)
    often = f", noted {count} times, also as {' '.join(one.id[:8] for one in same[1:])}" if count > 1 else ""
    told = (
        f"{insight.id[:8]}  {clean(insight.assertion)} "
        f"({insight.confidence:.0%} sure, {insight.created_at:%Y-%m-%d}{often})"
    )
    heard = "" if source is None else one_line(source.text, 100)
    return f"{told}\n          from your words: “{heard}”" if heard else told


def memory_as_json(person: Person) -> dict[str, Any]:
    """The same for a program."""
    user = person.get()
    totals = person.totals()
    return {
        "user": None if user is None else user.model_dump(mode="json"),
        "insights": [insight.model_dump(mode="json") for insight in person.insights()],
        "summaries": [summary.model_dump(mode="json") for summary in person.summaries()],
        "profiles": [profile.model_dump(mode="json") for profile in person.profiles()],
        "sessions": totals.sessions,
        "messages": totals.messages,
        "waiting": totals.waiting,
    }
