"""Records: what is put in comes out again, and nothing is left of what is deleted."""

from __future__ import annotations

import datetime as dt
import tracemalloc
from typing import Any

import pytest

from capsa.errors import InvalidRecord
from capsa.records import Filter, Record
from capsa.store import Collection, Store
from capsa.testing._contract_base import NOON, Contract, ids, minutes, numbered, traces

#: One value for each kind of text that a database may stumble over.
AWKWARD = [
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff and \ud83d",
    "\ufdd0",
    "\ufdd00041",
    "'; DROP TABLE capsa_records; --",
    '"\\\n\r\t\x1a\x7f',
    "%s %(x)s :name $1 {} ?",
    "日本語 ไทย ភាសាខ្មែរ 😀",
    "e\u0301 vs \u00e9",
    "\u2028\u202e\ufeff",
]


class RecordsContract(Contract):
    """Adding, reading, changing and deleting records."""

    def test_a_record_comes_back_exactly_as_it_was_put_in(self, notes: Collection) -> None:
        record = Record(
            id="é/1",
            text="the text\r\n",
            title="a title",
            context="what was said before",
            path="src/main.py",
            session_id="s-1",
            metadata={"z": 1, "a": [None, True, 1.5, "ü\0\ud800"], "nested": {"b": {}}},
            created_at=dt.datetime(2024, 5, 17, 12, 34, 56, 789012, tzinfo=dt.timezone(dt.timedelta(hours=2))),
            created_at_text="17.05.2024 12:34:56,789012",
        )
        assert notes.add([record]) == ["é/1"]
        found = notes.get("é/1")
        assert found == record
        assert found is not None
        assert list(found.metadata) == ["z", "a", "nested"], "the order of keys is kept"
        assert found.created_at.utcoffset() == dt.timedelta(0), "times come back in UTC"

    @pytest.mark.parametrize("value", AWKWARD, ids=ascii)
    def test_every_text_comes_back_exactly_from_every_part(self, notes: Collection, value: str) -> None:
        record = Record(
            id=value,
            text=value,
            title=value,
            context=value,
            path=value,
            session_id=value,
            metadata={value: value},
            created_at_text=value,
            created_at=NOON,
        )
        notes.add([record])
        assert notes.get(value) == record
        assert notes.get_many([value, value]) == {value: record}
        assert list(notes.iterate()) == [record]
        assert notes.recent(filter=Filter(session_id=value)) == [record]
        assert notes.delete([value]) == 1
        assert traces(notes) == {}

    @pytest.mark.parametrize(
        "time",
        [
            dt.datetime.min.replace(tzinfo=dt.UTC),
            dt.datetime.max.replace(tzinfo=dt.UTC),
            dt.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC),
            dt.datetime(2024, 10, 27, 2, 30, tzinfo=dt.timezone(dt.timedelta(hours=-11, minutes=-30))),
        ],
        ids=str,
    )
    def test_every_time_comes_back_to_the_microsecond(self, notes: Collection, time: dt.datetime) -> None:
        notes.add([Record(id="t", text="when", created_at=time)])
        found = notes.get("t")
        assert found is not None
        assert found.created_at == time
        assert notes.statistics().oldest == time

    def test_an_id_is_made_where_none_is_given(self, notes: Collection) -> None:
        made = notes.add([Record(text="one"), Record(text="two")])
        assert len(set(made)) == 2
        assert {record.text for record in notes.get_many(made).values()} == {"one", "two"}

    def test_nothing_to_add_is_no_error(self, notes: Collection) -> None:
        assert notes.add([]) == notes.put([]) == []
        assert notes.delete([]) == 0
        assert notes.get_many([]) == {}

    def test_thousands_are_added_at_once_and_come_back_in_order_of_arrival(self, notes: Collection) -> None:
        records = numbered(3_000, "entry number {} of many")
        assert notes.add(reversed(records)) == [r.id for r in reversed(records)]
        assert notes.count() == 3_000
        assert list(notes.iterate()) == records[::-1]
        assert len(notes.get_many(r.id for r in records)) == 3_000
        assert notes.delete(r.id for r in records) == 3_000
        assert traces(notes) == {}

    def test_what_is_not_there_is_none(self, notes: Collection) -> None:
        assert notes.get("nothing") is None
        assert notes.get_many(["nothing"]) == {}
        assert notes.update("nothing", text="new") is False
        assert notes.delete(["nothing"]) == 0
        assert notes.count() == 0
        assert notes.recent() == []
        assert list(notes.iterate()) == []
        assert notes.clear() == 0

    def test_adding_an_id_that_exists_is_refused_and_nothing_is_added(self, notes: Collection) -> None:
        notes.add([Record(id="a", text="first")])
        with pytest.raises(InvalidRecord, match="exists"):
            notes.add([Record(id="b", text="new"), Record(id="a", text="second")])
        with pytest.raises(InvalidRecord, match="exists"):
            notes.add([Record(id="c", text="new"), Record(id="c", text="newer")])
        assert [r.text for r in notes.iterate()] == ["first"]
        assert ids(notes.search("new")) == []

    def test_putting_replaces_what_has_the_same_id(self, notes: Collection) -> None:
        notes.add([Record(id="a", text="old words", title="kept?"), Record(id="b", text="bystander")])
        notes.put([Record(id="a", text="fresh phrase"), Record(id="c", text="brand new")])
        assert {r.id: r.text for r in notes.iterate()} == {"a": "fresh phrase", "b": "bystander", "c": "brand new"}
        assert ids(notes.search("old words")) == []
        assert ids(notes.search("fresh phrase")) == ["a"]

    def test_putting_two_with_one_id_is_refused(self, notes: Collection) -> None:
        with pytest.raises(InvalidRecord, match="same id"):
            notes.put([Record(id="a", text="one"), Record(id="a", text="two")])

    def test_an_update_changes_what_is_named_and_nothing_else(self, notes: Collection) -> None:
        before = Record(id="a", text="old", title="title", path="p", metadata={"k": 1}, created_at=NOON)
        notes.add([before])
        assert notes.update("a", text="changed", metadata={"k": 2}) is True
        after = notes.get("a")
        assert after == Record(id="a", text="changed", title="title", path="p", metadata={"k": 2}, created_at=NOON)
        assert notes.update("a", title=None, created_at=minutes(1)) is True
        assert notes.get("a") == Record(id="a", text="changed", path="p", metadata={"k": 2}, created_at=minutes(1)), (
            "a part can be taken away"
        )

    def test_an_update_keeps_the_place_in_the_order_of_arrival(self, notes: Collection) -> None:
        notes.add(numbered(3))
        notes.update("r0", text="changed")
        assert ids(list(notes.iterate())) == ["r0", "r1", "r2"]

    def test_an_update_of_an_unknown_part_or_of_the_id_is_refused(self, notes: Collection) -> None:
        notes.add([Record(id="a", text="old")])
        with pytest.raises(InvalidRecord, match="'colour'"):
            notes.update("a", colour="red")
        with pytest.raises(InvalidRecord, match="id"):
            notes.update("a", id="b")
        assert ids(list(notes.iterate())) == ["a"]

    @pytest.mark.parametrize(
        ("what", "parts"),
        [
            ("id", {"id": "x" * 513}),
            ("id", {"id": "ü" * 257}),
            ("session_id", {"session_id": "x" * 513}),
            ("text", {"text": None}),
            ("text", {"text": b"bytes"}),
            ("title", {"title": 7}),
            ("metadata", {"metadata": {"k": object()}}),
            ("metadata", {"metadata": None}),
            ("created_at", {"created_at": dt.datetime(2024, 1, 1)}),  # noqa: DTZ001 - the point is that it has no zone
            ("created_at", {"created_at": "2024-01-01"}),
        ],
    )
    def test_a_record_that_no_store_may_hold_is_refused_by_name(
        self, notes: Collection, what: str, parts: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidRecord, match=what) as refused:
            notes.add([Record(text="good"), Record(**{"text": "bad", **parts})])
        assert "\n" not in str(refused.value)
        assert notes.count() == 0

    def test_the_longest_keys_are_accepted(self, notes: Collection, store: Store, owner: str) -> None:
        key = "ü" * 256
        for collection in (notes, store.collection("k" * 512, owner=owner)):
            collection.add([Record(id=key, session_id=key, text="long keys", path="/p" * 10_000)])
            assert collection.count(Filter(session_id=key)) == 1
            assert collection.get(key) is not None

    @pytest.mark.parametrize("name", ["", "x" * 513, "a\0b", "\ud800", None])
    def test_owners_and_collections_have_plain_names(self, store: Store, name: Any) -> None:
        with pytest.raises(InvalidRecord, match="collection"):
            store.collection(name)
        with pytest.raises(InvalidRecord, match="owner"):
            store.collection("notes", owner=name)

    def test_a_megabyte_of_text_is_a_record_like_any_other(self, notes: Collection) -> None:
        text = "".join(f"word{i} " for i in range(130_000))
        notes.add([Record(id="big", text=text)])
        found = notes.get("big")
        assert found is not None
        assert found.text == text
        assert ids(notes.search("word129999")) == ["big"]
        notes.delete(["big"])
        assert traces(notes) == {}

    def test_the_newest_come_first(self, notes: Collection) -> None:
        records = numbered(30)
        notes.add(records[::2])
        notes.add(records[1::2])
        assert ids(notes.recent()) == [f"r{i}" for i in range(29, 9, -1)]
        assert ids(notes.recent(limit=3)) == ["r29", "r28", "r27"]
        assert len(notes.recent(limit=10**30)) == 30
        assert notes.recent(limit=0) == []

    @pytest.mark.parametrize("limit", [-1, "3", None, 1.5])
    def test_a_limit_is_a_number_that_is_not_negative(self, notes: Collection, limit: Any) -> None:
        for read in (notes.recent, lambda limit: notes.search("x", limit=limit)):
            with pytest.raises(InvalidRecord, match="limit"):
                read(limit=limit)

    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("src/", ["src/a_b.py", "src/axb.py", "src/[x].py", "src/100%.txt", "lib/src/deep.py"]),
            ("src/*", ["src/a_b.py", "src/axb.py", "src/[x].py", "src/100%.txt"]),
            ("*.py", ["src/a_b.py", "src/axb.py", "src/[x].py", "lib/src/deep.py"]),
            ("src/a?b.py", ["src/a_b.py", "src/axb.py"]),
            ("a_b", ["src/a_b.py"]),
            ("*a_b*", ["src/a_b.py"]),
            ("%", ["src/100%.txt"]),
            ("*%*", ["src/100%.txt"]),
            ("[x]", ["src/[x].py"]),
            ("*[x]*", ["src/[x].py"]),
            ("\\", ["C:\\dir\\file.c"]),
            ("C:\\*\\f*", ["C:\\dir\\file.c"]),
            ("SRC", []),
            ("*SRC*", []),
            ("'", []),
            ("日本*", ["日本語/ファイル.md"]),
            ("", ["src/a_b.py", "src/axb.py", "src/[x].py", "src/100%.txt", "lib/src/deep.py", "C:\\dir\\file.c",
                  "日本語/ファイル.md"]),
        ],
    )  # fmt: skip
    def test_a_path_is_filtered_by_what_it_contains_or_by_a_pattern(
        self, notes: Collection, pattern: str, expected: list[str]
    ) -> None:
        paths = [
            "src/a_b.py", "src/axb.py", "src/[x].py", "src/100%.txt", "lib/src/deep.py", "C:\\dir\\file.c",
            "日本語/ファイル.md",
        ]  # fmt: skip
        notes.add([Record(text="same words", path=path) for path in paths])
        notes.add([Record(text="same words, no path")])
        wanted = Filter(path=pattern)
        assert [r.path for r in notes.iterate(wanted)] == expected
        assert notes.count(wanted) == len(expected)
        assert {r.path for r in notes.recent(filter=wanted)} == set(expected)
        assert {h.record.path for h in notes.search("same words", filter=wanted)} == set(expected)

    def test_filters_are_combined_and_their_times_include_the_first_but_not_the_last(self, notes: Collection) -> None:
        notes.add(
            Record(id=f"r{i}", text="x", session_id=f"s{i % 2}", path=f"p{i}.py", created_at=minutes(i))
            for i in range(10)
        )
        assert ids(list(notes.iterate(Filter(since=minutes(3), until=minutes(6))))) == ["r3", "r4", "r5"]
        assert ids(list(notes.iterate(Filter(since=minutes(3), until=minutes(6), session_id="s0")))) == ["r4"]
        assert ids(list(notes.iterate(Filter(since=minutes(3), session_id="s1", path="p9")))) == ["r9"]
        elsewhere = minutes(3).astimezone(dt.timezone(dt.timedelta(hours=9)))
        assert notes.count(Filter(since=elsewhere)) == 7
        assert notes.count(Filter()) == notes.count() == 10
        assert notes.count(Filter(session_id="s")) == 0, "a session is matched as a whole"

    def test_a_filter_time_without_a_zone_is_refused(self, notes: Collection) -> None:
        with pytest.raises(InvalidRecord, match="since"):
            notes.count(Filter(since=dt.datetime(2024, 1, 1)))  # noqa: DTZ001 - the point is that it has no zone

    def test_statistics_count_what_is_there(self, notes: Collection, embedded: Collection) -> None:
        empty = notes.statistics()
        assert (empty.records, empty.paths, empty.sessions, empty.embeddings) == (0, 0, 0, {})
        assert empty.oldest is None
        assert empty.newest is None
        embedded.add(numbered(5, path="same.py"))
        notes.add([Record(id="x", text="another", session_id="s", created_at=minutes(-5))])
        counted = notes.statistics()
        assert (counted.records, counted.paths, counted.sessions) == (6, 1, 1)
        assert (counted.oldest, counted.newest) == (minutes(-5), minutes(4))
        assert counted.embeddings == {embedded.store.embedder.name: 5}  # type: ignore[union-attr]
        assert counted.size_bytes > 10_000

    def test_all_records_are_read_in_constant_memory(self, notes: Collection) -> None:
        text = "x" * 50_000
        for start in range(0, 400, 100):
            notes.add(Record(id=f"r{start + i}", text=f"{text}{i}") for i in range(100))
        tracemalloc.start()
        try:
            assert sum(1 for _ in notes.iterate()) == 400
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 15_000_000, f"20 MB of records were read with {peak} bytes"

    def test_reading_all_sees_one_moment_while_others_write(self, notes: Collection) -> None:
        notes.add(numbered(10))
        reading = notes.iterate()
        assert next(reading).id == "r0"
        notes.delete(["r5"])
        notes.add([Record(id="late", text="late")])
        notes.update("r9", text="changed")
        assert [(r.id, r.text) for r in reading] == [(f"r{i}", f"entry {i}") for i in range(1, 10)]

    def test_reading_may_stop_anywhere(self, notes: Collection) -> None:
        notes.add(numbered(5))
        for _ in range(30):
            reading = notes.iterate()
            next(reading)
            del reading
        assert notes.count() == 5

    def test_deleting_leaves_nothing_behind(self, embedded: Collection) -> None:
        embedded.add(numbered(20, "unique{} common words", path="a/b.py"))
        assert embedded.delete([f"r{i}" for i in range(0, 20, 2)] * 2) == 10
        left = traces(embedded)
        assert left["capsa_records"] == left["capsa_embeddings"] == left["capsa_lexical_pending"] == 10
        embedded.maintain()
        assert embedded.delete([f"r{i}" for i in range(1, 20, 2)]) == 10
        assert traces(embedded) == {}

    def test_clearing_leaves_nothing_behind_and_other_collections_alone(self, embedded: Collection, owner: str) -> None:
        other = embedded.store.collection("other", owner=owner)
        for collection in (embedded, other):
            collection.add(numbered(10))
            collection.maintain()
            collection.add([Record(id="pending", text="pending")])
        before = traces(other)
        assert embedded.clear() == 11
        assert traces(embedded) == {}
        assert traces(other) == before
        assert ids(other.search("pending")) != []


class TransactionsContract(Contract):
    """Several writes in one transaction."""

    def test_all_that_is_written_in_a_transaction_appears_together(self, embedded: Collection, owner: str) -> None:
        other = embedded.store.collection("other", owner=owner)
        with embedded.database.write(owner) as tx:
            embedded.add(numbered(3), tx=tx)
            embedded.update("r0", text="changed", tx=tx)
            embedded.delete(["r1"], tx=tx)
            embedded.put([Record(id="r2", text="replaced")], tx=tx)
            other.add([Record(id="o", text="other")], tx=tx)
            assert embedded.count() == 0, "not seen from outside"
        assert {r.id: r.text for r in embedded.iterate()} == {"r0": "changed", "r2": "replaced"}
        assert ids(embedded.search("entry", mode="lexical")) == []
        assert other.count() == 1

    def test_all_that_is_written_in_a_transaction_is_undone_together(self, embedded: Collection, owner: str) -> None:
        embedded.add([Record(id="before", text="was here", created_at=NOON)])
        before = traces(embedded)
        with pytest.raises(ZeroDivisionError), embedded.database.write(owner) as tx:
            embedded.add(numbered(600), tx=tx)
            embedded.update("before", text="changed", tx=tx)
            embedded.set_vector("r7", [1.0] * 64, tx=tx)
            embedded.clear(tx=tx)
            raise ZeroDivisionError
        assert traces(embedded) == before
        assert embedded.get("before") == Record(id="before", text="was here", created_at=NOON)
        assert ids(embedded.search("was here")) == ["before"]

    def test_a_write_that_is_refused_leaves_the_rest_of_its_transaction(self, embedded: Collection, owner: str) -> None:
        embedded.add([Record(id="taken", text="first")])
        with embedded.database.write(owner) as tx:
            embedded.add([Record(id="good", text="acknowledged")], tx=tx)
            with pytest.raises(InvalidRecord):
                embedded.add([Record(id="half", text="half"), Record(id="taken", text="second")], tx=tx)
        assert {r.id: r.text for r in embedded.iterate()} == {"taken": "first", "good": "acknowledged"}
        assert ids(embedded.search("half", mode="lexical")) == []
        assert embedded.delete(["taken", "good"]) == 2
        assert traces(embedded) == {}

    def test_the_first_vectors_of_a_model_may_be_rolled_back(self, embedded: Collection, owner: str) -> None:
        with pytest.raises(ZeroDivisionError), embedded.database.write(owner) as tx:
            embedded.add([Record(id="a", text="a")], tx=tx)
            embedded.add([Record(id="b", text="b")], tx=tx)
            raise ZeroDivisionError
        embedded.add([Record(id="c", text="c")])
        assert embedded.statistics().embeddings == {embedded.store.embedder.name: 1}  # type: ignore[union-attr]
        assert ids(embedded.search("c", mode="semantic")) == ["c"]
