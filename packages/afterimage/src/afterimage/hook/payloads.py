"""What each client sends to a hook, read into one form."""

from . import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What is to be done at an event; several at once as a sum.
START, PROMPT, DENY, RECALL, CAPTURE, END = 1, 2, 4, 8, 16, 32

#: Client -> event -> what is to be done. Gemini and Cursor take context after a tool only.
EVENTS: "dict[str, dict[str, int]]" = {
    "claude-code": {
        "SessionStart": START,
        "UserPromptSubmit": PROMPT,
        "PreToolUse": DENY + RECALL,
        "PostToolUse": CAPTURE,
        "SessionEnd": END,
    },
    "codex": {
        "SessionStart": START,
        "UserPromptSubmit": PROMPT,
        "PreToolUse": DENY + RECALL,
        "PostToolUse": CAPTURE,
        "SessionEnd": END,
    },
    "gemini": {
        "SessionStart": START,
        "BeforeAgent": PROMPT,
        "BeforeTool": DENY,
        "AfterTool": RECALL + CAPTURE,
        "SessionEnd": END,
    },
    "cursor": {
        "sessionStart": START,
        "preToolUse": DENY,
        "postToolUse": RECALL,
        "afterFileEdit": CAPTURE,
        "sessionEnd": END,
    },
}

#: Clients that want JSON in any case: an empty object where there is nothing to say.
ALWAYS_ANSWERED = ("gemini", "cursor")

#: Client -> the tools that change files. A shell matters only for a patch in it.
TOOLS: "dict[str, tuple[str, ...]]" = {
    "claude-code": ("Write", "Edit", "MultiEdit", "NotebookEdit"),
    "codex": ("apply_patch", "Edit", "Write", "Bash", "shell", "exec_command"),
    "gemini": ("write_file", "replace"),
    "cursor": ("Write", "Edit", "MultiEdit", "StrReplace", "Delete", "EditNotebook"),
}
SHELLS = ("Bash", "shell", "exec_command")

#: Where a call names the one file it changes.
PATHS = ("file_path", "path", "notebook_path", "target_file", "absolute_path")
_TEXTS = ("content", "contents", "new_string", "new_source", "new_str")
_OLD_TEXTS = ("old_string", "old_str")


def matters(client: str, data: bytes) -> bool:
    """Whether ``data`` can be of any use, by its bytes alone: most events are not, and must cost next to nothing."""
    if not any(f'"{event}"'.encode() in data for event in EVENTS[client]):
        return False
    if b'"tool_name"' not in data:
        return True
    named = [tool for tool in TOOLS[client] if f'"{tool}"'.encode() in data]
    return any(tool not in SHELLS for tool in named) or (bool(named) and b"*** Begin Patch" in data)


class Event:
    """One call of a hook."""

    __slots__ = (
        *("agent", "client", "cwd", "given", "moved", "name", "paths", "prompt", "roles", "session", "source", "tool"),
    )

    def __init__(self, client: str, given: "dict[str, Any]") -> None:
        self.client = client
        #: All that the client said.
        self.given = given
        self.name = _text(given, "hook_event_name")
        self.roles = EVENTS[client].get(self.name, 0)
        self.session = _text(given, "session_id") or _text(given, "conversation_id")
        #: Which subagent; empty for the agent that the user talks to.
        self.agent = _text(given, "agent_id")
        roots = given.get("workspace_roots")
        root = roots[0] if isinstance(roots, list) and roots and isinstance(roots[0], str) else ""
        self.cwd = files.normal(_path(given, "cwd") or root[: files.LONGEST_PATH])
        self.tool = _text(given, "tool_name") or ("afterFileEdit" if self.name == "afterFileEdit" else "")
        self.prompt = _text(given, "prompt")
        self.source = _text(given, "source")
        tool_input = self.tool_input
        path = next((found for key in PATHS if (found := _path(tool_input, key))), "")
        #: Of the files that a patch moves: the name afterwards -> the name before.
        self.moved: dict[str, str] = {}
        #: The files that the call changes, by the names they have afterwards, absolute; those of a patch are several.
        self.paths = (files.absolute(path, self.cwd),) if path else self._patched()

    @property
    def path(self) -> str:
        """The first of the files; empty if there is none."""
        return self.paths[0] if self.paths else ""

    @property
    def tool_input(self) -> "dict[str, Any]":
        """What the tool was called with; empty where that is no object."""
        if self.name == "afterFileEdit":
            return {key: self.given[key] for key in ("file_path", "edits") if key in self.given}
        found = self.given.get("tool_input")
        return found if isinstance(found, dict) else {}

    def written(self) -> str:
        """The code that the call writes; empty if it writes none."""
        tool_input = self.tool_input
        for key in _TEXTS:
            if found := _text(tool_input, key):
                return found
        if isinstance(edits := tool_input.get("edits"), list):
            return "\n".join(_text(edit, "new_string") for edit in edits if isinstance(edit, dict))
        lines = self._patch().split("\n")
        return "\n".join(line[1:] for line in lines if line.startswith("+") and not line.startswith("+++"))

    def replaced(self) -> str:
        """The code that the call takes away, as far as it says so."""
        tool_input = self.tool_input
        return next((found for key in _OLD_TEXTS if (found := _text(tool_input, key))), "")

    def is_write(self) -> bool:
        """Whether the call changes a file."""
        if self.name == "afterFileEdit":
            return True
        if self.tool in SHELLS:
            return bool(self._patch())
        return self.tool in TOOLS[self.client] and bool(self.tool_input)

    def succeeded(self) -> bool:
        """Whether the tool did what it was called for, as far as its answer says."""
        return not _failed(self.given.get("tool_response", self.given.get("tool_output")))

    def _patch(self) -> str:
        from . import patches

        return patches.patch_of(self.tool, self.tool_input)

    def _patched(self) -> tuple[str, ...]:
        if not self._patch():
            return ()
        from . import patches

        folder = patches.folder_of(self.tool_input, self.cwd)
        paths: dict[str, None] = {}
        for section in patches.sections(self._patch()):
            if section.target:
                target = files.absolute(section.target, folder)
                paths[target] = None
                if section.moved_to:
                    self.moved[target] = files.absolute(section.path, folder)
        return tuple(paths)


def read(client: str, value: object) -> "Event | None":
    """The event in a client's JSON; None if nothing is to be done."""
    if client not in EVENTS or not isinstance(value, dict):
        return None
    event = Event(client, value)
    if not event.roles:
        return None
    if event.roles & (DENY + RECALL + CAPTURE) and not event.is_write():
        return None
    return event


def _text(values: "dict[str, Any]", key: str) -> str:
    found = values.get(key)
    return found if isinstance(found, str) else ""


def _path(values: "dict[str, Any]", key: str) -> str:
    found = _text(values, key)
    return found if len(found) <= files.LONGEST_PATH else ""


def _failed(response: object) -> bool:
    if isinstance(response, str):
        start = response.lstrip()[:300]
        if start.startswith("{"):
            from . import jsons

            return _failed(jsons.loads(response.encode("utf-8", "surrogateescape")))
        if start.startswith("Exit code: "):
            return not start.startswith("Exit code: 0")
        return start.lower().startswith(("error", "failed", "apply_patch verification failed", "<tool_use_error>"))
    if not isinstance(response, dict):
        return False
    details = response.get("metadata")
    status = response.get("exit_code", response.get("exitCode"))
    if isinstance(details, dict) and status is None:
        status = details.get("exit_code")
    return bool(
        response.get("is_error")
        or response.get("isError")
        or response.get("error")
        or response.get("success") is False
        or (isinstance(status, int) and status != 0)
    )
