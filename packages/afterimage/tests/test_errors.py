"""What a user reads of an error."""

from __future__ import annotations

import pytest

from afterimage.errors import NotAMemory, explain
from capsa import AuthenticationFailed, DatabaseBusy, MissingExtra


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (NotAMemory("it is none: name another"), "it is none: name another"),
        (DatabaseBusy("in use: try again"), "in use: try again"),
        (PermissionError(13, "Permission denied", "/x"), "/x: Permission denied"),
        (ZeroDivisionError("ours"), None),
    ],
)
def test_a_known_error_is_its_own_line_and_a_defect_none(error: Exception, line: str | None) -> None:
    assert explain(error) == line


def test_the_extra_to_install_is_afterimages_and_not_the_engines() -> None:
    line = explain(MissingExtra('PostgreSQL needs its driver: pip install "capsa[postgresql]"'))
    assert line is not None
    assert line.endswith('pip install "ai-afterimage[postgresql]"')


def test_a_refused_password_says_where_it_may_come_from() -> None:
    assert "AFTERIMAGE_PG_PASSWORD" in (explain(AuthenticationFailed("refused")) or "")
