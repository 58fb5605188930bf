"""Secrets that were stored are found by kind and place, and taken out of everything made from them."""

import sqlite3
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from afterimage.audit import _places, clean_secrets, find_secrets
from afterimage.entries import StorageEntry
from afterimage.hook import recall
from afterimage.hook.redaction import Redactor
from afterimage.identity import content_hash
from afterimage.storage import StorageBackend
from afterimage.sync import synchronise

KEY = "AKIA" + "QYLPMN5HHHFPZAM2"
TOKEN = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
CODE = f"def connect():\n    key = '{KEY}'\n    return key\n"


def fill(memory: StorageBackend) -> None:
    memory.store_many(
        [
            StorageEntry("clean", "/p/clean.py", "def nothing():\n    return 1\n"),
            StorageEntry("code", "/p/a.py", CODE, content_hash=content_hash(CODE)),
            StorageEntry("more", "/p/b.py", "x = 1\n", f"a\nb\nold = '{TOKEN}'\n", context=f"said {KEY}"),
        ]
    )
    memory.collection.embed_missing()
    # As if there were so many that the index has put them in order.
    memory.collection.maintain()


def test_a_secret_is_told_by_its_kind_and_place(memory: StorageBackend) -> None:
    fill(memory)
    found = list(find_secrets(memory))
    assert sorted((f.id, f.kind, f.path, f.field, f.line) for f in found) == [
        ("code", "aws-access-token", "/p/a.py", "text", 2),
        ("more", "aws-access-token", "/p/b.py", "context", 1),
        ("more", "github-pat", "/p/b.py", "old_code", 3),
    ]
    assert all(secret not in str(found) for secret in (KEY, TOKEN))


def test_cleaning_leaves_it_nowhere(memory: StorageBackend, tmp_path: Path) -> None:
    fill(memory)
    synchronise(memory, tmp_path)
    _put_into_recall_index(tmp_path)
    assert memory.search_fts(KEY)
    cleaned = clean_secrets(memory, tmp_path, list(find_secrets(memory)))
    assert (cleaned.entries, cleaned.recall) == (2, True)
    assert list(find_secrets(memory)) == []
    entry = memory.get("code")
    assert entry is not None
    assert entry.new_code == "def connect():\n    key = '[redacted: aws-access-token]'\n    return key\n"
    assert entry.content_hash == content_hash(entry.new_code)
    assert entry.embedding is not None
    assert memory.embedder is not None
    (made,) = memory.embedder.embed([entry.new_code])
    assert list(entry.embedding) == [float(x) for x in made], "the vector is that of what is left"
    assert memory.search_fts(KEY) == []
    assert KEY.encode() not in (tmp_path / recall.NAME).read_bytes()
    path = memory.url.path
    if path is not None:
        memory.close()
        content = path.read_bytes()
        assert all(secret not in content for secret in (KEY.encode(), KEY.lower().encode(), TOKEN.encode()))


def _put_into_recall_index(directory: Path) -> None:
    """As an index that was made before there was a rule."""
    with sqlite3.connect(directory / recall.NAME) as sql:
        sql.execute("UPDATE code SET text = text || ?", (KEY,))
    sql.close()


def test_nothing_found_is_nothing_done(memory: StorageBackend, tmp_path: Path) -> None:
    memory.store("/p/a.py", "x = 1\n")
    assert clean_secrets(memory, tmp_path, list(find_secrets(memory))).entries == 0
    assert not (tmp_path / recall.NAME).exists()


@given(st.lists(st.sampled_from([KEY, TOKEN, "[redacted: jwt]", "'", "\n", " ", "x = 1", "\n\n", "é"]), max_size=12))
def test_every_secret_has_the_line_that_it_stands_in(parts: list[str]) -> None:
    text = " ".join(parts)
    cleaned = Redactor()(text)
    expected = [
        number for number, line in enumerate(text.split("\n"), 1) for part in line.split(" ") if part in {KEY, TOKEN}
    ]
    assert [line for _, line in _places(text, cleaned)] == expected
    assert list(_places(cleaned, Redactor()(cleaned))) == []
