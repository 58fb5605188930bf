"""Which files are remembered: by whole parts of their path below the project, never by letters in it.

So ``rebuild/x.py`` is no build, and a project that lies in a folder named ``build`` is remembered like any other.
"""

from . import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    ]
)
_FILE = ".afterimageignore"


class Ignore:
    """What is not remembered in one project."""

    def __init__(
        self,
        root: str,
        directory: str = "",
        skip_paths: "Iterable[str]" = (),
        skip_endings: "Iterable[str]" = (),
        code_endings: "Iterable[str]" = (),
    ) -> None:
        """Reads ``.afterimageignore`` in ``root`` and the file ``ignore`` of AfterImage's own folder.

        Args:
            root: the project's folder.
            directory: AfterImage's own folder, of which nothing is remembered.
            skip_paths: patterns like those of the files, from the configuration.
            skip_endings, code_endings: endings of names that are left out, and taken all the same.
        """
        self._root = root.rstrip("/")
        self._directory = directory
        taken = {ending.lower().lstrip(".") for ending in code_endings}
        self._endings = (SKIPPED_ENDINGS | {ending.lower().lstrip(".") for ending in skip_endings}) - taken
        own = files.read_text(f"{directory}/ignore") if directory else ""
        lines = [*skip_paths, *own.split("\n"), *files.read_text(f"{self._root}/{_FILE}").split("\n")]
        self._patterns = [pattern for line in lines if (pattern := _Pattern.read(line))]

    def __call__(self, path: str) -> bool:
        """Whether the file at ``path``, absolute, is left out."""
        path = files.normal(path)
        if self._directory and f"{path}/".startswith(f"{self._directory}/"):
            return True
        inside = path.startswith(self._root + "/")
        parts = (path[len(self._root) + 1 :] if inside else path.strip("/")).split("/")
        name = parts[-1].lower()
        ending = name.rpartition(".")[2] if "." in name else ""
        if ending in self._endings or ".min." in name:
            return True
        # Of a file outside the project only its own folder says anything: what is above is where somebody works.
        below = parts[:-1] if inside else parts[-2:-1]
        left_out = any(part in SKIPPED_FOLDERS or part.endswith(".egg-info") for part in below)
        for pattern in self._patterns:
            if pattern.matches(parts):
                left_out = not pattern.negated
        return left_out


class _Pattern:
    """One line of an ignore file, as git reads it."""

    __slots__ = ("anchored", "folders_only", "negated", "parts")

    def __init__(self, line: str) -> None:
        self.negated = line.startswith("!")
        line = line.removeprefix("!")
        self.folders_only = line.endswith("/")
        line = line.rstrip("/")
        self.anchored = "/" in line
        self.parts = [part for part in line.split("/") if part]

    @classmethod
    def read(cls, line: str) -> "_Pattern | None":
        line = line.strip()
        if not line or line.startswith("#"):
            return None
        pattern = cls(line)
        return pattern if pattern.parts else None

    def matches(self, parts: "Sequence[str]") -> bool:
        """Whether the file at ``parts``, or a folder it is in, is meant."""
        last = len(parts) - (1 if self.folders_only else 0)
        starts = (0,) if self.anchored else range(len(parts))
        return any(_meets(self.parts, parts, start, last) for start in starts)


def _meets(pattern: "Sequence[str]", parts: "Sequence[str]", at: int, last: int) -> bool:
    """Whether ``pattern`` covers ``parts`` from ``at`` to some end that is no later than ``last``."""
    if not pattern:
        return at <= last and at > 0
    if pattern[0] == "**":
        return any(_meets(pattern[1:], parts, start, last) for start in range(at, last + 1))
    return at < last and like(parts[at], pattern[0]) and _meets(pattern[1:], parts, at + 1, last)


def like(name: str, pattern: str) -> bool:
    """Whether ``name`` is as ``pattern`` says, in which ``*`` stands for any letters and ``?`` for one."""
    if "*" not in pattern and "?" not in pattern:
        return name == pattern
    # The last star takes as much as is needed; no pattern makes this slower than the product of both lengths.
    at = star = resume = 0
    found = -1
    while at < len(name):
        if star < len(pattern) and pattern[star] == "*":
            found, resume = star, at
            star += 1
        elif star < len(pattern) and pattern[star] in {"?", name[at]}:
            star += 1
            at += 1
        elif found >= 0:
            resume += 1
            star, at = found + 1, resume
        else:
            return False
    return all(letter == "*" for letter in pattern[star:])
