"""A conversation in a terminal, or through a pipe."""

from __future__ import annotations

import asyncio
import sys
import threading
from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from capsa import CapsaError
from capsa.terminal import clean
from stoic_emperor.cli.commands import COMMANDS, Leave
from stoic_emperor.cli.overhearing import Overheard
from stoic_emperor.cli.reading import Reader
from stoic_emperor.cli.scrubbing import Scrubbing
from stoic_emperor.cli.terminal import Bar, note
from stoic_emperor.companion.background import Background
from stoic_emperor.companion.elsewhere import followed
from stoic_emperor.companion.events import Elsewhere, Event, Failed, Finished, HelpShown, Piece
from stoic_emperor.errors import NotFound, StoicError, explain
from stoic_emperor.infrastructure.person import SILENT
from stoic_emperor.models import Message, Role, Session, Status, now
from stoic_emperor.safety.disclosure import AGE_NOTICE, AI_NOTICE, PURPOSE_NOTICE, SESSION_CLOSINGS, notice_due

if TYPE_CHECKING:
    import datetime as dt

    from stoic_emperor.application import Application

_CONSENT = (
    "May what you write from now on also be analysed after each reply, so that I remember what matters to you? You see "
    "all of it with /memory, and can stop or erase it at any time. Without it we talk all the same."
)
_STOPPED = "The reply was stopped: it began to say what must not be said to anybody."
_TO_BE_SAFE = "Nothing was found in what you wrote, but the second look at it failed; these are shown to be safe."
_FOLLOWED = "it is shown as it comes, and Ctrl-C goes on without it"
_THEN_YOURS = "yours comes after it, and Ctrl-C stops waiting"
_NOT_WAITED = "not waited for; what you said is kept: /again asks for its reply, and /new begins another conversation"
_NO_REPLY = "no reply came: /again asks once more"
_STOPPED_HERE = "stopped; what came of it is kept"
_STOPPED_ELSEWHERE = "stopped from elsewhere; what came of it is kept"
_ERASED_ELSEWHERE = "erased from elsewhere while it came"
#: Seconds after which the prompt is surely shown.
_PROMPT_SHOWN = 0.5
_LEAVING = frozenset({"exit", "quit", "q", "/exit", "/quit", "/q"})


class Conversation:
    """One sitting of one person."""

    def __init__(self, application: Application, user_id: str) -> None:
        """Nothing is read yet."""
        self.application = application
        self.person = application.database.person(user_id)
        self.reader = Reader()
        self.session: Session | None = None
        #: Whether the last reply failed.
        self.failed = False
        self._runner = asyncio.Runner()
        self._noticed_at: dt.datetime | None = None
        self._first_time = False
        self._stored = False
        self._answered = False

    @property
    def interactive(self) -> bool:
        """Whether a person sits there."""
        return self.reader.interactive

    def hold(self, *, session_id: str | None, latest: bool) -> None:
        """Talk until the person leaves.

        Raises:
            NotFound: the conversation to go on with is not this person's.
        """
        self._first_time = self.person.get() is None
        self.person.ensure()
        self.person.settle_interrupted(now() - SILENT)
        if session_id:
            self.session = self.find(session_id)
        elif latest:
            self.session = self.person.latest_spoken_session()
            if self.session is None:
                note("there is no conversation yet: this is the first")
        if self._first_time:
            self._fill_the_library()
        with self._runner:
            self._sit()

    def _sit(self) -> None:
        self._open()
        # What an answer takes loads while the first line is typed, and not before the prompt is there.
        loading = threading.Timer(_PROMPT_SHOWN, self._load)
        loading.daemon = True
        loading.start()
        with (
            Scrubbing(self.application.database),
            Background(self.application, self.person.user_id) as background,
        ):
            try:
                self._talk(background)
            finally:
                self._runner.run(self._close())
        if self.interactive:
            click.echo(f"\n{SESSION_CLOSINGS[now().timetuple().tm_yday % len(SESSION_CLOSINGS)]}")

    def _load(self) -> None:
        import stoic_emperor.companion.companion
        import stoic_emperor.memory.correcting  # noqa: F401 - loaded, and used later

    async def _close(self) -> None:
        if (model := self.application.model) is not None:
            await model.close()

    def find(self, given: str) -> Session:
        """The conversation whose id is, or begins with, what was given; a number counts in /sessions; "last".

        Raises:
            NotFound: there is none, or several.
        """
        if given == "last":
            if (found := self.person.latest_spoken_session()) is None:
                raise NotFound("there is no conversation yet: just begin to talk")
            return found
        if (exact := self.person.session(given)) is not None:
            return exact
        listed = [entry.session for entry in self.person.sessions()]
        if given.isdecimal() and 0 < int(given) <= len(listed):
            return listed[int(given) - 1]
        beginning = [session for session in listed if session.id.startswith(given)]
        if len(beginning) == 1:
            return beginning[0]
        if beginning:
            raise NotFound(f"several conversations begin with {given!r}: give more of the id")
        raise NotFound(f"there is no conversation {given!r}: /sessions lists them")

    # Talking

    def _open(self) -> None:
        if (past := self.application.waiting_past()) is not None:
            note(f"an earlier memory lies in {past}: `stoic migrate` brings it along")
        if not self.interactive:
            if self._first_time:
                note(f"{AI_NOTICE} {AGE_NOTICE}")
            return
        click.secho("Stoic Emperor", bold=True)
        self._notice()
        click.echo(f"{AGE_NOTICE} {PURPOSE_NOTICE}")
        model = self.application.model
        speaking = f"{model.name} speaks" if model is not None else "no language model: the library answers"
        click.echo(f"{speaking} · /help for what you can do · Ctrl-D to leave")
        user = self.person.get()
        if user is not None and user.asked_at is None and model is not None:
            self._ask_for_consent()
        if self.session is not None:
            self.show_last(4)
        click.echo()

    def show_last(self, most: int) -> None:
        """What was said last in this conversation; a reply that is just being given elsewhere, to its end."""
        assert self.session is not None  # noqa: S101 - there is something to show
        for message in self.person.last_messages(self.session.id, most):
            if message.status is not Status.STREAMING:
                who = "You" if message.role == "user" else "Marcus"
                said = clean(message.content) or f"[{_NO_REPLY}]"
                click.echo(f"\n{click.style(who, bold=True)}: {said}")
                continue
            try:
                self._runner.run(self._follow(message))
            except KeyboardInterrupt:
                click.echo("\n[it goes on elsewhere]")

    def _ask_for_consent(self) -> None:
        said = click.prompt(f"\n{_CONSENT} [y/N]", default="", show_default=False, prompt_suffix=" ").strip()
        agreed = said.lower() in {"y", "yes"}
        self.person.agree(agreed)
        if said.lower() not in {"", "y", "yes", "n", "no"}:
            # Somebody began to talk: that is no consent, and not lost.
            note("taken as no; /consent yes allows it. What you typed stands below, to go on with or send with Enter")
            self.reader.put_back(said)

    def _fill_the_library(self) -> None:
        self.application.fill_library(self._tell_of_filling)

    @staticmethod
    def _tell_of_filling() -> Bar:
        note("the starter library is read in, once")
        return Bar("importing")

    def _notice(self) -> None:
        if (text := notice_due(self._noticed_at, now())) is not None:
            click.secho(text, dim=True)
            self._noticed_at = now()

    def _talk(self, background: Background) -> None:
        while True:
            line = self.reader.read()
            if line is None or line.strip().lower() in _LEAVING:
                return
            if not line.strip():
                continue
            try:
                if line.startswith("/") and not line.startswith("//"):
                    if self._command(line) != "again":
                        continue
                    self._reply(None)
                else:
                    # What begins with a slash is said with two.
                    self._reply(line.removeprefix("/"))
            except Leave:
                return
            except (StoicError, CapsaError, OSError) as error:
                self._tell(error, line)
            background.wake()
            if self.interactive:
                self._notice()

    def _tell(self, error: Exception, line: str) -> None:
        if isinstance(error, StoicError) or self._stored or line.startswith("/"):
            note(explain(error) or str(error))
            return
        if not self.interactive:
            raise error
        note(f"{explain(error)}. What you typed is not stored: it is in the prompt again")
        self.reader.put_back(line)

    def _command(self, line: str) -> str | None:
        name, _, rest = line[1:].partition(" ")
        found = COMMANDS.get(name.lower())
        if found is None:
            raise NotFound(
                f"there is no command /{name}: /help lists them; what begins with a slash is said with two, //{name}"
            )
        return found(self, rest.strip())

    def _reply(self, text: str | None) -> None:
        self.failed = self._stored = False
        said = None if text is None else self._keep(text)
        if self.session is None:
            raise NotFound("nothing has been said in this conversation yet: say something first")
        if not self._answered:
            self._fill_the_library()
            self._answered = True
        overheard = Overheard(_THEN_YOURS, interactive=self.interactive)
        try:
            self._runner.run(self._answer(self.session.id, said, overheard))
        except KeyboardInterrupt:
            click.echo(f"\n[{_NOT_WAITED if overheard.is_heard else _STOPPED_HERE}]")

    def _keep(self, text: str) -> Message:
        """What was said, on the disk before anything that takes its time is loaded; with a new conversation, or not.

        Raises:
            CapsaError: it could not be stored; help is shown all the same, if the words need it.
        """
        try:
            if self.session is not None and self.person.session(self.session.id) is None:
                note("this conversation was erased elsewhere: what you say begins a new one")
                self.session = None
            with self.person.writing() as tx:
                session = self.session or self.person.begin_session(tx=tx)
                said = self.person.add_message(Message(session_id=session.id, role=Role.USER, content=text), tx=tx)
        except CapsaError:
            if self.application.desk.before(text).card is not None:
                self._help(HelpShown(self.application.desk.card(self.person.country())))
            raise
        self.session, self._stored = session, True
        return said

    def _help(self, event: HelpShown) -> None:
        if event.reply_stopped:
            click.echo(f"\n\n[{_STOPPED}]")
        click.echo(f"\n{event.card.as_text(_TO_BE_SAFE if event.to_be_safe else None)}\n")

    async def _follow(self, reply: Message) -> None:
        overheard = Overheard(_FOLLOWED, interactive=self.interactive)
        async with aclosing(followed(self.person, reply)) as events:
            async for event in events:
                overheard.show(event.reply)

    async def _answer(self, session_id: str, said: Message | None, overheard: Overheard) -> None:
        companion = self.application.companion
        user_id = self.person.user_id
        events = companion.again(user_id, session_id) if said is None else companion.answer(user_id, said)
        before: Event | None = None
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Elsewhere):
                    overheard.show(event.reply)
                else:
                    self._show(event, before)
                before = event

    def _show(self, event: Event, before: Event | None) -> None:
        match event:
            case HelpShown():
                self._help(event)
            case Piece(text):
                click.echo(clean(text), nl=False)
                sys.stdout.flush()
            case Finished(reply, sources):
                if isinstance(before, Elsewhere) and not self.interactive:
                    # It was to the same words, and a pipe was shown nothing of it.
                    click.echo(clean(reply.content), nl=False)
                elif reply.status is Status.STOPPED and not isinstance(before, HelpShown):
                    kept = self.person.message(reply.id) is not None
                    click.echo(f"\n[{_STOPPED_ELSEWHERE if kept else _ERASED_ELSEWHERE}]", nl=False)
                click.echo()
                for source in dict.fromkeys(sources):
                    click.secho(f"  — {clean(source)}", dim=True)
                click.echo()
            case Failed(message=why):
                self.failed = True
                click.echo()
                sentence = why if why.endswith(("?", ".")) else f"{why}."
                note(f"{sentence} What you said is kept: /again asks once more")
