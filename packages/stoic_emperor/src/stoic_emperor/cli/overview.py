"""What is remembered of a person, for the person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from capsa.terminal import clean, one_line, table

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person


def show_memory(person: Person) -> None:
    """Everything that is remembered, with where it comes from and the id to erase it by."""
    user = person.get()
    if user is None:
        click.echo("Nothing is remembered.\n")
        return
    click.echo(f"Name: {clean(user.name or '(not given)')} · country: {user.country or '(not given)'}")
    click.echo(f"Analysis: {'allowed' if user.consent_at else 'not allowed'} · {'paused' if user.paused_at else 'on'}")
    if insights := person.insights():
        click.secho("\nInsights", bold=True)
        rows = []
        sources = person.insight_sources()
        for insight in insights:
            source = sources.get(insight.id)
            heard = "" if source is None else one_line(source.text, 60)
            rows.append(
                (
                    insight.id[:8],
                    insight.assertion,
                    f"{insight.confidence:.0%}",
                    f"{insight.created_at:%Y-%m-%d}",
                    f"“{heard}”" if heard else "",
                )
            )
        table(("id", "insight", "sure", "noted", "from your words"), rows)
    if summaries := [summary for summary in person.summaries() if summary.condensed_into is None]:
        click.secho("\nSummaries", bold=True)
        table(
            ("id", "from", "to", "messages", "summary"),
            [
                (
                    s.id[:8],
                    f"{s.period_start:%Y-%m-%d}",
                    f"{s.period_end:%Y-%m-%d}",
                    str(s.source_message_count),
                    s.content,
                )
                for s in summaries
            ],
        )
    for profile in person.profiles(1):
        click.secho(f"\nPortrait, version {profile.version} of {profile.created_at:%Y-%m-%d}", bold=True)
        click.echo(clean(profile.content))
    listed = person.sessions()
    click.echo(f"\nConversations: {len(listed)}, with {sum(entry.messages for entry in listed)} messages.")
    waiting = len(person.unprocessed_replies())
    if waiting and user.remembers:
        click.echo(f"Waiting to be analysed: {waiting}.")
    click.echo()


def memory_as_json(person: Person) -> dict[str, Any]:
    """The same for a program."""
    user = person.get()
    listed = person.sessions()
    return {
        "user": None if user is None else user.model_dump(mode="json"),
        "insights": [insight.model_dump(mode="json") for insight in person.insights()],
        "summaries": [summary.model_dump(mode="json") for summary in person.summaries()],
        "profiles": [profile.model_dump(mode="json") for profile in person.profiles()],
        "sessions": len(listed),
        "messages": sum(entry.messages for entry in listed),
        "waiting": len(person.unprocessed_replies()),
    }
