"""Owners: nobody sees or changes what another has."""

from __future__ import annotations

import contextlib

import pytest

from capsa.errors import InvalidRecord
from capsa.records import PUBLIC_OWNER, Mode, Record
from capsa.store import Collection, Store
from capsa.testing._contract_base import Contract, ids, numbered, traces


class OwnersContract(Contract):
    """Two owners with collections, records and ids of the same names, and the library that all may read."""

    @pytest.fixture
    def theirs(self, embedded: Collection, owner: str) -> Collection:
        """The collection of the same name of another owner."""
        return embedded.store.collection("notes", owner=f"{owner}-other")

    def test_the_same_id_is_another_record_of_each_owner(self, embedded: Collection, theirs: Collection) -> None:
        embedded.add([Record(id="a", text="mine")])
        theirs.add([Record(id="a", text="theirs")])
        assert [r.text for r in embedded.iterate()] == ["mine"]
        assert theirs.update("a", text="still theirs")
        assert theirs.delete(["a"]) == 1
        assert [r.text for r in embedded.iterate()] == ["mine"]
        assert embedded.vector("a") is not None

    def test_nothing_of_one_owner_is_seen_or_changed_by_another(self, embedded: Collection, theirs: Collection) -> None:
        embedded.add(numbered(30))
        embedded.maintain()
        before = traces(embedded)
        assert theirs.count() == theirs.statistics().records == 0
        assert theirs.get("r1") is None
        assert theirs.recent() == list(theirs.iterate()) == []
        for mode in Mode:
            assert len(theirs.search("entry 1", mode=mode)) == 0
        assert theirs.vector("r1") is None
        assert theirs.update("r1", text="x") is False
        assert theirs.set_vector("r1", None) is False
        assert theirs.delete(["r1"]) == theirs.clear() == 0
        theirs.maintain()
        assert traces(embedded) == before
        assert embedded.count() == 30

    def test_a_store_of_one_person_needs_no_owner(self, store: Store) -> None:
        assert store.collection("notes").owner == "local"

    def test_the_library_is_written_in_maintenance_and_read_by_everyone(self, embedded: Collection, owner: str) -> None:
        name = f"library-{owner}"
        library = embedded.store.collection(name, owner=PUBLIC_OWNER)
        with library.database.maintain() as tx:
            library.add(numbered(3, "meditation {}"), tx=tx)
        for mode in Mode:
            assert ids(library.search("meditation 1", mode=mode))[0] == "r1"
        with library.database.read(owner) as tx:
            rows = tx.execute(
                "SELECT count(*) FROM capsa_records WHERE owner = :owner AND collection = :name",
                {"owner": PUBLIC_OWNER, "name": name},
            )
        assert rows == [(3,)], "bound to an owner of one's own, too"
        with library.database.maintain() as tx:
            library.update("r1", text="changed", tx=tx)
            library.delete(["r0"], tx=tx)
        assert [r.text for r in library.iterate()] == ["changed", "meditation 2"]
        with library.database.maintain() as tx:
            assert library.clear(tx=tx) == 2
        assert traces(library) == {}

    def test_the_library_is_written_by_nobody_else(self, embedded: Collection, owner: str) -> None:
        library = embedded.store.collection(f"library-{owner}", owner=PUBLIC_OWNER)
        with library.database.maintain() as tx:
            library.add([Record(id="a", text="public")], tx=tx)
        for write in (
            lambda: library.add([Record(text="mine")]),
            lambda: library.put([Record(id="a", text="mine")]),
            lambda: library.update("a", text="mine"),
            lambda: library.set_vector("a", None),
            lambda: library.delete(["a"]),
            library.clear,
        ):
            with pytest.raises(InvalidRecord, match="maintain"):
                write()
        assert [r.text for r in library.iterate()] == ["public"]

    def test_the_library_can_be_embedded_and_put_in_order(self, embedded: Collection, owner: str) -> None:
        library = embedded.store.collection(f"library-{owner}", owner=PUBLIC_OWNER)
        with library.database.maintain() as tx:
            library.add(numbered(3, "meditation {}"), embed=False, tx=tx)
        assert library.embed_missing() == 3
        assert library.reembed() == 0
        library.maintain()
        assert ids(library.search("meditation 2", mode="semantic", limit=1)) == ["r2"]
        with library.database.maintain() as tx:
            library.clear(tx=tx)

    def test_searches_in_one_transaction_are_as_of_one_moment(self, embedded: Collection, theirs: Collection) -> None:
        library = embedded.store.collection(f"library-{embedded.owner}", owner=PUBLIC_OWNER)
        with library.database.maintain() as tx:
            library.add(numbered(1, "meditation {}"), tx=tx)
        embedded.add(numbered(1, "meditation {}"))
        with embedded.database.read(embedded.owner) as tx:
            assert ids(embedded.search("meditation", tx=tx)) == ["r0"]
            embedded.add([Record(id="later", text="meditation at last")])
            assert ids(embedded.search("meditation", tx=tx)) == ["r0"]
            assert ids(library.search("meditation", tx=tx)) == ["r0"], "what is everybody's is seen, too"
            with pytest.raises(ValueError, match="sees nothing that is"):
                theirs.search("meditation", tx=tx)
        assert set(ids(embedded.search("meditation"))) == {"r0", "later"}

    def test_a_transaction_goes_on_for_another_owner_and_is_one(self, embedded: Collection, theirs: Collection) -> None:
        database = embedded.database
        for fails in (True, False):
            with contextlib.suppress(ZeroDivisionError), database.write(embedded.owner) as tx:
                embedded.add([Record(id="a", text="mine")], tx=tx)
                tx.rebind(theirs.owner)
                theirs.add([Record(id="a", text="theirs")], tx=tx)
                with pytest.raises(ValueError, match="sees nothing that is"):
                    embedded.search("mine", tx=tx)
                if fails:
                    raise ZeroDivisionError
            assert embedded.count() == theirs.count() == (0 if fails else 1)

    def test_no_transaction_goes_on_for_everybody_and_maintenance_for_nobody(self, embedded: Collection) -> None:
        with embedded.database.write(embedded.owner) as tx, pytest.raises(InvalidRecord, match="maintain"):
            tx.rebind(PUBLIC_OWNER)
        with embedded.database.maintain() as tx, pytest.raises(ValueError, match="no owner"):
            tx.rebind(embedded.owner)
