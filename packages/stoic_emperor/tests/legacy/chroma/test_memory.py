"""However much a directory holds, reading it takes the memory of a few records."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from stoic_emperor.testing.chroma import ChromaWriter, Layout

_READ = """
import re, sys
from stoic_emperor.legacy.chroma.source import ChromaSource
source = ChromaSource.open(sys.argv[1])
rows = 0
for part in source.parts:
    for planned in source.plan(part):
        rows += sum(map(len, source.read(part, planned.first, planned.last)))
source.close()
# Not ru_maxrss: that begins with the memory of the process that started this one.
with open("/proc/self/status") as status:
    print(rows, int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["0.5", "1.5"])
def test_memory_stays_flat(tmp_path: Path, layout: Layout) -> None:
    count = 40_000
    vector = random.Random(1).randbytes(4 * 384)
    with ChromaWriter(tmp_path / "db", layout, sync_threshold=count) as writer:
        semantic = writer.collection("semantic")
        for n in range(count):
            semantic.add(f"{n:036}", vector, f"text {n}", {"user_id": "u"})
    assert (tmp_path / "db" / semantic.vector_segment / "data_level0.bin").stat().st_size > 64_000_000
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(tmp_path / "db")], capture_output=True, text=True, check=True
    )
    rows, megabytes = map(int, done.stdout.split())
    assert rows == count
    assert megabytes < 110
