"""Which project a file belongs to, read from git's own files: starting git would take longer than the whole hook.

A project is known by its remote, so a clone, a worktree or a renamed folder is the same one; without a remote by its
common git folder; without git by its folder. What else its memory may be found under is told by `belonging`.
"""

from . import files

try:
    from _sha2 import sha256  # type: ignore[import-not-found]
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found]
    except ImportError:
        from hashlib import sha256

_CONFIG_LIMIT = 1 << 18


class Project:
    """Where something was written."""

    __slots__ = ("branch", "checkout", "commit", "common", "id", "ids", "name", "remote", "root", "scope", "withheld")

    def __init__(self, identity: str, name: str, root: str, scope: str = "", common: str = "") -> None:
        """Nothing is known of its branch yet.

        Args:
            identity: what it is known by.
            common: the git folder that all its worktrees share; empty without git.
        """
        self.id = id_of(identity)
        #: This copy of it, on this machine.
        self.checkout = id_of(common) if common else self.id
        self.common = common
        self.name = name
        #: What it is known by, if that is a remote.
        self.remote = identity if common not in {"", identity} else ""
        #: The ids that its memory is found under, and the one it is known by if that is withheld (`belonging.settle`).
        self.ids: tuple[str, ...] = (self.id,)
        self.withheld = ""
        self.root = root
        #: The part of the project that is worked in, as a path from its root; empty for all of it.
        self.scope = scope
        self.branch = ""
        self.commit = ""

    @property
    def home(self) -> str:
        """The id under which to store: not that of a project whose memory is withheld."""
        return self.checkout if self.withheld else self.id

    def has(self, project: str, path: str) -> bool:
        """Whether what was written at ``path`` in the project of this id is its own.

        What older programs stored names no project; it belongs where its path is.
        """
        if project:
            return project in self.ids
        inside = self.root.rstrip("/")
        return bool(inside) and path.startswith(f"{inside}/")

    def path_here(self, path: str, inside: str, project: str) -> str:
        """Where the file at ``path`` is on this machine, as far as that is known: others may have written it.

        Args:
            inside: where it is in the project of the id ``project``.
        """
        here = f"{self.root}/{inside}"
        return here if inside and project in self.ids and not files.exists(path) and files.exists(here) else path


def id_of(identity: str) -> str:
    """What a project or a checkout is called in the memory."""
    name: str = sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return name


def project_of(folder: str, path: str = "") -> Project:
    """The project of ``path``, or of ``folder``, in which the agent works."""
    start = files.parent(files.absolute(path, folder)) if path else folder
    root = _root(start)
    if not root and start != folder:
        inside = start == folder or start.startswith(folder.rstrip("/") + "/")
        start = folder if inside else start
        root = _root(start) if inside else ""
    if not root:
        return Project(start, files.name_of(start), start)
    git, common = _git_folders(root)
    remote = normal_remote(_origin(f"{common}/config"))
    name = files.name_of(remote) if remote else files.name_of(files.parent(common) if _plain(common) else root)
    worked_in = folder if folder.startswith(root + "/") else ""
    project = Project(remote or common, name, root, worked_in[len(root) + 1 :], common)
    project.branch, project.commit = _head(git, common)
    return project


def normal_remote(url: str) -> str:
    """``host/path`` of a remote's URL, however it is spelled; user, password and port are no part of it."""
    url = url.strip()
    scheme, separator, rest = url.partition("://")
    if separator:
        if scheme == "file":
            return files.normal(rest).removesuffix(".git")
        host, _, path = rest.partition("/")
    elif ":" in url and "/" not in url.partition(":")[0] and url[1:2] != ":":
        host, _, path = url.partition(":")
    else:
        # A folder of this machine, or nothing.
        return files.normal(url).removesuffix(".git") if url.startswith("/") else ""
    host = host.rpartition("@")[2].partition(":")[0].lower()
    path = files.normal(path).strip("/").removesuffix(".git")
    return f"{host}/{path}" if host and path else ""


def _root(folder: str) -> str:
    folder = folder.rstrip("/")
    while folder:
        if files.exists(f"{folder}/.git"):
            return folder
        folder = folder.rpartition("/")[0]
    return ""


def _git_folders(root: str) -> tuple[str, str]:
    """The git folder of this checkout, and the one that all worktrees share."""
    git = f"{root}/.git"
    link = files.read(git, 4096)
    if link and link.startswith(b"gitdir:"):
        git = files.absolute(link[7:].decode("utf-8", "surrogateescape").strip(), root)
    common = files.read_text(f"{git}/commondir", 4096).strip()
    return git, files.absolute(common, git) if common else git


def _plain(common: str) -> bool:
    return common.endswith("/.git")


def _origin(config: str) -> str:
    """The URL of ``origin``, or of the only remote there is."""
    remotes: dict[str, str] = {}
    section = ""
    for raw in files.read_text(config, _CONFIG_LIMIT).split("\n"):
        line = raw.strip()
        if line.startswith("["):
            section = line
        elif section.startswith('[remote "') and line[:3].lower() == "url":
            key, separator, value = line.partition("=")
            if separator and key.strip().lower() == "url":
                remotes.setdefault(section[9:].partition('"')[0], value.strip().strip('"'))
    if "origin" in remotes or len(remotes) != 1:
        return remotes.get("origin", "")
    return next(iter(remotes.values()))


def _head(git: str, common: str) -> tuple[str, str]:
    """The branch and the commit that are checked out; empty for what cannot be told."""
    head = files.read_text(f"{git}/HEAD", 4096).strip()
    if not head.startswith("ref:"):
        return "", _commit(head)
    ref = head[4:].strip()
    if not ref.startswith("refs/") or ".." in ref or not ref.isprintable():
        # It would name a file outside of the git folder, or be no name.
        return "", ""
    branch = ref.removeprefix("refs/heads/")
    for folder in (git, common):
        if commit := _commit(files.read_text(f"{folder}/{ref}", 4096).strip()):
            return branch, commit
    for line in files.read_text(f"{common}/packed-refs", 1 << 22).split("\n"):
        commit, _, name = line.partition(" ")
        if name == ref:
            return branch, _commit(commit)
    return branch, ""


def _commit(text: str) -> str:
    """``text`` if it is a commit's name, else nothing."""
    return text if len(text) in {40, 64} and not text.lower().strip("0123456789abcdef") else ""
