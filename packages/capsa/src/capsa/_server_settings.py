"""Settings of a local PostgreSQL server, fit for the machine it runs on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_MB = 1024 * 1024


def settings_for_this_machine(port: int) -> dict[str, str]:
    """postgresql.conf for a small machine that does other things too."""
    memory = _memory_mb()
    return {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": f"{_between(64, memory // 8, 512)}MB",
        "effective_cache_size": f"{max(128, memory // 2)}MB",
        # An HNSW index is built several times faster when it fits.
        "maintenance_work_mem": f"{_between(64, memory // 16, 512)}MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        # Its queries are short: compiling them costs more than it gains.
        "jit": "off",
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # A log must not repeat what a user wrote: neither a failed statement nor the row in an error's detail.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        # Containers often have 64 MB there, and a parallel index build would fail.
        "dynamic_shared_memory_type": "posix" if _shared_memory_mb() >= 512 else "mmap",
    }


def render(values: Mapping[str, str]) -> str:
    """A postgresql.conf of these values."""
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in values.items()]
    return "\n".join(["# Written anew at every start; use ALTER SYSTEM to change a setting for good.", *lines, ""])


def _between(least: int, wanted: int, most: int) -> int:
    return max(least, min(wanted, most))


def _memory_mb() -> int:
    """Memory this process may use: the machine's, or its container's if that is less."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _MB
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return total
    return min(total, int(limit) // _MB) if limit.isdecimal() else total


def _shared_memory_mb() -> int:
    try:
        status = os.statvfs("/dev/shm")  # noqa: S108 - not a temporary file: this is where POSIX shared memory is
    except OSError:
        # macOS has no such file system and no such limit.
        return 1024
    return status.f_blocks * status.f_frsize // _MB
