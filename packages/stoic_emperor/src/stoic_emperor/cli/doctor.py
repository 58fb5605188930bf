"""``stoic doctor``: the guide's checklist, run for real."""

from __future__ import annotations

import click

from capsa.terminal import json_option, table, write_json


@click.command("doctor", epilog="\b\nExample:\n  stoic doctor --json")
@json_option
def command(as_json: bool) -> int:
    """Look at everything that a working Stoic Emperor needs, and say what to do where something is missing.

    Exit status 1 if something fails; notes do not count.
    """
    from stoic_emperor.doctor import examine

    checks = list(examine())
    if as_json:
        write_json([check.to_dict() for check in checks])
    else:
        signs = {"ok": "ok", "note": "note", "fail": "FAIL"}
        table(
            ("", "check", "found", "what to do"), [(signs[c.verdict], c.name, c.found, c.remedy or "") for c in checks]
        )
    return 1 if any(check.verdict == "fail" for check in checks) else 0
