"""Who is named on what is stored, so that those who share a memory know whom to ask."""

from __future__ import annotations

import functools
import getpass
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from afterimage.config import AfterImageConfig

#: Characters of a name.
_MOST = 200


def author_of(config: AfterImageConfig) -> str:
    """The configured author, else git's user.name of this account, else the account's name."""
    return config.storage.author or _found(config.home)


@functools.lru_cache(maxsize=4)
def _found(home: Path) -> str:
    """Asked once a process: git is started for it."""
    name = _of_git(home) or _of_account() or "unknown"
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())[:_MOST]


def _of_git(home: Path) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    try:
        # Outside of any checkout: what is stored at once may be of many.
        done = subprocess.run(
            [git, "config", "--global", "user.name"], capture_output=True, timeout=5, check=False, cwd=home
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def _of_account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""
