"""What a person can do in a conversation beside talking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from capsa.terminal import clean, one_line, table
from stoic_emperor.cli.overview import show_memory
from stoic_emperor.errors import NotFound
from stoic_emperor.models import Message, Role, now
from stoic_emperor.safety import resources_for
from stoic_emperor.text import plain_line

if TYPE_CHECKING:
    from stoic_emperor.cli.conversation import Conversation
    from stoic_emperor.memory.receipts import Receipt

Command = Callable[["Conversation", str], str | None]

HELP = (
    ("/new", "begin a new conversation"),
    ("/sessions", "list conversations"),
    ("/resume N|ID|last", "go on with one of them"),
    ("/title WORDS", "name this conversation; without words, take its name away"),
    ("/again", "ask for another reply to what you said last"),
    ("/memory", "see everything that is remembered of you"),
    ("/forget ID", "erase an insight, a message, a summary or a conversation, with all that came of it"),
    ("/forget ID all", "the same of an insight that was noted several times"),
    ("/correct ID WORDS", "put an insight right, in your words"),
    ("/forget last", "erase what you said last in this conversation"),
    ("/pause, /unpause", "remember nothing new; remember again"),
    ("/consent yes|no", "allow or stop the analysis of what you write"),
    ("/name NAME", "how you are called; without a name, nothing"),
    ("/country CODE", "where you are, for the numbers shown in need, e.g. GB"),
    ("/export FILE", "write all of it to a file, .json or .md"),
    ("/helplines", "people to turn to, now"),
    ('"""', "begin and end a message of several lines; or Alt-Enter for a new line"),
    ("exit, quit, q", "leave; so do Ctrl-D, and Ctrl-C at the prompt"),
)


class Leave(Exception):
    """The person is gone, and has asked for it."""


def _new(talk: Conversation, _: str) -> None:
    talk.session = None
    click.echo("A new conversation.\n")


def _sessions(talk: Conversation, _: str) -> None:
    listed = talk.person.sessions(30)
    if not listed:
        click.echo("No conversation yet.\n")
        return
    rows = [
        (
            str(number),
            entry.session.id[:8],
            f"{entry.last_at:%Y-%m-%d %H:%M}",
            str(entry.messages),
            one_line(entry.session.title or _first_words(talk, entry.session.id), 60),
        )
        for number, entry in enumerate(listed, 1)
    ]
    table(("", "id", "last", "messages", "about"), rows)


def _first_words(talk: Conversation, session_id: str) -> str:
    return next((m.content for m in talk.person.messages(session_id) if m.role == "user"), "")


def _resume(talk: Conversation, given: str) -> None:
    talk.session = talk.find(given or "last")
    talk.show_last(6)
    click.echo()


def _title(talk: Conversation, title: str) -> None:
    if talk.session is None:
        raise NotFound("this conversation has not begun: say something first")
    talk.session = talk.person.rename_session(talk.session.id, plain_line(title) or None)
    called = talk.session.title
    click.echo(f"This conversation {'has no name of its own' if called is None else f'is called {called}'}.\n")


def _again(_: Conversation, __: str) -> str:
    return "again"


def _memory(talk: Conversation, _: str) -> None:
    show_memory(talk.person)


def last_said(messages: Sequence[Message]) -> Message:
    """What the person said last of it.

    Raises:
        NotFound: the person said nothing of it.
    """
    said = [message for message in messages if message.role == Role.USER]
    if not said:
        raise NotFound("nothing has been said yet")
    return said[-1]


def _forget(talk: Conversation, given: str) -> None:
    if not given:
        raise NotFound("what shall be forgotten? /memory shows the ids; /forget last means what you said last")
    named, _, more = given.partition(" ")
    if more not in {"", "all"}:
        raise NotFound("after the id there may only be `all`: of an insight, each other that says the same, too")
    forgetting = talk.application.forgetting(talk.person)
    if named == "last":
        if talk.session is None:
            raise NotFound("nothing has been said in this conversation yet: /sessions lists the others")
        show_receipt(forgetting.message(last_said(talk.person.last_messages(talk.session.id, 50)).id))
    else:
        show_receipt(forgetting.named(named, and_same=more == "all"))
    if talk.session is not None and talk.person.session(talk.session.id) is None:
        talk.session = None


def _correct(talk: Conversation, given: str) -> None:
    from stoic_emperor.memory.correcting import correct_insight

    id_, _, words = given.partition(" ")
    corrected = correct_insight(talk.person, talk.application.recall(talk.person.user_id), id_, words)
    click.echo(f"Kept: {clean(corrected.assertion)}\n")


def show_receipt(receipt: Receipt) -> None:
    """What was erased."""
    for line in receipt.lines:
        click.echo(clean(line))
    click.echo()


def _pause(talk: Conversation, _: str) -> None:
    talk.person.change(paused_at=now())
    click.echo("Nothing new is remembered until /unpause. The conversation itself is kept; /forget erases it.\n")


def _unpause(talk: Conversation, _: str) -> None:
    talk.person.change(paused_at=None)
    click.echo("What you say is remembered again.\n")


def _consent(talk: Conversation, given: str) -> None:
    if given.lower() not in {"yes", "no"}:
        raise NotFound("say /consent yes or /consent no")
    agreed = given.lower() == "yes"
    talk.person.agree(agreed)
    click.echo(
        "What you write from now on is analysed; what you wrote before only if you ask: `stoic reflect --past`.\n"
        if agreed
        else "Nothing is analysed any more. What was noted stays until you erase it: /memory, /forget.\n"
    )


def _name(talk: Conversation, name: str) -> None:
    called = talk.person.change(name=plain_line(name[:200]) or None).name
    click.echo(f"You are called {called}.\n" if called else "You have no name here.\n")


def _country(talk: Conversation, code: str) -> None:
    card = resources_for(code.upper() or None)
    talk.person.change(country=code.upper() or None)
    click.echo(f"{card.country_name or 'The international numbers are shown.'}\n")


def _export(talk: Conversation, given: str) -> None:
    if not given:
        raise NotFound("which file? e.g. /export me.json, or /export me.md to read")
    from stoic_emperor.memory.exporting import write_export

    path = Path(given).expanduser()
    write_export(talk.person, talk.application.recall(talk.person.user_id), path)
    click.echo(f"Written to {path}, for your eyes only.\n")


def _helplines(talk: Conversation, _: str) -> None:
    user = talk.person.get()
    click.echo(f"{resources_for(user.country if user else None).as_text()}\n")


def _help(_: Conversation, __: str) -> None:
    width = max(len(name) for name, _ in HELP)
    for name, what in HELP:
        click.echo(f"  {name:<{width}}  {what}")
    click.echo()


def _leave(_: Conversation, __: str) -> None:
    raise Leave


COMMANDS: dict[str, Command] = {
    "new": _new,
    "sessions": _sessions,
    "resume": _resume,
    "title": _title,
    "again": _again,
    "memory": _memory,
    "correct": _correct,
    "forget": _forget,
    "pause": _pause,
    "unpause": _unpause,
    "consent": _consent,
    "name": _name,
    "country": _country,
    "export": _export,
    "helplines": _helplines,
    "help": _help,
    "exit": _leave,
    "quit": _leave,
}
