"""Files and the environment by the interpreter's own C modules: `os` and `pathlib` take longer to load than to use."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os as _system
    from typing import Any
else:
    try:
        import posix as _system
    except ImportError:  # Windows
        import os as _system

#: The calls of the system, by the names that `os` gives them.
posix = _system

#: How much of a file is read at once.
_CHUNK = 1 << 20
#: No system opens a file by a longer path.
LONGEST_PATH = 4096


def variable(name: str) -> str:
    """A variable of the environment; empty if it is not set."""
    # `posix` has the environment as bytes, `os` as texts.
    environ: dict[Any, Any] = posix.environ  # type: ignore[assignment]
    given = environ.get(name.encode(), environ.get(name, ""))
    return given.decode("utf-8", "surrogateescape") if isinstance(given, bytes) else str(given)


def is_absolute(path: str) -> bool:
    """Whether ``path`` says by itself where it is."""
    return path.startswith("/") or path[1:2] == ":"


def home() -> str:
    """The user's folder, also where HOME is not set, as with a desktop program, or is relative and so says nothing."""
    named = variable("HOME") or variable("USERPROFILE")
    return named if is_absolute(named) else account_home()


def account_home() -> str:
    """The user's folder as the system knows it; empty if it knows none."""
    try:
        import pwd

        return pwd.getpwuid(posix.getuid()).pw_dir
    except (ImportError, KeyError, AttributeError):
        return ""


def directory() -> str:
    """Where AfterImage keeps its files: the folder of its configuration. Empty if nobody can say."""
    named = variable("AFTERIMAGE_CONFIG")
    if named:
        if named.startswith("~/"):
            named = home() + named[1:]
        return parent(absolute(named, posix.getcwd()))
    folder = home()
    return folder + "/.afterimage" if folder else ""


def parent(path: str) -> str:
    """The folder that ``path`` is in."""
    return path.rstrip("/").rpartition("/")[0] or "/"


def name_of(path: str) -> str:
    """The last part of ``path``, whichever way its slashes lean."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def normal(path: str) -> str:
    """``path`` without ``.``, ``..`` and double slashes, by its letters alone."""
    parts: list[str] = []
    for part in path.replace("\\", "/").split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def absolute(path: str, folder: str) -> str:
    """``path`` as seen from ``folder``."""
    return normal(path if is_absolute(path) else f"{folder}/{path}")


def exists(path: str) -> bool:
    """Whether there is something."""
    return modified(path) is not None


def modified(path: str) -> float | None:
    """When ``path`` was last written; None if it is not there."""
    try:
        return posix.stat(path).st_mtime
    except (OSError, ValueError):
        return None


def read(path: str, limit: int = 1 << 16) -> bytes | None:
    """The beginning of a file; None if it cannot be read."""
    try:
        file = posix.open(path, posix.O_RDONLY | getattr(posix, "O_CLOEXEC", 0) | getattr(posix, "O_NONBLOCK", 0))
    except (OSError, ValueError):
        return None
    try:
        parts = []
        while limit > 0 and (part := posix.read(file, min(limit, _CHUNK))):
            parts.append(part)
            limit -= len(part)
        return b"".join(parts)
    except OSError:
        return None
    finally:
        posix.close(file)


def read_text(path: str, limit: int = 1 << 16) -> str:
    """The same as text; empty if it cannot be read."""
    found = read(path, limit)
    return "" if found is None else found.decode("utf-8", "replace")


def make_folder(path: str) -> None:
    """``path`` and what it is in, for this user only. Raises OSError."""
    try:
        posix.mkdir(path, 0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_folder(parent(path))
        make_folder(path)


def is_ours(folder: str) -> bool:
    """Whether ``folder`` is there and belongs to this user, where the system knows users."""
    try:
        return posix.stat(folder).st_uid == posix.getuid() if hasattr(posix, "getuid") else exists(folder)
    except OSError:
        return False


def create(path: str, data: bytes) -> None:
    """A new file with ``data``, for this user only. Raises OSError, FileExistsError if somebody was first."""
    file = posix.open(path, posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | getattr(posix, "O_CLOEXEC", 0), 0o600)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[posix.write(file, rest) :]
    except OSError as error:
        # A full disk does not say what it had no room for.
        error.filename = path
        raise
    finally:
        posix.close(file)


def replace(path: str, data: bytes, mode: int = 0o600) -> None:
    """``data`` in place of what is at ``path``, whole or not at all, also if the power fails. Raises OSError."""
    unfinished = f"{path}.{posix.getpid()}"
    # Who was killed here before had the same number.
    remove(unfinished)
    try:
        create(unfinished, data)
        file = posix.open(unfinished, posix.O_RDWR)
        try:
            posix.fsync(file)
        finally:
            posix.close(file)
        posix.chmod(unfinished, mode)
        posix.replace(unfinished, path)
    except OSError:
        remove(unfinished)
        raise


def remove(path: str) -> None:
    """No file at ``path``, as far as that is possible."""
    try:
        posix.unlink(path)
    except OSError:
        return
