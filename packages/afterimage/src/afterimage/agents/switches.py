"""Whether a client's own settings switch its hooks off: then everything is installed, and nothing happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from afterimage.agents import plugins
from afterimage.agents.clients import Client
from afterimage.agents.reading import setting_at

#: Where an administrator puts what users of Claude Code cannot change.
_MANAGED = (
    Path("/etc/claude-code/managed-settings.json"),
    Path("/Library/Application Support/ClaudeCode/managed-settings.json"),
)
#: Where an administrator puts what users of Codex cannot change.
_REQUIRED = Path("/etc/codex/requirements.toml")


def switched_off(client: Client, home: Path, environ: Mapping[str, str], directory: Path) -> str:
    """What keeps the hooks of ``client`` from running, and where it stands; empty if nothing is known to.

    Args:
        directory: AfterImage's folder, with the plugin if that is installed.
    """
    return next(_reasons(client, home, environ, directory), "")


def _reasons(client: Client, home: Path, environ: Mapping[str, str], directory: Path) -> Iterator[str]:
    hooks_file, other_file = client.files(home, environ)
    if client.name == "claude-code":
        yield from _claude(hooks_file, plugins.root(directory) / "afterimage" / "hooks" / "hooks.json")
    elif client.name == "codex":
        for path in (other_file, _REQUIRED):
            for feature in ("hooks", "codex_hooks"):
                if setting_at(path, "features", feature) is False:
                    yield f"features.{feature} = false in {path}"
    elif client.name == "gemini":
        # The first is what its earlier versions called the second.
        for section in ("hooks", "hooksConfig"):
            if setting_at(hooks_file, section, "enabled") is False:
                yield f"{section}.enabled: false in {hooks_file}"
            names = setting_at(hooks_file, section, "disabled")
            if isinstance(names, list) and "afterimage" in names:
                yield f"afterimage in {section}.disabled in {hooks_file}"


def _claude(settings: Path, plugin: Path) -> Iterator[str]:
    for path in (settings, *_MANAGED):
        if setting_at(path, "disableAllHooks") is True:
            yield f"disableAllHooks in {path}"
    for path in _MANAGED:
        if setting_at(path, "allowManagedHooksOnly") is True:
            yield f"allowManagedHooksOnly in {path}"
    if plugin.is_file() and setting_at(settings, *plugins.ENABLED) is False:
        yield f"{'.'.join(plugins.ENABLED)}: false in {settings}"
