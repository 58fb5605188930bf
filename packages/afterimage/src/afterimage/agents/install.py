"""What setup and uninstall change, worked out before anything is written, and how it is written."""

from __future__ import annotations

import base64
import contextlib
import difflib
import hashlib
import json
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afterimage.agents import jsonc, plugins
from afterimage.agents.clients import EARLIER, OURS, Client, mcp_program
from afterimage.agents.reading import read_settings
from afterimage.errors import SettingsUnreadable

#: The name of our MCP server in the clients' settings.
SERVER = "afterimage"
_TOML_BEGIN = "# afterimage: begin"
_TOML_END = "# afterimage: end"


@dataclass(frozen=True, slots=True)
class Change:
    """A file that is to become something else."""

    path: Path
    #: None where there is, or is to be, no file.
    before: bytes | None
    after: bytes | None
    #: What a person should know of it.
    notes: tuple[str, ...] = ()

    def diff(self) -> str:
        """The change as `diff -u` shows it; empty if there is none."""
        old, new = (
            (content or b"").decode("utf-8", "replace").splitlines(keepends=True)
            for content in (self.before, self.after)
        )
        lines = difflib.unified_diff(old, new, str(self.path), str(self.path))
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def plan_setup(
    clients: Iterable[Client],
    home: Path,
    environ: Mapping[str, str],
    directory: Path,
    *,
    deny_once: bool = False,
    plugin: bool = False,
    named: bool = False,
    server: bool = True,
) -> list[Change]:
    """What setup would change for ``clients``; nothing is written.

    Args:
        directory: AfterImage's folder.
        deny_once: whether code that is there already is to be refused once.
        plugin: install into Claude Code as a plugin instead of in its settings.
        named: whether the hook has to be told ``directory``, as it is not the one in the user's home.
        server: whether the MCP server can run here; one that cannot is named to nobody.

    Raises:
        SettingsUnreadable: a client's file is not what it should be; none is to be changed then.
    """
    changes: dict[Path, Change] = {}
    for client in clients:
        hooks = client.hooks(deny_once=deny_once, directory=str(directory) if named else None)
        as_plugin = plugin and client.name == "claude-code"
        hooks_file, mcp_file = client.files(home, environ)
        with _edited(changes, hooks_file) as edit:
            text, edit.notes = _with_hooks(edit.text or "{}\n", client, {} if as_plugin else hooks)
            edit.text = plugins.enable(text, directory) if as_plugin else plugins.disable(text)
        if as_plugin:
            for path, content in plugins.files(directory, hooks, server=server).items():
                changes[path] = Change(path, read_settings(path), content.encode())
        if as_plugin or not server:
            continue
        with _edited(changes, mcp_file) as edit:
            if mcp_file.suffix == ".toml":
                edit.text = _with_toml_server(edit.text)
            else:
                edit.text = _with_server(edit.text or "{}\n", client)
    return [change for change in changes.values() if change.before != change.after]


def plan_uninstall(clients: Iterable[Client], home: Path, environ: Mapping[str, str], directory: Path) -> list[Change]:
    """What uninstall would change: back to what was there, or without us where others changed it since.

    Raises:
        SettingsUnreadable: as for `plan_setup`.
    """
    originals = _Originals(directory)
    changes: dict[Path, Change] = {}
    for client in clients:
        for path in dict.fromkeys(map(_real, client.files(home, environ))):
            now = read_settings(path)
            if now is None:
                continue
            if originals.unchanged_since(path, now):
                changes[path] = Change(path, now, originals.before(path))
                continue
            with _edited(changes, path) as edit:
                edit.text = _without_toml_server(edit.text) if path.suffix == ".toml" else _without_us(edit.text)
        if client.name == "claude-code":
            for path in plugins.files(directory, {}):
                changes[path] = Change(path, read_settings(path), None)
    return [change for change in changes.values() if change.before != change.after]


def apply(changes: Iterable[Change], directory: Path, *, remember: bool) -> None:
    """Write ``changes``, each at once or not at all; with ``remember``, so that uninstall can undo them exactly.

    Raises:
        OSError: a file cannot be written; those before it are.
    """
    originals = _Originals(directory)
    for change in changes:
        if remember:
            originals.remember(change)
        if change.after is None:
            change.path.unlink(missing_ok=True)
        else:
            _write(change.path, change.after)
        if not remember:
            originals.forget(change.path)


class _Originals:
    """What files were before we changed them, in AfterImage's folder."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "hook-state" / "before-setup.json"
        try:
            self._known: dict[str, dict[str, Any]] = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            self._known = {}

    def unchanged_since(self, path: Path, now: bytes) -> bool:
        known = self._known.get(str(path))
        return known is not None and bool(known["after"] == _hash(now))

    def before(self, path: Path) -> bytes | None:
        before = self._known[str(path)]["before"]
        return None if before is None else base64.b64decode(before)

    def remember(self, change: Change) -> None:
        if change.after is None:
            return
        known = self._known.get(str(change.path))
        if known and change.before is not None and known["after"] == _hash(change.before):
            before = known["before"]
        else:
            content = change.before
            if content is not None and OURS.encode() in content and change.path.suffix != ".toml":
                content = _without_us(content.decode("utf-8")).encode()
            before = None if content is None else base64.b64encode(content).decode()
        self._known[str(change.path)] = {"before": before, "after": _hash(change.after)}
        self._save()

    def forget(self, path: Path) -> None:
        if self._known.pop(str(path), None) is not None:
            self._save()

    def _save(self) -> None:
        _write(self._path, json.dumps(self._known, indent=1).encode())


@dataclass(slots=True)
class _Edit:
    text: str
    notes: tuple[str, ...] = ()


@contextlib.contextmanager
def _edited(changes: dict[Path, Change], path: Path) -> Iterator[_Edit]:
    """One more edit of a file that earlier ones may have edited already."""
    path = _real(path)
    known = changes.get(path)
    before = known.before if known else read_settings(path)
    now = known.after if known else before
    try:
        edit = _Edit("" if now is None else now.decode("utf-8"))
        empty = not edit.text.strip()
        yield edit
    except (jsonc.Unparsable, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsUnreadable(
            f"{path} cannot be read ({error}): nothing was changed anywhere; correct it and run this again"
        ) from None
    after = None if now is None and empty and not edit.text.strip() else edit.text.encode()
    changes[path] = Change(path, before, after, (*(known.notes if known else ()), *edit.notes))


def _with_hooks(text: str, client: Client, wanted: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    if not isinstance(jsonc.parse(text).value, dict):
        raise jsonc.Unparsable("it is no object")
    notes: tuple[str, ...] = ()
    if any(_is(entry, EARLIER) for _, entry in _entries(text)):
        notes = (f"the hooks of an earlier AfterImage in {client.title} are replaced",)
    for event, entry in [*_entries(text)]:
        if _is(entry, EARLIER) or (_is(entry, OURS) and entry != wanted.get(event)):
            text = _remove_entry(text, event, entry)
    for key, value in client.preamble.items():
        if jsonc.get(text, [key]) is None:
            text = jsonc.put(text, [key], value)
    for event, entry in wanted.items():
        entries = jsonc.get(text, ["hooks", event])
        if not isinstance(entries, list) or entry not in entries:
            text = jsonc.put(text, ["hooks", event, -1], entry)
    return text, notes


def _with_server(text: str, client: Client) -> str:
    program = mcp_program()
    server: dict[str, Any] = {"command": program[0], "args": program[1:]}
    if client.name == "claude-code":
        server = {"type": "stdio", **server}
    known = jsonc.get(text, ["mcpServers", SERVER])
    if known == server or (known is not None and not _is_our_server(known)):
        # As it should be, or somebody wrote it there himself.
        return text
    return jsonc.put(text, ["mcpServers", SERVER], server)


def _is_our_server(server: Any) -> bool:
    """Whether setup wrote ``server``, with whichever interpreter."""
    return isinstance(server, dict) and server.get("args") == mcp_program()[1:]


def _with_toml_server(text: str) -> str:
    rest = _without_toml_server(text)
    servers = tomllib.loads(rest).get("mcp_servers", {})
    if not isinstance(servers, dict):
        raise jsonc.Unparsable("mcp_servers is no table")
    if SERVER in servers:
        # Somebody wrote it there himself.
        return text
    program = mcp_program()
    lines = [
        _TOML_BEGIN,
        f"[mcp_servers.{SERVER}]",
        f"command = {json.dumps(program[0])}",
        f"args = {json.dumps(program[1:])}",
        _TOML_END,
    ]
    gap = "" if not rest else "\n" if rest.endswith("\n") else "\n\n"
    made = rest + gap + "\n".join(lines) + "\n"
    # An inline table, for one, takes no addition: better no change than a file that its owner cannot read.
    tomllib.loads(made)
    return made


def _without_toml_server(text: str) -> str:
    tomllib.loads(text)
    begin, end = text.find(_TOML_BEGIN), text.find(_TOML_END)
    if begin < 0 or end < begin:
        return text
    head = text[:begin]
    rest = (head[:-1] if head.endswith("\n\n") else head) + text[end + len(_TOML_END) :].removeprefix("\n")
    tomllib.loads(rest)
    return rest


def _without_us(text: str) -> str:
    text = plugins.disable(text)
    for event, entry in [*_entries(text)]:
        if _is(entry, OURS):
            text = _remove_entry(text, event, entry)
    if _is_our_server(jsonc.get(text, ["mcpServers", SERVER])):
        text = jsonc.remove(text, ["mcpServers", SERVER])
        if jsonc.get(text, ["mcpServers"]) == {}:
            text = jsonc.remove(text, ["mcpServers"])
    return text


def _entries(text: str) -> Iterator[tuple[str, Any]]:
    hooks = jsonc.get(text, ["hooks"])
    if isinstance(hooks, dict):
        for event, entries in hooks.items():
            for entry in entries if isinstance(entries, list) else ():
                yield event, entry


def _is(entry: Any, mark: str) -> bool:
    """Whether ``mark`` stands in a command of ``entry``: in its own, in its arguments, or in those of its handlers."""
    if not isinstance(entry, dict):
        return False
    args = entry.get("args")
    words = [entry.get("command"), *(args if isinstance(args, list) else ())]
    handlers = entry.get("hooks")
    return any(isinstance(word, str) and mark in word for word in words) or any(
        _is(handler, mark) for handler in (handlers if isinstance(handlers, list) else ())
    )


def _remove_entry(text: str, event: str, entry: dict[str, Any]) -> str:
    """Without ``entry``; if others put handlers of theirs beside ours into it, without ours alone."""
    path: list[str | int] = ["hooks", event]
    path.append(jsonc.get(text, path).index(entry))
    handlers = entry.get("hooks")
    if isinstance(handlers, list):
        mine = [i for i, handler in enumerate(handlers) if _is(handler, OURS) or _is(handler, EARLIER)]
        if len(mine) < len(handlers):
            for i in reversed(mine):
                text = jsonc.remove(text, [*path, "hooks", i])
            return text
    text = jsonc.remove(text, path)
    for emptied in (["hooks", event], ["hooks"]):
        if jsonc.get(text, emptied) in ([], {}):
            text = jsonc.remove(text, emptied)
    return text


def _real(path: Path) -> Path:
    # A link stays a link: what it points to is changed.
    return Path(os.path.realpath(path))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """In place of what is there, all or nothing, with its mode; a new one is for this user only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o7777 if path.exists() else 0o600
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(mode)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
