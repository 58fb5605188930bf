"""Real directories beside the checkout, and what every test asks of a directory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

#: What the predecessor really wrote, beside the checkout; tests that need it say so when it is not there.
DATA = Path(__file__).resolve().parents[6] / "shared" / "data" / "stoic"


@pytest.fixture
def data() -> Path:
    """The folder of real directories and their truth."""
    if not DATA.is_dir():
        pytest.skip("the real directories are not beside this checkout (../shared/data/stoic)")
    return DATA


@pytest.fixture
def fingerprint() -> Callable[[Path], dict[str, tuple[int, str]]]:
    """Gives everything in a directory: times and contents."""
    return _fingerprint


def _fingerprint(path: Path) -> dict[str, tuple[int, str]]:
    return {
        str(file.relative_to(path)): (
            file.stat().st_mtime_ns,
            hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "",
        )
        for file in [path, *sorted(path.rglob("*"))]
    }


@pytest.fixture(autouse=True)
def _nothing_left_behind(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Private copies are made in a folder of the test's own, and are gone afterwards."""
    if "store_url" in request.fixturenames:
        # A server that outlives the test may be made in it, too.
        yield
        return
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield
    assert list(folder.iterdir()) == []
