"""Fixtures that every package's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest

from capsa.private import remove_abandoned

pytest_plugins = ["capsa.testing.fixtures"]

# How long an example takes is the machine's, and no test of ours is about it.
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.load_profile("here")


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_in_the_temporary_folder() -> Iterator[None]:
    """The processes that tests kill leave what the next one would remove; after the tests there is no next one."""
    yield
    remove_abandoned()
