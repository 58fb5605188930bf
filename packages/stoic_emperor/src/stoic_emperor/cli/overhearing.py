"""Showing a reply that somebody else gives in the conversation at hand: on a page, or in another terminal."""

from __future__ import annotations

import sys

import click

from capsa.terminal import clean
from stoic_emperor.cli.terminal import note
from stoic_emperor.models import Message, Status

_ELSEWHERE = "a reply is just being given elsewhere in this conversation"
_STOPPED = "it was stopped"


class Overheard:
    """What is shown of it as it comes. Through a pipe only that it is waited for: it answers other words."""

    def __init__(self, then: str, *, interactive: bool) -> None:
        """Nothing is shown yet.

        Args:
            then: what comes of waiting for it.
        """
        self._then = then
        self._interactive = interactive
        self._id = ""
        self._shown = ""

    @property
    def is_heard(self) -> bool:
        """Whether one is under way that was not shown to its end."""
        return bool(self._id)

    def show(self, reply: Message) -> None:
        """More of it, or its end."""
        if reply.id != self._id:
            note(f"{_ELSEWHERE}: {self._then}")
            self._id, self._shown = reply.id, ""
            self._echo(f"\n{click.style('Marcus', bold=True)}: ")
        if not reply.content.startswith(self._shown):
            self._echo("\n")
            self._shown = ""
        self._echo(clean(reply.content[len(self._shown) :]))
        self._shown = reply.content
        if reply.status is not Status.STREAMING:
            self._echo("\n\n" if reply.status is Status.COMPLETE else f"\n[{_STOPPED}]\n\n")
            self._id = ""

    def _echo(self, text: str) -> None:
        if self._interactive:
            click.echo(text, nl=False)
            sys.stdout.flush()
