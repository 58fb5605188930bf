"""The collection that everybody begins with, wherever this package was installed from."""

from __future__ import annotations

from pathlib import Path

import stoic_emperor

#: In a wheel; a checkout has it in its own data folder, where people can read and change it.
_IN_THE_WHEEL = Path(stoic_emperor.__file__).parent / "starter_library"
_IN_THE_CHECKOUT = Path(stoic_emperor.__file__).parents[4] / "data" / "stoic_texts"


def starter_library() -> Path | None:
    """The folder with the starter library, or None if somebody has removed it."""
    return next((folder for folder in (_IN_THE_CHECKOUT, _IN_THE_WHEEL) if folder.is_dir()), None)
