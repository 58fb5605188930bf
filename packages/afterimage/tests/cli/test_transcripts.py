"""ingest and audit, as they are typed."""

import json
from pathlib import Path

import pytest

from afterimage.cli import main
from afterimage.retrieval.forgetting import forget
from afterimage.storage import get_storage_backend
from afterimage.testing_transcripts import Claude, Codex

KEY = "AKIA" + "QYLPMN5HHHFPZAM2"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.fixture
def sessions(home: Path) -> Claude:
    """One session of each client, where they keep them; the one of Claude Code is still going on."""
    claude = Claude(home / ".claude" / "projects" / "-p" / "1.jsonl")
    claude.write("t1")
    claude.answer("t1")
    codex = Codex(home / ".codex" / "sessions" / "2026" / "rollout-1.jsonl")
    codex.head("c1")
    codex.write("t1")
    codex.answer("t1", failed=True)
    return claude


def test_without_a_name_it_looks_where_the_clients_write(
    sessions: Claude, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions.write("t2", path="/p/b.py")
    status, out, err = run(capsys, "ingest", "--archive", str(home / "kept"))
    assert status == 0
    assert out == (
        f"2 transcripts copied to {home}/kept.\n"
        "1 entry stored and 0 known already, from 2 of 2 transcripts; 1 failed calls left out.\n"
    )
    assert "1 calls have no answer yet and wait for the next run" in err
    assert "Transcripts: 2/2 (100%)" in err
    assert (home / ".afterimage" / "recall.db").exists(), "and hooks recall it"
    sessions.answer("t2")
    status, out, _ = run(capsys, "ingest", "--json")
    assert json.loads(out) == {
        "files": 2, "read": 1, "stored": 1, "known": 0, "failed": 0, "waiting": 0, "ignored": 0, "unreadable": 0,
        "foreign": 0, "archived": None,
    }  # fmt: skip


def test_a_file_or_a_folder_can_be_named(sessions: Claude, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sessions.write("t2", path="/p/b.py")
    _, out, _ = run(capsys, "ingest", "-f", str(sessions.path), "--json")
    assert json.loads(out)["stored"] == 2, "who names a file wants all of it"
    _, out, _ = run(capsys, "ingest", "-d", str(home / ".claude"), "--again", "--json")
    assert json.loads(out)["known"] == 2
    assert run(capsys, "ingest", "-f", "missing.jsonl")[0] == 2


def test_secrets_are_listed_and_cleaned(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with get_storage_backend() as backend:
        backend.store("/p/a.py", f"one = 1\nkey = '{KEY}'\n")
    status, out, err = run(capsys, "audit")
    assert status == 1
    assert "aws-access-token  /p/a.py, text line 2\n" in out
    assert out.endswith("1 secret in 1 entry: aws-access-token 1\n")
    status, out_json, _ = run(capsys, "audit", "--json")
    (found,) = json.loads(out_json)["secrets"]
    assert (status, found["kind"], found["line"]) == (1, "aws-access-token", 2)
    status, cleaned, err_clean = run(capsys, "audit", "--clean")
    assert status == 0
    assert "1 entry cleaned; backups, exports" in err_clean
    assert KEY not in out + err + out_json + cleaned + err_clean
    status, out, _ = run(capsys, "audit")
    assert (status, out) == (0, "0 secrets in 0 entries\n")


def test_what_was_forgotten_is_not_read_in_again(
    sessions: Claude, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "ingest")
    with get_storage_backend() as backend:
        (entry,) = backend.iterate()
        forget(backend, home / ".afterimage", [entry.id])
    for more in (["--again"], ["-f", str(sessions.path), "--again"]):
        _, out, _ = run(capsys, "ingest", *more, "--json")
        assert (json.loads(out)["stored"], json.loads(out)["known"]) == (0, 1)
    with get_storage_backend() as backend:
        assert list(backend.iterate()) == []


def test_what_the_configuration_leaves_out_is_left_out(
    sessions: Claude, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / ".afterimage").mkdir(exist_ok=True)
    (home / ".afterimage" / "config.yaml").write_text("filter: {skip_paths: [/p/]}")
    _, out, _ = run(capsys, "ingest", "--json")
    assert (json.loads(out)["stored"], json.loads(out)["ignored"]) == (0, 1)
