import datetime as dt

import pytest

from afterimage.entries import StorageEntry, read_time
from afterimage.errors import InvalidEntry

FULL = StorageEntry(
    "id-1",
    "/a/b.py",
    "new",
    "old",
    "context",
    "2026-01-06T12:00:00.000Z",
    "session",
    content_hash="ab",
    unit_key="/a/b.py",
    version=2,
    supersedes="id-0",
    is_latest=True,
    seen_count=3,
    last_seen="2026-01-07T12:00:00+00:00",
    metadata={"more": [1]},
)


def test_an_entry_survives_the_record_and_the_dict() -> None:
    assert StorageEntry.from_record(FULL.to_record()) == FULL
    assert StorageEntry.from_dict(FULL.to_dict()) == FULL
    least = StorageEntry("i", "", "")
    assert StorageEntry.from_dict(least.to_dict()) == least


def test_a_missing_old_code_and_an_empty_one_are_different_things() -> None:
    assert "old_code" not in StorageEntry("i", "p", "c").to_record().metadata
    assert StorageEntry("i", "p", "c", old_code="").to_record().metadata["old_code"] == ""


def test_a_dict_always_has_the_documented_names() -> None:
    assert list(StorageEntry("i", "p", "c").to_dict()) == [
        "id",
        "file_path",
        "new_code",
        "old_code",
        "context",
        "timestamp",
        "session_id",
        "embedding",
    ]


@pytest.mark.parametrize(
    "values",
    [{}, {"id": 1, "file_path": "", "new_code": ""}, {"id": "i", "file_path": "p", "new_code": "c", "context": 4}],
)
def test_what_is_no_entry_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(InvalidEntry):
        StorageEntry.from_dict(values)


@pytest.mark.parametrize(
    ("spelled", "instant", "kept"),
    [
        ("2026-01-06T12:00:00.123456+00:00", "2026-01-06T12:00:00.123456+00:00", None),
        ("2026-01-06T12:00:00+00:00", "2026-01-06T12:00:00+00:00", None),
        ("2026-01-06T12:00:00.000Z", "2026-01-06T12:00:00+00:00", "2026-01-06T12:00:00.000Z"),
        ("2026-01-06T12:00:00+02:00", "2026-01-06T10:00:00+00:00", "2026-01-06T12:00:00+02:00"),
        ("2026-01-06T12:00:00.123456789Z", "2026-01-06T12:00:00.123456+00:00", "2026-01-06T12:00:00.123456789Z"),
    ],
)
def test_a_time_keeps_its_spelling_where_that_is_not_its_own(spelled: str, instant: str, kept: str | None) -> None:
    moment, text = read_time(spelled)
    assert (moment.isoformat(), text) == (instant, kept)
    entry = StorageEntry("i", "p", "c", timestamp=spelled)
    assert StorageEntry.from_record(entry.to_record()).timestamp == spelled


def test_a_datetime_and_nothing_are_times_too() -> None:
    moment = dt.datetime(2026, 1, 6, 12, tzinfo=dt.UTC)
    assert read_time(moment) == (moment, None)
    assert abs(read_time(None)[0] - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


@pytest.mark.parametrize("spelled", ["", "yesterday", "1767700800", "0001-01-01T00:00:00+23:00"])
def test_what_is_no_time_is_refused_by_name(spelled: str) -> None:
    with pytest.raises(InvalidEntry, match="is not a time"):
        read_time(spelled)
