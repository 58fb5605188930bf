"""Where the benchmarks read from and where they keep what takes long to make."""

from __future__ import annotations

import functools
import os
import shutil
import zlib
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


def cache() -> Path:
    """A folder for databases and vectors that later runs use again: ``BENCHMARK_CACHE``, or the user's own."""
    given = os.environ.get("BENCHMARK_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(given).expanduser() if given else base / "capsa-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def databases() -> Path:
    """The folder in the cache for databases of the present tables; those of other versions are thrown away."""
    packages = (_ROOT / "packages" / name for name in ("capsa", "stoic_emperor"))
    scripts = sorted(script for package in packages for script in package.glob("src/**/schema*.sql"))
    version = functools.reduce(lambda so_far, script: zlib.crc32(script.read_bytes(), so_far), scripts, 0)
    folder = cache() / f"databases_{version:08x}"
    for other in cache().glob("databases_*"):
        if other != folder:
            shutil.rmtree(other)
    folder.mkdir(exist_ok=True)
    return folder


class DataMissing(Exception):
    """Files that are not part of the project are needed, and not there."""


def data(name: str) -> Path:
    """A file of ``BENCHMARK_DATA`` (by default ``../shared/data`` beside the checkout).

    Raises:
        DataMissing: it is not there.
    """
    folder = Path(os.environ.get("BENCHMARK_DATA") or _ROOT.parent / "shared" / "data").expanduser()
    path = folder / name
    if not path.exists():
        raise DataMissing(f"{name} is not there: put it beside the checkout in ../shared/data, or set BENCHMARK_DATA")
    return path
