"""What a session was shown or denied already.

One empty file each, made only if it is not there: the one thing that any number of processes can do at once with
exactly one of them succeeding, and nothing to lock, read or repair.
"""

from . import files
from .fingerprints import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def places(directory: str) -> "Iterator[str]":
    """The folders of what sessions were shown, best first: on a full disk recall goes on by the next."""
    yield f"{directory}/hook-state/seen"
    from . import spool

    for folder in spool.folders(directory)[1:]:
        yield f"{folder}/seen"


class Seen:
    """The memory of one session of one agent."""

    def __init__(self, directory: str, session: str, agent: str = "") -> None:
        self._directory = directory
        name = f"{session}\0{agent}".encode("utf-8", "surrogatepass")
        self._name = f"{digest(b'session', name):012x}"

    def folders(self) -> "Iterator[str]":
        """Where it may be, best first."""
        for place in places(self._directory):
            yield f"{place}/{self._name}"

    def claim(self, key: str) -> bool:
        """Whether ``key`` is said for the first time. False, too, where that cannot be noted: silence floods nobody."""
        for folder in self.folders():
            try:
                files.make_folder(folder)
                if files.is_ours(files.parent(folder)):
                    files.create(f"{folder}/{key}", b"")
                    return True
            except FileExistsError:
                return False
            except OSError:
                continue
        return False

    def forget(self) -> None:
        """The agent forgot what it saw (its context was compacted or cleared), so it may be shown again."""
        for folder in self.folders():
            try:
                for name in files.posix.listdir(folder):
                    files.posix.unlink(f"{folder}/{name}")
            except OSError:
                continue
