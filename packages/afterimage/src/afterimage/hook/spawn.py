"""Starts `afterimage sync` beside the agent, who does not wait for it and does not notice it."""

from time import time

from . import files, spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Seconds between two starts.
EVERY = 30


def start(directory: str, command: list[str]) -> bool:
    """Start the run that takes the spool in; False if there is nothing to do or one was started just now."""
    if not command or not spool.waiting(directory) or not _first(directory):
        return False
    posix = files.posix
    quiet: list[tuple[Any, ...]] = [
        (posix.POSIX_SPAWN_OPEN, 0, "/dev/null", posix.O_RDONLY, 0),
        (posix.POSIX_SPAWN_OPEN, 1, "/dev/null", posix.O_WRONLY, 0),
        (posix.POSIX_SPAWN_OPEN, 2, "/dev/null", posix.O_WRONLY, 0),
    ]
    # What the client opened for itself, a pipe that it reads to its end, must not stay open with us.
    quiet += ((posix.POSIX_SPAWN_CLOSE, number) for number in _open_files())
    posix.chdir("/")
    try:
        posix.posix_spawn(command[0], command, posix.environ, file_actions=quiet, setsid=True)
    except NotImplementedError:
        posix.posix_spawn(command[0], command, posix.environ, file_actions=quiet, setpgroup=0)
    return True


def _first(directory: str) -> bool:
    """Whether nobody has started one in this half minute: a file of that name can be made once."""
    folder = f"{directory}/hook-state"
    now = int(time()) // EVERY
    try:
        files.make_folder(folder)
        files.create(f"{folder}/sync-{now}", b"")
    except OSError:
        return False
    return True


def _open_files() -> list[int]:
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            numbers = [int(name) for name in files.posix.listdir(folder) if name.isdigit()]
        except OSError:
            continue
        # The listing's own is closed by now.
        return [number for number in numbers if number > 2 and _is_open(number)]
    return []


def _is_open(number: int) -> bool:
    try:
        files.posix.fstat(number)
    except OSError:
        return False
    return True
