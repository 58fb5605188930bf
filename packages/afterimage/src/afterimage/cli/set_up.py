"""Commands that set up and look after: config, doctor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from afterimage.cli.terminal import note
from capsa.terminal import json_option, table, write_json

if TYPE_CHECKING:
    from afterimage.config import AfterImageConfig


@click.command()
@click.option("--init", is_flag=True, help="Write a configuration file that holds every key.")
@click.option("--force", is_flag=True, help="With --init: overwrite the file; the old one is kept as .bak.")
@json_option
def config(init: bool, force: bool, as_json: bool) -> int:
    """Show every setting and where its value comes from.

    \b
    Example:
      afterimage config
      afterimage config --init
    """
    if init:
        return _init(force)
    from afterimage.config import load_config

    loaded = load_config()
    rows = list(_rows(loaded))
    if as_json:
        write_json(
            {
                "file": str(loaded.file),
                "exists": loaded.file.exists(),
                "settings": {key: {"value": value, "from": source, "variable": v} for key, value, source, v in rows},
                "without_effect": dict(loaded.without_effect),
            }
        )
        return 0
    missing = "" if loaded.file.exists() else " (missing: make it with `afterimage config --init`)"
    click.echo(f"{loaded.file}{missing}\n")
    table(
        ("setting", "value", "from", "variable"),
        [(key, "" if value is None else str(value), source, v or "") for key, value, source, v in rows],
    )
    for key, reason in loaded.without_effect.items():
        note(f"{key} has no effect: {reason}")
    return 0


def _rows(loaded: AfterImageConfig) -> list[tuple[str, Any, str, str | None]]:
    from afterimage.config import exported_password
    from afterimage.settings import SETTINGS

    rows = []
    for setting in SETTINGS:
        value: Any = loaded
        for part in setting.key.split("."):
            value = getattr(value, part)
        if setting.key == "storage.sqlite.path":
            value = str(value)
        elif isinstance(value, tuple):
            value = list(value) or None
        source = loaded.sources[setting.key]
        if setting.key == "storage.postgresql.password" and value is None:
            value, file = exported_password(loaded)
            source = str(file) if value else source
        if setting.secret and value is not None:
            value = "(set)"
        rows.append((setting.key, value, "file" if source == str(loaded.file) else source, setting.variable))
    return rows


def _init(force: bool) -> int:
    from afterimage.config import config_file
    from afterimage.errors import ConfigError
    from afterimage.settings import template

    file = config_file()
    if file.exists():
        if not force:
            raise ConfigError(f"{file} exists: edit it, or write a new one with --force")
        file.replace(file.with_name(file.name + ".bak"))
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(template())
    click.echo(f"Wrote {file}")
    return 0


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Look for what is wrong, and say what to do about it.

    \b
    Example:
      afterimage doctor
    """
    from afterimage.doctor import examine

    checks = list(examine())
    failed = any(check.verdict == "fail" for check in checks)
    if as_json:
        write_json({"ok": not failed, "checks": [check.to_dict() for check in checks]})
    else:
        signs = {"ok": "ok", "note": "note", "fail": "FAIL"}
        table(("", "what", "found"), [(signs[c.verdict], c.name, c.found) for c in checks])
        for check in checks:
            if check.remedy:
                click.echo(f"\n{check.name}: {check.found}\n  -> {check.remedy}")
    return 1 if failed else 0


COMMANDS = (config, doctor)
