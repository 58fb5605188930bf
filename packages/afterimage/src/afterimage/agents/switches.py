"""Whether settings switch a client's hooks off: then everything is installed, and nothing happens."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from afterimage.agents import plugins
from afterimage.agents.clients import Client
from afterimage.agents.reading import setting_at
from afterimage.hook.project import project_of

#: Where an administrator puts what users of Claude Code cannot change.
_MANAGED = (
    Path("/etc/claude-code/managed-settings.json"),
    Path("/Library/Application Support/ClaudeCode/managed-settings.json"),
)
#: Where an administrator puts what users of Codex cannot change.
_REQUIRED = Path("/etc/codex/requirements.toml")
#: Where a client looks for settings of the project that it works in.
_OF_PROJECTS: Mapping[str, tuple[str, ...]] = {
    "claude-code": (".claude/settings.json", ".claude/settings.local.json"),
    "codex": (".codex/config.toml",),
    "gemini": (".gemini/settings.json",),
}
#: The first is what earlier versions of Gemini CLI called the second.
_GEMINI = ("hooks", "hooksConfig")
#: What must not be false.
_NEEDED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "codex": (("features", "hooks"), ("features", "codex_hooks")),
    "gemini": tuple((section, "enabled") for section in _GEMINI),
}


def switched_off(client: Client, home: Path, environ: Mapping[str, str], directory: Path) -> str:
    """What keeps the hooks of ``client`` from running, and where it stands; empty if nothing is known to.

    Args:
        directory: AfterImage's folder, with the plugin if that is installed.
    """
    return next(_everywhere(client, home, environ, directory), "")


def switched_off_here(client: Client, home: Path, environ: Mapping[str, str], directory: Path) -> str:
    """What keeps them from running in the project that this is run in alone, by settings of its own."""
    plugin = plugins.installed(client.files(home, environ)[0], directory)
    own = set(map(os.path.realpath, client.files(home, environ)))
    for folder in _folders():
        for name in _OF_PROJECTS.get(client.name, ()):
            path = folder / name
            if os.path.realpath(path) not in own and (why := next(_reasons(client, path, plugin=plugin), "")):
                return why
    return ""


def _folders() -> tuple[Path, ...]:
    """This folder and its project's; none where this one is gone."""
    try:
        here = os.getcwd()  # noqa: PTH109  # a text
    except OSError:
        return ()
    return tuple(map(Path, dict.fromkeys((here, project_of(here).root))))


def _everywhere(client: Client, home: Path, environ: Mapping[str, str], directory: Path) -> Iterator[str]:
    hooks_file, other_file = client.files(home, environ)
    if client.name == "claude-code":
        yield from _reasons(client, hooks_file, plugin=plugins.installed(hooks_file, directory))
        for path in _MANAGED:
            yield from _reasons(client, path, plugin=False)
            if setting_at(path, "allowManagedHooksOnly") is True:
                yield f"allowManagedHooksOnly in {path}"
    else:
        for path in (other_file, _REQUIRED) if client.name == "codex" else (hooks_file,):
            yield from _reasons(client, path, plugin=False)


def _reasons(client: Client, path: Path, *, plugin: bool) -> Iterator[str]:
    """What in one file of settings switches the hooks off; ``plugin``: whether they are in one."""
    for keys in (*_NEEDED.get(client.name, ()), *((plugins.ENABLED,) if plugin else ())):
        if setting_at(path, *keys) is False:
            yield f"{'.'.join(keys)}: false in {path}"
    if client.name == "claude-code" and setting_at(path, "disableAllHooks") is True:
        yield f"disableAllHooks in {path}"
    if client.name == "gemini":
        for section in _GEMINI:
            names = setting_at(path, section, "disabled")
            if isinstance(names, list) and "afterimage" in names:
                yield f"afterimage in {section}.disabled in {path}"
