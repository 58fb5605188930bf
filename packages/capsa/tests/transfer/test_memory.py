"""Memory is bounded by bytes, whatever the size of the rows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from capsa import Record, Store, open_database

_RUN = """
import re, sys
from contextlib import closing
from capsa import open_database
from capsa.transfer import open_source, transfer
with closing(open_source(sys.argv[1])) as source, open_database(sys.argv[2]) as target:
    report = transfer(source, target)
assert report.complete, report
# Not ru_maxrss: that begins with the memory of the process that started this one.
with open("/proc/self/status") as status:
    print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_rows_of_2_mb_stay_under_150_mb(one: str, other: str, new_url: Callable[[str], str]) -> None:
    source, target = new_url(one), new_url(other)
    with open_database(source) as database:
        code = Store(database, embedder=None).collection("code", owner="local")
        for n in range(120):
            code.add([Record(id=f"r{n}", text=f"word{n} " + "x" * 2_000_000)])
    done = subprocess.run([sys.executable, "-c", _RUN, source, target], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 150
