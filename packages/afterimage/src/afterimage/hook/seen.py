"""What a session was shown or denied already.

One empty file each, made only if it is not there: the one thing that any number of processes can do at once with
exactly one of them succeeding, and nothing to lock, read or repair.
"""

from . import files
from .fingerprints import digest


class Seen:
    """The memory of one session of one agent."""

    def __init__(self, directory: str, session: str, agent: str = "") -> None:
        name = digest(b"session", f"{session}\0{agent}".encode("utf-8", "surrogatepass"))
        self._folder = f"{directory}/hook-state/seen/{name:012x}"

    def claim(self, key: str) -> bool:
        """Whether ``key`` is said for the first time. False, too, where that cannot be noted: silence floods nobody."""
        try:
            files.make_folder(self._folder)
            files.create(f"{self._folder}/{key}", b"")
        except OSError:
            return False
        return True

    def forget(self) -> None:
        """The agent forgot what it saw (its context was compacted or cleared), so it may be shown again."""
        try:
            for name in files.posix.listdir(self._folder):
                files.posix.unlink(f"{self._folder}/{name}")
        except OSError:
            return
