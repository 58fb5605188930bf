"""What the hook does at an event."""

from . import files, payloads
from .budget import RECALL, REDACT, Budget, OverBudget
from .payloads import CAPTURE, DENY, END, PROMPT, START, Event
from .payloads import RECALL as RECALLS
from .settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .project import Project
    from .recall import Entry, Recall
    from .seen import Seen

#: How much must be in common for a write to be refused once.
_DENY_AT = 0.9
#: Characters of a write that are compared.
_MOST_TEXT = 200_000
#: Bytes of an event that there is time for; of a text half as long there is none to look for secrets.
_MOST_DATA = 8 << 20


def respond(client: str, data: bytes, say: "Callable[[bytes], None]", directory: str = "") -> None:
    """Do what the event in ``data`` asks for; what there is to answer goes to ``say`` at once. Raises nothing."""
    directory = directory or files.directory()
    if not directory:
        return
    budget = Budget()
    path = ""
    try:
        budget.wake()
        from . import jsons

        if len(data) > _MOST_DATA:
            path = _path_in(data)
            raise TooLarge
        value = jsons.loads(data)
        if value is None:
            log(directory, UnreadableInput(), client)
        event = payloads.read(client, value)
        if event is not None:
            path = event.path
            _Hook(event, directory, budget).run(say)
    except (OverBudget, TooLarge) as error:
        log(directory, error, client, path)
    except Exception as error:  # noqa: BLE001  # whatever it is, the agent must not notice
        log(directory, error, client)
    finally:
        budget.sleep_on()


class UnreadableInput(ValueError):
    """What the client sent is no JSON, or nested more deeply than anything that is meant."""


class TooLarge(ValueError):
    """What the client sent would take more time than there is: neither recalled by nor noted."""


def _path_in(data: bytes) -> str:
    """The file that an event names, without reading all of it; empty if it names none."""
    from . import jsons

    for key in payloads.PATHS:
        at = data.find(f'"{key}"'.encode())
        begin = data.find(b'"', at + len(key) + 2) if at >= 0 else -1
        end = data.find(b'"', begin + 1, begin + files.LONGEST_PATH) if begin >= 0 else -1
        if end >= 0 and isinstance(found := jsons.loads(data[begin : end + 1]), str):
            return found
    return ""


class _Hook:
    """One event and what is known of where it happened."""

    def __init__(self, event: Event, directory: str, budget: Budget) -> None:
        self.event = event
        self.directory = directory
        self.budget = budget
        self.settings = Settings(directory)
        self._project: Project | None = None

    def run(self, say: "Callable[[bytes], None]") -> None:
        roles = self.event.roles
        if roles & (DENY | RECALLS | PROMPT | START):
            try:
                say(self._answer(roles))
            except Exception as error:  # noqa: BLE001  # the write is noted all the same
                log(self.directory, error, self.event.client)
        if roles & CAPTURE and self.event.succeeded():
            self._capture()
        if roles & (CAPTURE | START | END | PROMPT):
            from . import spawn

            spawn.start(self.directory, self.settings.sync)

    @property
    def project(self) -> "Project":
        if self._project is None:
            from .project import project_of

            self._project = project_of(self.event.cwd, self.event.path)
        return self._project

    # Recalling

    def _answer(self, roles: int) -> bytes:
        from . import answers

        nothing = answers.reply(self.event, "")
        if roles & (RECALLS | DENY) and not (roles & RECALLS or self.settings.deny_once):
            return nothing
        from .recall import Unreadable, open_index

        recall = open_index(self.directory, lambda: self.budget.late(RECALL))
        if recall is None:
            return nothing
        from .belonging import settle

        try:
            settle(self.project, recall, self.directory)
            if roles & START:
                return answers.reply(self.event, self._at_start(recall))
            if roles & PROMPT:
                return answers.reply(self.event, self._for_prompt(recall))
            return self._for_write(recall, roles)
        except Unreadable:
            return nothing

    def _at_start(self, recall: "Recall") -> str:
        from . import answers

        if self.event.agent:
            return ""
        if self.event.source in {"compact", "clear"}:
            self._seen().forget()
        elsewhere = self.event.session if self.event.source in {"startup", "clear", ""} else ""
        found = recall.recent(
            self.project.ids,
            lambda entry: (not elsewhere or entry.session != elsewhere) and self._is_here(entry),
        )
        if found:
            return answers.recent_text(found, self.project)
        from .belonging import kept_elsewhere

        return answers.nothing_text(self.project, elsewhere=bool(kept_elsewhere(self.project, recall)))

    def _for_prompt(self, recall: "Recall") -> str:
        from . import answers

        if self.event.agent or not self.event.prompt:
            return ""
        found = [entry for entry in recall.named(self.event.prompt, self._wanted) if self._claimed(entry)]
        parts = [answers.describe(entry, recall, self.project, entry.near) for entry in found]
        return answers.recall_text("Code written earlier that your request names:", parts) if parts else ""

    def _for_write(self, recall: "Recall", roles: int) -> bytes:
        from . import answers, marker

        text = self.event.written()[:_MOST_TEXT]
        path, paths = self.event.path, self.event.paths
        found = recall.near(text, lambda entry: self._wanted(entry) and self._place(entry) not in paths) if text else []
        denying = roles & DENY and self.settings.deny_once
        there = [entry for entry in found if self._is_there(entry, recall, text)][:2] if denying else []
        # By the content alone: who was told and writes it into another file means it.
        if there and self._seen().claim(f"deny-{_key(text)}"):
            parts = [answers.describe(entry, recall, self.project, text) for entry in there]
            closing = "Use what is there, or send the same call again if it is meant: it will then be let through."
            said = answers.recall_text("Not written yet: nearly the same code was written before.", parts, closing)
            for entry in there:
                self._claimed(entry)
            return answers.reply(self.event, said, deny=bool(said))
        if not roles & RECALLS:
            return answers.reply(self.event, "")
        parts = [answers.describe(entry, recall, self.project, text) for entry in found if self._claimed(entry)]
        note = recall.note(path) if path else ""
        if note and not self._seen().claim(f"note-{_key(path)}"):
            note = ""
        opening = "Code written earlier that is close to what you are writing:"
        said = answers.recall_text(opening, parts, note) if parts else ""
        return answers.reply(self.event, said or (marker.wrap(note) if note else ""))

    def _is_there(self, entry: "Entry", recall: "Recall", text: str) -> bool:
        """Whether the code of an entry is nearly ``text``, and what both have still stands in the entry's file."""
        if entry.kind not in {"identical", "alike"} or entry.score < _DENY_AT:
            return False
        from .fingerprints import Lines

        both = set(Lines(text).texts) & set(Lines(recall.text(entry)).texts)
        now = set(Lines(files.read_text(self._place(entry), _MOST_TEXT)).texts)
        return len(both & now) >= _DENY_AT * len(both) > 0

    def _wanted(self, entry: "Entry") -> bool:
        if entry.session and entry.session == self.event.session:
            return False
        return self.settings.other_projects or self.project.has(entry.project, entry.path)

    def _is_here(self, entry: "Entry") -> bool:
        """Whether the file of an entry is there now; a note is about none."""
        return not entry.path or files.exists(self._place(entry))

    def _place(self, entry: "Entry") -> str:
        return self.project.path_here(entry.path, entry.inside, entry.project)

    def _claimed(self, entry: "Entry") -> bool:
        return self._seen().claim(f"entry-{entry.e}")

    def _seen(self) -> "Seen":
        from .seen import Seen

        return Seen(self.directory, self.event.session, self.event.agent)

    # Noting

    def _capture(self) -> None:
        from . import jsons, spool
        from .budget import JUDGE
        from .keeping import Keeping
        from .private import outside
        from .project import project_of
        from .redaction import Redactor, compiled_name

        event = self.event
        until = self.budget.passed() + JUDGE
        keeping = Keeping(self.directory, self.settings, lambda: self.budget.late(until))
        clean = Redactor(f"{self.directory}/hook-state/{compiled_name()}", lambda: self.budget.late(REDACT))
        parts = keeping.parts(event, lambda path: project_of(event.cwd, path))
        noted = [jsons.dumps(spool.noted(event, project, clean, outside(event, given))) for project, given in parts]
        self.budget.sleep_on()
        for data in noted:
            spool.note(self.directory, data)


def _key(text: str) -> str:
    from .fingerprints import digest

    return f"{digest(b'seen', text.encode('utf-8', 'surrogatepass')):012x}"


#: Bytes of the log before it is put aside.
_MOST_LOG = 1 << 16


def log(directory: str, error: BaseException, client: str, path: str = "") -> None:
    """One line of what went wrong: the kind of error, its place in the code and maybe a file, never any content."""
    from time import gmtime, strftime

    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{files.name_of(place.tb_frame.f_code.co_filename)}:{place.tb_lineno}" if place is not None else "?"
    number = f" {error.errno}" if isinstance(error, OSError) else ""
    about = f": {path!a}" if path else ""
    line = f"{strftime('%Y-%m-%dT%H:%M:%SZ', gmtime())} {client} {type(error).__name__}{number} at {where}{about}\n"
    posix = files.posix
    log_file = f"{directory}/hook.log"
    try:
        files.make_folder(directory)
        file = posix.open(log_file, posix.O_WRONLY | posix.O_CREAT | posix.O_APPEND, 0o600)
        try:
            if posix.fstat(file).st_size > _MOST_LOG:
                posix.rename(log_file, f"{log_file}.1")
            posix.write(file, line.encode("ascii", "replace"))
        finally:
            posix.close(file)
    except OSError:
        return
