"""``stoic analyze``: the portrait of a person."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from capsa.terminal import clean, json_option, write_json
from stoic_emperor.cli.terminal import application, note, user_option

if TYPE_CHECKING:
    from stoic_emperor.application import Application
    from stoic_emperor.infrastructure.person import Person
    from stoic_emperor.models import Profile


@click.command(
    "analyze",
    epilog="""\b
Examples:
  stoic analyze --show
  stoic analyze --user anna --force""",
)
@user_option
@click.option("--force", is_flag=True, help="Also if there is little new since the last portrait.")
@click.option("--show", is_flag=True, help="Show the last portrait; no model is asked, unless by --force.")
@json_option
def command(user_id: str, force: bool, show: bool, as_json: bool) -> int:
    """Write a portrait from what is remembered: two models write, review each other, and revise.

    How many calls it can cost is said before the first one.
    """
    with application() as opened:
        person = opened.database.person(user_id)
        if show and not force:
            profile = next(iter(person.profiles(1)), None)
            if profile is None:
                note(f"there is no portrait of {user_id!r} yet: stoic analyze --force writes one")
                return 1
        else:
            found = asyncio.run(_write(opened, person, force=force))
            if found is None:
                return 1
            profile = found
        if as_json:
            write_json(profile.model_dump(mode="json"))
        else:
            _show(profile)
    return 0


async def _write(opened: Application, person: Person, *, force: bool) -> Profile | None:
    model = opened.model
    if model is None:
        note(
            "a portrait needs a language model: set LLM_MAIN_MODEL with LLM_BASE_URL, OPENAI_API_KEY "
            "or ANTHROPIC_API_KEY"
        )
        return None
    user = person.get()
    if user is None:
        note(f"there is no user {person.user_id!r}: name one that exists")
        return None
    if user.consent_at is None:
        note("you have not allowed the analysis of what you write: /consent yes in a conversation allows it")
        return None
    last = next(iter(person.profiles(1)), None)
    wanted = opened.configuration.settings.aegean_consensus.sessions_between_analysis
    fresh = person.sessions_since(last.created_at if last else None)
    if fresh < wanted and not force:
        note(f"{fresh} conversations since the last portrait, and {wanted} are wanted: --force writes one all the same")
        return None
    writing = opened.portraying(person, model)
    try:
        waiting = len(person.unprocessed_replies(since=user.consent_at))
        note(f"at most {writing.most_calls} calls for the portrait, and {waiting} for turns that wait to be analysed")
        await opened.reflect(person, most=waiting)
        return await writing.write(lambda what, done, most: note(f"{what} ({done + 1} of at most {most})"))
    finally:
        await opened.aclose()


def _show(profile: Profile) -> None:
    click.secho(f"Portrait, version {profile.version}, {profile.created_at:%Y-%m-%d %H:%M} UTC", bold=True)
    click.echo(f"\n{clean(profile.content)}\n")
    log: Any = profile.consensus_log
    if not isinstance(log, dict):
        return
    models = log.get("models") or []
    if len(models) < 2:
        click.echo(f"Written by one model ({', '.join(map(str, models))}): nobody reviewed it.")
        return
    rounds = log.get("rounds") or []
    agreed = "agreed" if log.get("consensus") else "did not agree"
    click.echo(
        f"{models[0]} and {models[1]} {agreed} after {len(rounds)} rounds; this is the version of {log.get('chosen')}."
    )
    for reviewer, review in (rounds[-1].get("reviews") or {}).items() if rounds else ():
        for heading, lines in (("agrees", review.get("agreements")), ("does not agree", review.get("concerns"))):
            for line in lines or []:
                click.echo(clean(f"  {reviewer} {heading}: {line}"))
