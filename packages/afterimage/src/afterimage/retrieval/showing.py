"""What is taken out of everything that is recalled, to whomever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from afterimage.hook.marker import without_private
from afterimage.hook.redaction import Redactor, compiled_name


def redactor_of(directory: Path) -> Callable[[str], str]:
    """Takes secrets, and what is private, out of a text.

    Args:
        directory: AfterImage's folder, with the compiled rules if there are any.
    """
    redact = Redactor(str(directory / "hook-state" / compiled_name()))
    return lambda text: redact(without_private(text))
