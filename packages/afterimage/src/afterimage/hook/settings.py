"""What the hook was told at setup, from a small file: it cannot read YAML, and sees no shell's variables."""

from . import files, jsons

NAME = "hook.json"


class Settings:
    """How the hook is to behave; the defaults where nobody said anything, or the file cannot be read."""

    def __init__(self, directory: str) -> None:
        found = jsons.loads(files.read(f"{directory}/hook-state/{NAME}", 1 << 18) or b"{}")
        values = found if isinstance(found, dict) else {}
        #: Whether code that is already there is refused once, so that the agent sees it in time.
        self.deny_once = values.get("deny_once") is True
        #: Whether code of other projects may be shown.
        self.other_projects = values.get("other_projects") is True
        #: The command that takes the spool in.
        self.sync = _texts(values, "sync")
        self.skip_paths = _texts(values, "skip_paths")
        self.skip_endings = _texts(values, "skip_extensions")
        self.code_endings = _texts(values, "code_extensions")


def _texts(values: dict[str, object], key: str) -> list[str]:
    found = values.get(key)
    return [part for part in found if isinstance(part, str)] if isinstance(found, list) else []
