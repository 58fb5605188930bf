"""Which files are remembered: by whole parts of their path below the project, never by letters in it.

So ``rebuild/x.py`` is no build, and a project that lies in a folder named ``build`` is remembered like any other.
"""

from . import files
from .patterns import Pattern

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
#: No system has longer names, and nobody works deeper.
_LONGEST_NAME, _DEEPEST = 255, 256


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
        paths = [line for raw in skip_paths if (line := raw.strip())]
        self._paths = [Pattern(line if line.startswith("/") else f"**/{line}") for line in paths]
        own = files.read_text(f"{directory}/ignore") if directory else ""
        texts = own, files.read_text(f"{self._root}/{_FILE}")
        lines = [line for text in texts for raw in text.removeprefix("\ufeff").split("\n") if (line := _trimmed(raw))]
        #: The last that means something has its way.
        self._lines = [Pattern(line) for line in reversed(lines) if line[0] != "#"]

    def __call__(self, path: str) -> bool:
        """Whether the file at ``path``, absolute, is left out."""
        if len(path) > files.LONGEST_PATH:
            return True
        path = files.normal(path)
        if self._directory and f"{path}/".startswith(f"{self._directory}/"):
            return True
        parts = path.strip("/").split("/")
        if len(parts) > _DEEPEST or max(map(len, parts)) > _LONGEST_NAME:
            return True
        name = parts[-1].lower()
        ending = name.rpartition(".")[2] if "." in name else ""
        if ending in self._endings or ".min." in name or name in SKIPPED_NAMES:
            return True
        if name.startswith(".env.") and not name.endswith(_SAMPLES):
            return True
        inside = path.startswith(self._root + "/")
        above = self._root.count("/") if inside else 0
        # Of a file outside the project only its own folder says anything: what is above is where somebody works.
        first = above if inside else len(parts) - 2
        # From above, as git does it: nothing comes back below a folder that is left out.
        for depth in range(1, len(parts) + 1):
            at, folder = parts[:depth], depth < len(parts)
            left_out = any(pattern.means(at, folder=folder) for pattern in self._paths)
            if folder and depth > first:
                left_out = left_out or at[-1] in SKIPPED_FOLDERS or at[-1].endswith(".egg-info")
            if depth > above:
                left_out = self._judged(at[above:], folder=folder, else_=left_out)
            if left_out:
                return True
        return False

    def _judged(self, parts: "Sequence[str]", *, folder: bool, else_: bool) -> bool:
        """What the lines say of just this file or folder; if nothing, what they would take back."""
        for line in self._lines:
            if self._late():
                return True
            if line.means(parts, folder=folder):
                return not line.negated
        return else_


def _trimmed(line: str) -> str:
    """A line without the spaces at its end, but for one after a backslash."""
    line = line.removesuffix("\r")
    kept = line.rstrip(" ")
    escaped = (len(kept) - len(kept.rstrip("\\"))) % 2
    return kept + " " if escaped and len(kept) < len(line) else kept
