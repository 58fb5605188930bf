"""``stoic chat``: talking, in a terminal."""

from __future__ import annotations

import click

from stoic_emperor.cli.terminal import DEFAULT_USER, application


@click.command(
    "chat",
    epilog="""\b
Examples:
  stoic chat                    a new conversation
  stoic chat --continue         where you left off
  echo "I lost my temper" | stoic chat""",
)
@click.option("--user", "user_id", default=DEFAULT_USER, show_default=True, metavar="NAME", help="Who is talking.")
@click.option("--session", "session_id", metavar="ID", help="Go on with this conversation; the start of an id will do.")
@click.option("--continue", "-c", "latest", is_flag=True, help="Go on with the last conversation.")
def command(user_id: str, session_id: str | None, latest: bool) -> int:
    """Talk with the Emperor.

    In a conversation, /help lists what you can do beside talking. A reply is stopped with Ctrl-C, and kept as far as
    it came. What you say is on the disk before it is answered.
    """
    if session_id and latest:
        raise click.UsageError("--session and --continue name two conversations: give one of them")
    from stoic_emperor.cli.conversation import Conversation

    with application() as opened:
        talk = Conversation(opened, user_id)
        talk.hold(session_id=session_id, latest=latest)
        # A program that pipes a question in wants to know; a person has seen it.
        return 1 if talk.failed and not talk.interactive else 0
