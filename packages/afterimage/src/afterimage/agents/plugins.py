"""AfterImage as a plugin of Claude Code: a marketplace of one, in AfterImage's own folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from afterimage.agents import jsonc
from afterimage.agents.clients import mcp_program
from afterimage.agents.reading import setting_at

_NAME = "afterimage"
_FOLDER = "claude-plugin"
_MARKETPLACES = "extraKnownMarketplaces"
_ENABLED = "enabledPlugins"
_KEY = f"{_NAME}@{_NAME}"
#: Where a user switches the plugin off.
ENABLED = (_ENABLED, _KEY)
_ABOUT = "Recalls code that was written in earlier sessions, and remembers what is written now."


def root(directory: Path) -> Path:
    """The folder of the marketplace."""
    return directory / _FOLDER


def files(directory: Path, hooks: Mapping[str, Any], *, server: bool = True) -> dict[Path, str]:
    """The files of the plugin and its marketplace; ``server``: whether it is to have the MCP server."""
    folder = root(directory)
    program = mcp_program()
    contents: dict[Path, Any] = {
        folder / ".claude-plugin" / "marketplace.json": {
            "name": _NAME,
            "owner": {"name": "AfterImage"},
            "plugins": [{"name": _NAME, "source": f"./{_NAME}", "description": _ABOUT}],
        },
        folder / _NAME / ".claude-plugin" / "plugin.json": {"name": _NAME, "version": "1.0.0", "description": _ABOUT},
        hooks_file(directory): {
            "description": _ABOUT,
            "hooks": {event: [entry] for event, entry in hooks.items()},
        },
        servers_file(directory): {
            "mcpServers": {_NAME: {"command": program[0], "args": program[1:]}} if server else {}
        },
    }
    return {path: json.dumps(content, indent=2) + "\n" for path, content in contents.items()}


def hooks_file(directory: Path) -> Path:
    """Where the plugin has its hooks."""
    return root(directory) / _NAME / "hooks" / "hooks.json"


def servers_file(directory: Path) -> Path:
    """Where the plugin has its MCP server."""
    return root(directory) / _NAME / ".mcp.json"


def installed(settings: Path, directory: Path) -> bool:
    """Whether Claude Code's ``settings`` name the plugin, switched on or off."""
    return hooks_file(directory).is_file() and setting_at(settings, *ENABLED) is not None


def enable(text: str, directory: Path) -> str:
    """Claude Code's settings with the plugin in use.

    Raises:
        jsonc.Unparsable: they cannot be read, or know another marketplace of its name.
    """
    source = {"source": {"source": "directory", "path": str(root(directory))}}
    known = jsonc.get(text, [_MARKETPLACES, _NAME])
    if known is not None and not _is_ours(known):
        raise jsonc.Unparsable(f"{_MARKETPLACES}.{_NAME} is another marketplace")
    if known != source:
        text = jsonc.put(text, [_MARKETPLACES, _NAME], source)
    if jsonc.get(text, [_ENABLED, _KEY]) is None:
        text = jsonc.put(text, [_ENABLED, _KEY], True)  # noqa: FBT003  # the value
    return text


def disable(text: str) -> str:
    """Claude Code's settings without the plugin, if it is ours that they know."""
    if not _is_ours(jsonc.get(text, [_MARKETPLACES, _NAME])):
        return text
    for section, key in ((_MARKETPLACES, _NAME), (_ENABLED, _KEY)):
        rest = jsonc.remove(text, [section, key])
        # What was empty before us stays.
        text = jsonc.remove(rest, [section]) if rest != text and jsonc.get(rest, [section]) == {} else rest
    return text


def _is_ours(marketplace: Any) -> bool:
    """Whether it is the folder of an AfterImage, whichever."""
    source = marketplace.get("source") if isinstance(marketplace, dict) else None
    path = source.get("path") if isinstance(source, dict) and source.get("source") == "directory" else None
    return isinstance(path, str) and Path(path).name == _FOLDER
