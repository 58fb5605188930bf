"""A connection pooler before a database, as hosted PostgreSQL has it: PgBouncer in transaction mode."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from capsa._server_package import unprivileged_account
from capsa.url import DatabaseUrl

_SETTINGS = """\
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = users.txt
pool_mode = transaction
default_pool_size = 2
max_client_conn = 200
logfile = log
"""


@contextlib.contextmanager
def running_pooler(url: str, program: str) -> Iterator[str]:
    """The URL of the same database and user through the pooler, which ends with the context.

    Two server connections for all clients: what a session left behind meets the next one soon.
    """
    address = DatabaseUrl.parse(url)
    listen = _free_port()
    directory = Path(tempfile.mkdtemp(prefix="capsa-pooler-"))
    (directory / "pooler.ini").write_text(_SETTINGS.format(host=address.host, port=address.port, listen=listen))
    user, password = ((part or "").replace('"', '""') for part in (address.user, address.password))
    (directory / "users.txt").write_text(f'"{user}" "{password}"\n')
    # Like PostgreSQL, it refuses to run as root.
    account = unprivileged_account(Path("/nonexistent"))
    if account is not None:
        for path in (directory, *directory.iterdir()):
            account.own(path)
    process = subprocess.Popen(
        [program, "pooler.ini"],
        cwd=directory,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(listen, process, directory / "log")
        yield dataclasses.replace(address, port=listen).with_password()
    finally:
        process.terminate()
        process.wait(timeout=30)
        shutil.rmtree(directory)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text() if log.exists() else "it wrote no log"
                raise RuntimeError(f"the pooler did not start: {said}") from None
            time.sleep(0.02)
        else:
            return
