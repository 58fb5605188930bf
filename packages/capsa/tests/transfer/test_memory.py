"""Memory is bounded by bytes, whatever the size of the rows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
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
    assert megabytes(source, target) < 150


@pytest.mark.slow
def test_so_do_many_rows_of_made_up_words_and_their_vectors(new_url: Callable[[str], str]) -> None:
    """Each word costs room until its segment is made; and the segments are merged, as a search looks into each."""
    source, target = new_url("sqlite"), new_url("postgresql")
    vectors = np.random.default_rng(1).standard_normal((1_000, 384)).astype(np.float32)
    with open_database(source) as database:
        code = Store(database, embedder=None).collection("code", owner="local")
        for start in range(0, 30_000, 1_000):
            records = [
                Record(id=f"r{n}", text=" ".join(f"made_up_{n}_{k}x" for k in range(12)) + " plain words" * 40)
                for n in range(start, start + 1_000)
            ]
            code.add(records, vectors=vectors, model="made-up")
    assert megabytes(source, target) < 150
    with open_database(target) as database, database.maintain() as tx:
        ((segments,),) = tx.execute("SELECT count(*) FROM capsa_lexical_segments")
    assert segments < 8


def megabytes(source: str, target: str) -> int:
    """The most that a process takes that transfers one into the other."""
    done = subprocess.run([sys.executable, "-c", _RUN, source, target], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)
