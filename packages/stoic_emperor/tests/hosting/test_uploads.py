"""Files that are handed in come in pieces, wait, are read, and leave nothing but a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoic_emperor.errors import NotFound
from stoic_emperor.hosting.uploads import Uploads, plain_name
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.infrastructure.person import Person


@pytest.fixture
def uploads(database: Database, anna: Person, clock: Any) -> Uploads:
    return Uploads(database, anna.user_id, clock)


def handed_in(uploads: Uploads, *pieces: bytes, name: str = "a.md") -> str:
    id_ = uploads.begin("journal", name, {"author": "Anna"})
    for number, piece in enumerate(pieces, 1):
        uploads.add(id_, number, piece)
    uploads.received(id_, sum(map(len, pieces)))
    return id_


def test_what_came_in_pieces_is_read_whole_by_its_owner_alone(uploads: Uploads, tmp_path: Path, clock: Any) -> None:
    handed_in(uploads, b"It rains, ", b"and snows\0\xff")
    upload = uploads.next()
    assert upload is not None
    assert (upload.size, upload.state, upload.about) == (21, "waiting", {"author": "Anna"})
    file = uploads.write_to(upload, tmp_path)
    assert (file.name, file.read_bytes()) == ("a.md", b"It rains, and snows\0\xff")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.stat().st_mtime == clock().timestamp()


def test_the_oldest_is_read_first_and_one_that_was_begun_again(uploads: Uploads, clock: Any) -> None:
    first = handed_in(uploads, b"one")
    clock.move(seconds=1)
    second = handed_in(uploads, b"two")
    upload = uploads.next()
    assert upload is not None
    assert upload.id == first
    assert uploads.progress(upload, 1, 3)
    again = uploads.next()
    assert again is not None
    assert (again.id, again.state, again.done) == (first, "working", 1)
    uploads.finish(again, {"lines": ["Read."]})
    assert [u.id for u in uploads.all()] == [second, first]
    finished = uploads.get(first)
    assert (finished.state, finished.done, finished.report) == ("done", 3, {"lines": ["Read."]})
    assert uploads.unread() == 3, "its pieces are gone"


def test_what_is_taken_back_is_read_no_further(uploads: Uploads) -> None:
    handed_in(uploads, b"one")
    upload = uploads.next()
    assert upload is not None
    uploads.delete(upload.id)
    assert not uploads.progress(upload, 1, 3)
    uploads.finish(upload, {})
    assert uploads.all() == []
    assert uploads.unread() == 0
    with pytest.raises(NotFound):
        uploads.get(upload.id)


def test_what_was_broken_off_while_it_came_is_shown_to_nobody_and_goes(uploads: Uploads, clock: Any) -> None:
    broken = uploads.begin("journal", "a.md", {})
    uploads.add(broken, 1, b"half")
    assert uploads.all() == []
    assert uploads.next() is None
    clock.move(hours=2)
    handed_in(uploads, b"whole")
    assert uploads.unread() == 5


def test_nobody_reads_what_another_handed_in(uploads: Uploads, database: Database, boris: Person) -> None:
    id_ = handed_in(uploads, b"one")
    theirs = Uploads(database, boris.user_id)
    assert theirs.all() == []
    assert theirs.next() is None
    for look in (theirs.get, theirs.delete):
        with pytest.raises(NotFound):
            look(id_)
    assert uploads.get(id_).size == 3


@given(st.text())
def test_a_name_leads_nowhere_and_is_short(given_name: str) -> None:
    name = plain_name(given_name)
    assert "/" not in name
    assert "\\" not in name
    assert name not in {".", ".."}
    assert len(name.encode()) <= 255
    assert name.isprintable()


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("a.md", "a.md"),
        ("../../etc/passwd", ""),
        ("C:\\Users\\anna\\2024-03-01 spring.md", "2024-03-01 spring.md"),
        ("ä" * 300 + ".md", "ä" * 100 + ".md"),
        (".md", ""),
    ],
)
def test_a_file_keeps_its_name_without_its_folder(given_name: str, name: str) -> None:
    assert plain_name(given_name) == name
