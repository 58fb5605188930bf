"""``stoic memory|forget|export|erase|consent|search|sessions|reembed|reflect``: what is kept, for its owners."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from capsa.terminal import clean, json_option, one_line, table, write_json
from stoic_emperor.cli.terminal import Bar, application, note, user_option

if TYPE_CHECKING:
    from stoic_emperor.application import Application
    from stoic_emperor.infrastructure.person import Person

#: More than anybody has ever said.
_EVERYTHING = 1_000_000


@click.command(epilog="\b\nExample:\n  stoic memory --user anna")
@user_option
@json_option
def memory(user_id: str, as_json: bool) -> None:
    """Show everything that is remembered of somebody, and where it comes from."""
    from stoic_emperor.cli.overview import memory_as_json, show_memory

    with application() as opened:
        person = opened.database.person(user_id)
        if as_json:
            write_json(memory_as_json(person))
        else:
            show_memory(person)


@click.command(epilog="\b\nExamples:\n  stoic forget 3f2a91c0 --user anna\n  stoic forget last")
@click.argument("id_", metavar="ID|last")
@click.option("--all", "and_same", is_flag=True, help="Of an insight, each other that says the same, too.")
@user_option
@json_option
def forget(id_: str, and_same: bool, user_id: str, as_json: bool) -> None:
    """Erase an insight, a message, a summary or a conversation, with all that came of it; last: what was said last."""
    from stoic_emperor.cli.commands import last_said
    from stoic_emperor.cli.scrubbing import Scrubbing

    with application() as opened, Scrubbing(opened.database):
        person = opened.database.person(user_id)
        forgetting = opened.forgetting(person)
        if id_ == "last":
            said = last_said(person.recent_messages(50))
            receipt = forgetting.message(said.id)
            note(f"forgotten is what was said on {said.created_at:%Y-%m-%d at %H:%M} (UTC)")
        else:
            receipt = forgetting.named(id_, and_same=and_same)
        if as_json:
            write_json(receipt.to_dict())
        else:
            click.echo("\n".join(map(clean, receipt.lines)))


@click.command(epilog="\b\nExample:\n  stoic erase --user anna")
@user_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def erase(user_id: str, yes: bool, as_json: bool) -> int:
    """Erase everything of somebody, and say what was erased, table by table."""
    from stoic_emperor.cli.scrubbing import Scrubbing

    with application() as opened, Scrubbing(opened.database):
        person = opened.database.person(user_id)
        if person.get() is None:
            note(f"there is no user {user_id!r}: stoic users lists them")
            return 1
        if not yes:
            if not sys.stdin.isatty():
                note("nothing was erased: add --yes to erase without being asked")
                return 1
            click.confirm(f"Erase everything of {user_id!r}? This cannot be undone", abort=True)
        receipt = opened.forgetting(person).everything()
        if as_json:
            write_json(receipt.to_dict())
        else:
            table(("table", "rows erased"), [(name, str(count)) for name, count in receipt.erased.items()])
            click.echo("\n".join(map(clean, receipt.lines[1:])))
    return 0


@click.command(epilog="\b\nExamples:\n  stoic export --user anna me.json\n  stoic export --user anna me.md")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), default="-")
@user_option
def export(file: Path, user_id: str) -> int:
    """Write all that is kept of somebody to a new file: .json, or .md to read. Without a file, JSON to the terminal."""
    from stoic_emperor.memory.exporting import export_json, write_export

    with application() as opened:
        person = opened.database.person(user_id)
        if person.get() is None:
            note(f"there is no user {user_id!r}: stoic users lists them")
            return 1
        recall = opened.recall(user_id)
        if str(file) == "-":
            for piece in export_json(person, recall):
                click.echo(piece, nl=False)
            return 0
        try:
            write_export(person, recall, file)
        except FileExistsError:
            note(f"{file} exists already: name a new file; nothing was written")
            return 1
    note(f"written to {file}, for its owner's eyes only")
    return 0


@click.command(epilog="\b\nExample:\n  stoic consent no --user anna")
@click.argument("answer", type=click.Choice(["yes", "no"]))
@user_option
def consent(answer: str, user_id: str) -> None:
    """Allow or stop the analysis of what somebody writes. Without it they can talk all the same."""
    with application() as opened:
        person = opened.database.person(user_id)
        person.ensure()
        person.agree(answer == "yes")
    click.echo(
        "What is written from now on is analysed; what was written before only if asked for: `stoic reflect --past`."
        if answer == "yes"
        else "Nothing is analysed any more."
    )


@click.command(epilog='\b\nExample:\n  stoic search "losing my temper"')
@click.argument("query")
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1, 1000))
@json_option
def search(query: str, limit: int, as_json: bool) -> int:
    """Search the library."""
    if not query.strip():
        raise click.UsageError("what shall be looked for? Give a few words")
    with application() as opened:
        found = opened.library.search(query, limit)
    if as_json:
        write_json(
            [
                {"text": p.text, "reference": p.reference, "title": p.title, "score": p.score, "why": p.reason}
                for p in found
            ]
        )
    else:
        for passage in found:
            click.echo(f"{clean(passage.text)}\n  — {clean(passage.credit)}  [{clean(passage.reason)}]\n")
        for line in found.notes:
            note(line)
    if not found:
        note("nothing found; is the library imported? stoic import ./data/stoic_texts")
        return 1
    return 0


@click.command(epilog="\b\nExample:\n  stoic sessions --user anna")
@user_option
@json_option
def sessions(user_id: str, as_json: bool) -> None:
    """List somebody's conversations, newest first."""
    with application() as opened:
        listed = opened.database.person(user_id).sessions()
    if as_json:
        write_json(
            [
                {
                    **entry.session.model_dump(mode="json"),
                    "messages": entry.messages,
                    "last_at": entry.last_at.isoformat(),
                }
                for entry in listed
            ]
        )
        return
    rows = [
        (e.session.id, f"{e.session.created_at:%Y-%m-%d %H:%M}", str(e.messages), one_line(e.session.title or "", 60))
        for e in listed
    ]
    table(("id", "begun", "messages", "title"), rows)


@click.command(epilog="\b\nExample:\n  stoic reembed")
def reembed() -> int:
    """Give every text a vector of the configured model; may be stopped and begun again. Search goes on meanwhile."""
    from stoic_emperor.memory.reembedding import reembed_everything

    with application() as opened:
        if opened.embedder is None:
            note("memory.embedding_model is none: there is no model to make vectors with")
            return 1
        made = reembed_everything(opened.database, opened.embedder, Bar("embedding"))
    click.echo(f"{made} vectors made.")
    return 0


@click.command(epilog="\b\nExamples:\n  stoic reflect --user anna\n  stoic reflect --past")
@user_option
@click.option("--past", is_flag=True, help="Also what was said before it was allowed, such as a past brought along.")
@click.option("--yes", is_flag=True, help="With --past: do not ask.")
def reflect(user_id: str, past: bool, yes: bool) -> int:
    """Work off what waits to be analysed and condensed.

    How much --past is, and about how many calls it takes, is said and asked first.
    """
    from stoic_emperor.application import Worked

    with application() as opened:
        if opened.model is None:
            note("no language model is configured: what waits goes on waiting")
            return 1
        person = opened.database.person(user_id)
        if past and not _past_is_wanted(opened, person, yes=yes):
            return 1

        async def work() -> Worked:
            try:
                return await opened.reflect(person, most=_EVERYTHING if past else 1_000, past=past)
            finally:
                await opened.aclose()

        done = asyncio.run(work())
    click.echo(f"Analysed: {done.turns}. Summaries: {done.summaries}.")
    if done.left:
        note(f"{done.left} could not be analysed by this model, and wait for another try")
    return 1 if done.left else 0


def _past_is_wanted(opened: Application, person: Person, *, yes: bool) -> bool:
    """Whether all that waits is to be analysed: how much that is, is said first."""
    from stoic_emperor.memory.tokens import count_tokens

    user = person.get()
    if user is None or not user.remembers:
        note(f"the analysis of what {person.user_id!r} writes is not allowed, or paused: stoic consent yes allows it")
        return False
    chunk = opened.configuration.settings.condensation.chunk_threshold_tokens
    turns = len(person.unprocessed_replies())
    messages = tokens = 0
    for message in person.walk_uncondensed():
        messages, tokens = messages + 1, tokens + count_tokens(message.content)
    click.echo(
        f"{turns} turns wait to be analysed, a call each at most, and {messages} messages stand in no summary yet, "
        f"some {tokens // chunk} calls: about {turns + tokens // chunk} calls to {opened.model and opened.model.name}."
    )
    if not yes and not sys.stdin.isatty():
        note("nothing was analysed: add --yes to have it done without being asked")
        return False
    return yes or click.confirm("Shall all of it be analysed?")


COMMANDS = (memory, forget, erase, export, consent, search, sessions, reembed, reflect)
