"""What was deleted and scrubbed away stands in none of the database's files any more."""

from __future__ import annotations

from pathlib import Path

from capsa import Record, Store


def traces(folder: Path, *words: str) -> set[str]:
    contents = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return {word for word in words if word.encode() in contents}


def test_a_sqlite_file_holds_no_trace_of_what_was_deleted(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/memory.db") as store:
        letters = store.collection("letters")
        keep = [Record(id=f"keep{n}", text=f"kept {n} " + "stoa " * 300) for n in range(200)]
        letters.add(keep, vectors=[[1.0, 0.5]] * 200, model="two")
        letters.add([Record(id="go", text="xylophone secret " * 400, title="quixotic")], vectors=[[1, 2]], model="two")
        assert traces(tmp_path, "xylophone", "quixot") == {"xylophone", "quixot"}

        letters.delete(["go"])
        assert store.database.scrub() == ()

        assert traces(tmp_path, "xylophone", "quixot") == set()
        assert letters.count() == 200
        assert [hit.record.id for hit in letters.search("kept 7", limit=1)] == ["keep7"]


def test_what_a_reader_still_needs_is_said(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/memory.db", timeout=0.2) as store:
        letters = store.collection("letters")
        letters.add([Record(id="go", text="xylophone")])
        with store.database.read("local") as reading:
            reading.execute("SELECT count(*) FROM capsa_records")
            letters.delete(["go"])
            (note,) = store.database.scrub()
        assert "another program reads" in note


def test_in_postgresql_deleted_rows_are_given_up_and_what_the_server_keeps_is_said(guide_postgres_url: str) -> None:
    with Store.open(guide_postgres_url) as store:
        letters = store.collection("letters")
        letters.add([Record(id="go", text="xylophone"), Record(id="stay", text="harp")])
        letters.delete(["go"])
        notes = store.database.scrub()
        assert "backups" in notes[0]
        assert [hit.record.id for hit in letters.search("harp")] == ["stay"]
