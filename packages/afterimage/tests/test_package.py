import subprocess
import sys
from pathlib import Path

import pytest

import afterimage


@pytest.mark.parametrize("name", afterimage.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(afterimage, name)
    assert name in dir(afterimage)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'TranscriptExtractor'"):
        _ = afterimage.TranscriptExtractor


def test_importing_it_loads_nothing_heavy() -> None:
    script = (
        "import afterimage, sys; print([m for m in ('numpy', 'yaml', 'rich', 'psycopg', 'capsa') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_the_guides_own_snippet(home: Path) -> None:
    script = """
from afterimage import get_storage_backend

backend = get_storage_backend()
stats = backend.stats()
print(f"Backend: {stats.backend_type}")
print(f"Entries: {stats.total_entries}")
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("Backend: sqlite\nEntries: 0\n", "")
