"""A conversation in a terminal, or through a pipe."""

from __future__ import annotations

import asyncio
import sys
import threading
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import click

from capsa import CapsaError
from capsa.terminal import clean
from stoic_emperor.cli.commands import COMMANDS, Leave
from stoic_emperor.cli.reading import Reader
from stoic_emperor.cli.scrubbing import Scrubbing
from stoic_emperor.cli.terminal import Bar, note
from stoic_emperor.companion.background import Background
from stoic_emperor.companion.events import Failed, Finished, HelpShown, Piece
from stoic_emperor.errors import NotFound, StoicError, explain
from stoic_emperor.infrastructure.person import SILENT
from stoic_emperor.models import Message, Role, Session, now
from stoic_emperor.safety.disclosure import AGE_NOTICE, PURPOSE_NOTICE, SESSION_CLOSINGS, notice_due

if TYPE_CHECKING:
    import datetime as dt

    from stoic_emperor.application import Application

_CONSENT = (
    "May what you write from now on also be analysed after each reply, so that I remember what matters to you? You see "
    "all of it with /memory, and can stop or erase it at any time. Without it we talk all the same."
)
_STOPPED = "The reply was stopped: it began to say what must not be said to anybody."
_TO_BE_SAFE = "Nothing was found in what you wrote, but the second look at it failed; these are shown to be safe."
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
        self._noticed_at: dt.datetime | None = None
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
        first_time = self.person.get() is None
        self.person.ensure()
        self.person.settle_interrupted(now() - SILENT)
        if session_id:
            self.session = self.find(session_id)
        elif latest:
            self.session = self.person.latest_spoken_session()
            if self.session is None:
                note("there is no conversation yet: this is the first")
        if first_time:
            self._fill_the_library()
        self._open()
        # What an answer takes loads while the first line is typed, and not before the prompt is there.
        loading = threading.Timer(_PROMPT_SHOWN, self._load)
        loading.daemon = True
        loading.start()
        with (
            Scrubbing(self.application.database),
            Background(self.application, self.person.user_id) as background,
            asyncio.Runner() as runner,
        ):
            try:
                self._talk(runner, background)
            finally:
                runner.run(self._close())
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
            for message in self.person.last_messages(self.session.id, 4):
                who = "You" if message.role == "user" else "Marcus"
                click.echo(f"\n{click.style(who, bold=True)}: {clean(message.content)}")
        click.echo()

    def _ask_for_consent(self) -> None:
        said = click.prompt(f"\n{_CONSENT} [y/N]", default="", show_default=False, prompt_suffix=" ").strip()
        agreed = said.lower() in {"y", "yes"}
        self.person.agree(agreed)
        if said.lower() not in {"", "y", "yes", "n", "no"}:
            # Somebody began to talk: that is no consent, and not lost.
            note("taken as no; /consent yes allows it")
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

    def _talk(self, runner: asyncio.Runner, background: Background) -> None:
        while True:
            line = self.reader.read()
            if line is None or line.strip().lower() in _LEAVING:
                return
            if not line.strip():
                continue
            try:
                if line.startswith("/"):
                    if self._command(line) != "again":
                        continue
                    self._reply(runner, None)
                else:
                    self._reply(runner, line)
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
            raise NotFound(f"there is no command /{name}: /help lists them")
        return found(self, rest.strip())

    def _reply(self, runner: asyncio.Runner, text: str | None) -> None:
        self.failed = self._stored = False
        said = None if text is None else self._keep(text)
        if self.session is None:
            raise NotFound("nothing has been said in this conversation yet: say something first")
        if not self._answered:
            self._fill_the_library()
            self._answered = True
        try:
            runner.run(self._show(self.session.id, said))
        except KeyboardInterrupt:
            click.echo("\n[stopped; what came of it is kept]")

    def _keep(self, text: str) -> Message:
        """What was said, on the disk before anything that takes its time is loaded; with a new conversation, or not.

        Raises:
            CapsaError: it could not be stored; help is shown all the same, if the words need it.
        """
        try:
            with self.person.writing() as tx:
                session = self.session or self.person.begin_session(tx=tx)
                said = self.person.add_message(Message(session_id=session.id, role=Role.USER, content=text), tx=tx)
        except CapsaError:
            if self.application.desk.before(text).card is not None:
                self._help(HelpShown(self.application.desk.card(self._country())))
            raise
        self.session, self._stored = session, True
        return said

    def _country(self) -> str | None:
        """Where the person is, if they said so and it can be read."""
        with suppress(CapsaError):
            user = self.person.get()
            return None if user is None else user.country
        return None

    def _help(self, event: HelpShown) -> None:
        if event.reply_stopped:
            click.echo(f"\n\n[{_STOPPED}]")
        click.echo(f"\n{event.card.as_text(_TO_BE_SAFE if event.to_be_safe else None)}\n")

    async def _show(self, session_id: str, said: Message | None) -> None:
        companion = self.application.companion
        user_id = self.person.user_id
        events = companion.again(user_id, session_id) if said is None else companion.answer(user_id, said)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, HelpShown):
                    self._help(event)
                elif isinstance(event, Piece):
                    click.echo(clean(event.text), nl=False)
                    sys.stdout.flush()
                elif isinstance(event, Finished):
                    click.echo()
                    for source in dict.fromkeys(event.sources):
                        click.secho(f"  — {clean(source)}", dim=True)
                    click.echo()
                elif isinstance(event, Failed):
                    self.failed = True
                    click.echo()
                    note(f"{event.message}. What you said is kept: /again asks once more")
