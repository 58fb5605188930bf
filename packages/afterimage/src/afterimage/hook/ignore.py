"""Which files are remembered: by whole parts of their path below the project, never by letters in it.

So ``rebuild/x.py`` is no build, and a project that lies in a folder named ``build`` is remembered like any other.
"""

from . import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

#: Folders, as their names, whose files others made.
SKIPPED_FOLDERS = frozenset(
    [
        ".git",
        ".hg",
        ".svn",
        "node_modules",
        "bower_components",
        "__pycache__",
        ".venv",
        "venv",
        ".tox",
        ".nox",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        "site-packages",
        ".eggs",
        "dist",
        "build",
        ".next",
        ".nuxt",
        ".gradle",
        ".terraform",
        ".idea",
        ".vscode-test",
        "coverage",
        "htmlcov",
    ]
)
#: Endings of files that are no code: pictures, archives, data, logs, prose.
SKIPPED_ENDINGS = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "gif",
        "bmp",
        "ico",
        "webp",
        "svg",
        "pdf",
        "zip",
        "gz",
        "tgz",
        "bz2",
        "xz",
        "7z",
        "tar",
        "jar",
        "war",
        "whl",
        "egg",
        "so",
        "dylib",
        "dll",
        "exe",
        "bin",
        "o",
        "a",
        "obj",
        "class",
        "pyc",
        "pyo",
        "wasm",
        "woff",
        "woff2",
        "ttf",
        "otf",
        "eot",
        "mp3",
        "mp4",
        "wav",
        "avi",
        "mov",
        "ogg",
        "db",
        "sqlite",
        "sqlite3",
        "parquet",
        "npy",
        "npz",
        "pkl",
        "onnx",
        "log",
        "csv",
        "tsv",
        "jsonl",
        "ndjson",
        "lock",
        "map",
        "md",
        "markdown",
        "rst",
        "txt",
        "adoc",
        "doc",
        "docx",
        "xls",
        "xlsx",
        "ppt",
        "pptx",
        # What holds keys and passwords, and nothing else that is worth recalling.
        "env",
        "pem",
        "key",
        "p12",
        "pfx",
        "jks",
        "keystore",
    ]
)
#: Files that hold passwords, by their whole names; ``.env.local`` and its like are told by how they begin.
SKIPPED_NAMES = frozenset(
    [".netrc", "_netrc", ".pgpass", ".htpasswd", ".pypirc", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"]
)
_SAMPLES = (".example", ".sample", ".template", ".dist")
_FILE = ".afterimageignore"


class Ignore:
    """What is not remembered in one project."""

    def __init__(
        self,
        root: str,
        directory: str = "",
        *,
        skip_paths: "Iterable[str]" = (),
        skip_endings: "Iterable[str]" = (),
        code_endings: "Iterable[str]" = (),
        late: "Callable[[], bool]" = bool,
    ) -> None:
        """Reads ``.afterimageignore`` in ``root`` and the file ``ignore`` of AfterImage's own folder.

        Args:
            root: the project's folder.
            directory: AfterImage's own folder, of which nothing is remembered.
            skip_paths: files and folders from the configuration, wherever they are; / at the beginning is the system's.
            skip_endings, code_endings: endings of names that are left out, and taken where they else are not.
            late: whether the time is up. What cannot be judged in time is left out.
        """
        self._root = root.rstrip("/")
        self._directory = directory
        self._late = late
        taken = {ending.lower().lstrip(".") for ending in code_endings}
        self._endings = (SKIPPED_ENDINGS - taken) | {ending.lower().lstrip(".") for ending in skip_endings}
        self._paths = [line if line.startswith("/") else f"**/{line}" for raw in skip_paths if (line := raw.strip())]
        own = files.read_text(f"{directory}/ignore") if directory else ""
        texts = own, files.read_text(f"{self._root}/{_FILE}")
        lines = [line for text in texts for line in text.removeprefix("\ufeff").split("\n")]
        self._lines = [line for raw in lines if (line := raw.strip()) and line[0] != "#"]

    def __call__(self, path: str) -> bool:
        """Whether the file at ``path``, absolute, is left out."""
        if len(path) > files.LONGEST_PATH:
            return True
        path = files.normal(path)
        if self._directory and f"{path}/".startswith(f"{self._directory}/"):
            return True
        inside = path.startswith(self._root + "/")
        parts = (path[len(self._root) + 1 :] if inside else path.strip("/")).split("/")
        name = parts[-1].lower()
        ending = name.rpartition(".")[2] if "." in name else ""
        if ending in self._endings or ".min." in name or name in SKIPPED_NAMES:
            return True
        if name.startswith(".env.") and not name.endswith(_SAMPLES):
            return True
        # Of a file outside the project only its own folder says anything: what is above is where somebody works.
        below = parts[:-1] if inside else parts[-2:-1]
        left_out = any(part in SKIPPED_FOLDERS or part.endswith(".egg-info") for part in below)
        left_out = left_out or any(means(line, path.strip("/").split("/")) for line in self._paths)
        for line in self._lines:
            if self._late():
                return True
            negated = line[0] == "!"
            # A backslash before a sign at the beginning takes its meaning away.
            pattern = line[1:] if negated or line[:2] in {"\\#", "\\!"} else line
            if negated == left_out and means(pattern, parts):
                left_out = not negated
        return left_out


def means(line: str, parts: "Sequence[str]") -> bool:
    """Whether a line of an ignore file, read as git reads it, means the file at ``parts`` or a folder it is in."""
    folders_only = line.endswith("/")
    line = line.rstrip("/")
    pattern = [] if "/" in line else ["**"]
    # What is in a folder that is meant is meant, too.
    for part in [*line.split("/"), "**"]:
        # Of several ** in a row one says the same.
        if part and not (part == "**" and pattern and pattern[-1] == "**"):
            pattern.append(part)
    where = parts[:-1] if folders_only else parts
    return bool(line and where) and _covers(pattern, where)


def _covers(pattern: "Sequence[str]", parts: "Sequence[str]") -> bool:
    """Whether ``pattern``, in which ``**`` stands for any number of parts, is all of ``parts``.

    Only the last ``**`` ever takes more: whatever an earlier one could take, the last can.
    """
    if len(pattern) - pattern.count("**") > len(parts):
        return False
    at = step = resume = 0
    found = -1
    while at < len(parts):
        if step < len(pattern) and pattern[step] == "**":
            found, resume = step, at
            step += 1
        elif step < len(pattern) and like(parts[at], pattern[step]):
            step += 1
            at += 1
        elif found >= 0:
            resume += 1
            step, at = found + 1, resume
        else:
            return False
    return all(part == "**" for part in pattern[step:])


def like(name: str, pattern: str) -> bool:
    """Whether ``name`` is as ``pattern`` says, in which ``*`` stands for any letters and ``?`` for one."""
    if len(pattern) - pattern.count("*") > len(name):
        return False
    first, *more = pattern.split("*")
    if not more:
        return len(name) == len(first) and _stands(name, first, 0)
    last = more.pop()
    end = len(name) - len(last)
    at = len(first)
    if at > end or not _stands(name, first, 0) or not _stands(name, last, end):
        return False
    for piece in more:
        at = _find(name, piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def _stands(name: str, piece: str, at: int) -> bool:
    if "?" not in piece:
        return name.startswith(piece, at)
    return all(wanted in {"?", letter} for wanted, letter in zip(piece, name[at : at + len(piece)], strict=False))


def _find(name: str, piece: str, at: int, end: int) -> int:
    """Where ``piece`` stands first from ``at`` on and before ``end``; -1 if nowhere."""
    if "?" not in piece:
        return name.find(piece, at, end)
    return next((start for start in range(at, end - len(piece) + 1) if _stands(name, piece, start)), -1)
