"""What setup and uninstall change, worked out before anything is written, and how it is written."""

from __future__ import annotations

import contextlib
import difflib
import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from afterimage.agents import jsonc, plugins, servers
from afterimage.agents.clients import EARLIER, OURS, Client
from afterimage.agents.originals import Originals, write
from afterimage.agents.reading import read_settings
from afterimage.errors import SettingsUnreadable, explain
from afterimage.telling import state_folder

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Change:
    """A file that is to become something else."""

    path: Path
    #: None where there is, or is to be, no file.
    before: bytes | None
    after: bytes | None

    def diff(self) -> str:
        """The change as `diff -u` shows it; empty if there is none."""
        old, new = (
            (content or b"").decode("utf-8", "replace").splitlines(keepends=True)
            for content in (self.before, self.after)
        )
        lines = difflib.unified_diff(old, new, str(self.path), str(self.path))
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to become of one client's settings."""

    client: Client
    changes: tuple[Change, ...] = ()
    #: What a person should know of it.
    notes: tuple[str, ...] = ()
    #: The file that keeps its settings as they are, and what is wrong with it; empty if nothing is.
    refused: str = ""


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
) -> list[Plan]:
    """What setup would change for each of ``clients``; nothing is written.

    Args:
        directory: AfterImage's folder.
        deny_once: whether code that is there already is to be refused once.
        plugin: install into Claude Code as a plugin instead of in its settings.
        named: whether the hook has to be told ``directory``, as it is not the one in the user's home.
        server: whether the MCP server can run here; one that cannot is named to nobody.
    """

    def set_up(client: Client, draft: _Draft) -> None:
        hooks = client.hooks(deny_once=deny_once, directory=str(directory) if named else None)
        hooks_file, mcp_file = client.files(home, environ)
        if draft.look(hooks_file, lambda text: any(_is(entry, EARLIER) for _, entry in _entries(text))):
            draft.notes.append(f"the hooks of an earlier AfterImage in {client.title} are replaced")
        if plugin and client.name == "claude-code":
            draft.edit(hooks_file, lambda text: plugins.enable(_with_hooks(text, client, {}), directory))
            for path, content in plugins.files(directory, hooks, server=server).items():
                draft.put(path, content.encode())
            if draft.now(mcp_file) is not None:
                draft.edit(mcp_file, servers.without_server)
            return
        draft.edit(hooks_file, lambda text: plugins.disable(_with_hooks(text, client, hooks)))
        if not server:
            return
        if mcp_file.suffix == ".toml":
            draft.edit(mcp_file, servers.with_server_toml)
        else:
            extra = {"type": "stdio"} if client.name == "claude-code" else {}
            draft.edit(mcp_file, lambda text: servers.with_server(text, extra))

    return _plans(clients, set_up)


def plan_uninstall(clients: Iterable[Client], home: Path, environ: Mapping[str, str], directory: Path) -> list[Plan]:
    """What uninstall would change: back to what was there, or without us where others changed it since."""
    originals = Originals(directory)

    def take_out(client: Client, draft: _Draft) -> None:
        for path in dict.fromkeys(map(_real, client.files(home, environ))):
            now = draft.now(path)
            if now is None:
                continue
            if originals.unchanged_since(path, now):
                draft.put(path, originals.before(path))
                continue
            draft.edit(path, partial(_without_us, path))
            if path.suffix == ".toml" and draft.look(path, servers.has_ours_toml):
                draft.notes.append(
                    f"{path} still names our MCP server, in other lines than those that setup wrote: take it out there"
                )
        if client.name == "claude-code":
            for path in plugins.files(directory, {}):
                draft.put(path, None)

    return _plans(clients, take_out)


def apply(plan: Plan, directory: Path, *, remember: bool) -> None:
    """Write what is planned for a client, all of it or nothing; with ``remember``, so that uninstall can undo it.

    Raises:
        OSError: a file cannot be written; those before it are as they were.
    """
    if remember:
        # Before a parent of a file of ours makes it, for everybody to read.
        state_folder(directory)
    originals = Originals(directory)
    done: list[Change] = []
    try:
        for change in plan.changes:
            write(change.path, change.after)
            done.append(change)
            if remember and change.after is not None:
                originals.remember(change.path, change.before, change.after, _bytes_without_us)
            elif not remember:
                originals.forget(change.path)
        originals.save()
    except OSError:
        for change in reversed(done):
            with contextlib.suppress(OSError):
                write(change.path, change.before)
        raise


class _Draft:
    """The files of one client as they are to be, on top of what is planned for the clients before it."""

    def __init__(self, earlier: Mapping[Path, bytes | None]) -> None:
        self._earlier = earlier
        self._before: dict[Path, bytes | None] = {}
        self.after: dict[Path, bytes | None] = {}
        self.notes: list[str] = []

    def now(self, path: Path) -> bytes | None:
        path = _real(path)
        known = next((files for files in (self.after, self._earlier) if path in files), None)
        return read_settings(path) if known is None else known[path]

    def look(self, path: Path, work: Callable[[str], _T]) -> _T:
        """What ``work`` makes of what stands in a file: of an empty object where nothing does."""
        content = self.now(path)
        try:
            text = "" if content is None else content.decode("utf-8")
            return work(text if text.strip() or path.suffix == ".toml" else "{}\n")
        except (jsonc.Unparsable, tomllib.TOMLDecodeError, UnicodeError) as error:
            raise SettingsUnreadable(f"{path}: {error}") from None

    def put(self, path: Path, content: bytes | None) -> None:
        path = _real(path)
        self._before.setdefault(path, self.now(path))
        self.after[path] = content

    def edit(self, path: Path, work: Callable[[str], str]) -> None:
        def edited(text: str) -> bytes | None:
            # A file whose lines end as on Windows goes on so.
            end = "\r\n" if text.count("\r\n") == text.count("\n") > 0 else "\n"
            before = text.replace(end, "\n")
            made = work(before)
            return None if made == before else made.replace("\n", end).encode()

        if (content := self.look(path, edited)) is not None:
            self.put(path, content)

    def changes(self) -> tuple[Change, ...]:
        changes = (Change(path, before, self.after[path]) for path, before in self._before.items())
        return tuple(change for change in changes if change.before != change.after)


def _plans(clients: Iterable[Client], work: Callable[[Client, _Draft], None]) -> list[Plan]:
    """Each client's by itself: what one of them has in its settings is no other's trouble."""
    plans = []
    earlier: dict[Path, bytes | None] = {}
    for client in clients:
        draft = _Draft(earlier)
        try:
            work(client, draft)
        except (SettingsUnreadable, OSError) as error:
            plans.append(Plan(client, refused=explain(error) or str(error)))
        else:
            earlier |= draft.after
            plans.append(Plan(client, draft.changes(), tuple(draft.notes)))
    return plans


def _with_hooks(text: str, client: Client, wanted: Mapping[str, Any]) -> str:
    if not isinstance(jsonc.parse(text).value, dict):
        raise jsonc.Unparsable("it is no object")
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
    return text


def _bytes_without_us(path: Path, content: bytes) -> bytes:
    with contextlib.suppress(jsonc.Unparsable, tomllib.TOMLDecodeError, UnicodeError):
        return _without_us(path, content.decode("utf-8")).encode()
    return content


def _without_us(path: Path, text: str) -> str:
    if path.suffix == ".toml":
        return servers.without_server_toml(text)
    text = plugins.disable(text)
    for event, entry in [*_entries(text)]:
        if _is(entry, OURS):
            text = _remove_entry(text, event, entry)
    return servers.without_server(text)


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
