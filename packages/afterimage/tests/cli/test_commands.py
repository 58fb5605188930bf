"""The commands, in this process: what they print, and their exit status."""

import io
import json
import re
import stat
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from afterimage.cli import group, main
from afterimage.errors import AfterImageError
from afterimage.storage import get_storage_backend

# These two are answered by the migration, whose own tests look at its help.
HANDED_ON = {"migrate", "verify"}


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The configured memory with three entries, on either database; their ids, oldest first."""
    if request.param == "postgresql":
        monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", request.getfixturevalue("guide_postgres_url"))
    with get_storage_backend() as backend:
        return [
            backend.store(
                "/src/config.py", "def parse_config(path):\n    pass\n", timestamp="2026-01-06T12:00:00+00:00"
            ),
            backend.store("/src/日本.py", "# 日本語 🎉\n", "old", "ctx", "s1", timestamp="2026-01-07T12:00:00+00:00"),
            backend.store("/tests/evil.py", "print('\x1b[2J\x07')", timestamp="2026-01-08T12:00:00+00:00"),
        ]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return status, said.out, said.err


@pytest.mark.parametrize("name", sorted(set(group.commands) - HANDED_ON))
def test_every_command_has_help_with_an_example(name: str) -> None:
    result = CliRunner().invoke(group, [name, "--help"])
    assert result.exit_code == 0
    assert "Example:" in result.output
    assert f"afterimage {name}" in result.output
    for parameter in group.commands[name].params:
        assert not isinstance(parameter, click.Option) or parameter.help, parameter.name


@pytest.mark.parametrize("name", sorted(HANDED_ON))
def test_what_is_handed_on_has_an_example_here_too(name: str) -> None:
    assert f"afterimage {name} " in (group.commands[name].help or "")


def test_the_commands_are_those_that_are_documented() -> None:
    assert set(group.commands) == {
        "search", "recent", "show", "stats", "export", "import", "backup", "restore", "clear", "config", "migrate",
        "verify", "reembed", "doctor", "setup", "uninstall", "hook", "sync", "ingest", "audit",
        "mcp", "churn", "hotspots", "files", "ui", "quality", "trust",
    }  # fmt: skip


def test_search_shows_the_best_first(stored: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "search", "parse", "config")
    assert status == 0
    assert out.startswith("1. /src/config.py\n   words: parse, config · 2026-01-06 12:00 · ")
    assert "   | def parse_config(path):" in out
    assert out.endswith("Found 1 result\n")


def test_search_for_programs(stored: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "search", "日本", "--json", "-l", "2", "-t", "0.5", "-p", "/src/", "--session", "s1")
    (result,) = json.loads(out)
    assert status == 0
    assert result["id"] == stored[1]
    assert result["relevance_score"] == 1.0
    assert "no embedder" in err
    assert out.isascii()


def test_nothing_found_is_exit_1_and_says_whether_a_lower_threshold_would_help(
    stored: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "search", "zebra")[:2] == (1, "No results found.\n")
    assert run(capsys, "search", "zebra", "--json")[:2] == (1, "[]\n")
    status, _, err = run(capsys, "search", "-t", "0.9", "parse", "zebra", "quagga")
    assert status == 1
    assert "1 result was left out, below the relevance of 0.9; the best has 0." in err
    lower = re.search(r"--threshold (0\.\d+) shows it", err)
    assert lower
    assert run(capsys, "search", "-t", lower[1], "parse", "zebra", "quagga")[0] == 0


def test_the_configured_limit_and_threshold_are_read(
    stored: list[str], capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    (home / ".afterimage").mkdir(exist_ok=True)
    file = home / ".afterimage" / "config.yaml"
    file.write_text("search:\n  max_results: 1\n  relevance_threshold: 0.9\n")
    assert len(json.loads(run(capsys, "search", "py", "--json")[1])) == 1
    assert json.loads(run(capsys, "search", "parse", "zebra", "--json")[1]) == []
    assert len(json.loads(run(capsys, "search", "parse", "zebra", "--json", "-t", "0")[1])) == 1


def test_a_threshold_that_is_no_number_is_not_understood(stored: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "search", "py", "-t", "nan")[0] == 2


def test_what_is_recalled_has_no_secrets_and_an_export_has_all(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    with get_storage_backend() as backend:
        id_ = backend.store(
            "/p/deploy.py", "def deploy():\n    password = 'zebra7Quartz9'\n", "password = 'zebra7Quartz0'"
        )
    for arguments in (("search", "deploy"), ("recent",), ("show", id_), ("show", id_, "--old")):
        for form in ((), ("--json",)):
            status, out, _ = run(capsys, *arguments, *form)
            assert status == 0
            assert "zebra7" not in out
            assert "[redacted: " in out or arguments == ("recent",)
    assert "zebra7Quartz9" in run(capsys, "export")[1]


def test_what_was_stored_cannot_steer_the_terminal(stored: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("search", "evil"), ("recent",), ("show", stored[2])):
        _, out, _ = run(capsys, *arguments)
        assert "evil" in out
        assert "\x1b[2J" not in out
        assert "\x07" not in out
    assert json.loads(run(capsys, "show", stored[2], "--json")[1])["new_code"] == "print('\x1b[2J\x07')"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("../src/config.py", ["/src/config.py"]),
        ("../src/*.py", ["/src/config.py", "/src/日本.py"]),
        ("./evil.py", ["/tests/evil.py"]),
        (".", ["/tests/evil.py"]),
        ("..", ["/src/config.py", "/src/日本.py", "/tests/evil.py"]),
        ("../src/../tests/", ["/tests/evil.py"]),
        ("config.py", ["/src/config.py"]),
        ("src/", ["/src/config.py", "/src/日本.py"]),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_path_that_goes_up_is_seen_from_here(
    tmp_path: Path,
    typed: str,
    found: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "work" / "tests").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work" / "tests")
    here = str(tmp_path / "work")
    with get_storage_backend() as backend:
        for path in ("/src/config.py", "/src/日本.py", "/tests/evil.py"):
            backend.store(here + path, "def parse_config(path): ...")
        backend.store("/other/place.py", "def parse_config(path): ...")
    for command in (["recent"], ["search", "parse_config"]):
        _, out, _ = run(capsys, *command, "--path", typed, "--json")
        assert sorted(entry["file_path"].removeprefix(here) for entry in json.loads(out)) == found


def test_recent_is_a_table_or_json(stored: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "recent", "--limit", "2")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == ["id", stored[2][:8], stored[1][:8]]
    assert [e["id"] for e in json.loads(run(capsys, "recent", "--json", "-p", "/src/")[1])] == [stored[1], stored[0]]
    assert run(capsys, "recent", "-p", "nowhere")[:2] == (1, "No path matches.\n")


def test_show_takes_the_beginning_of_an_id(stored: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "show", stored[0][:8])
    assert status == 0
    assert out.endswith("def parse_config(path):\n    pass\n")
    assert "# file: /src/config.py" in out
    assert run(capsys, "show", stored[1], "--old")[1].endswith("old\n")
    assert run(capsys, "show", stored[0], "--old")[0] == 1
    status, _, err = run(capsys, "show", "zzzz")
    assert status == 1
    assert "no entry has the id 'zzzz'" in err
    assert "several ids begin with ''" in run(capsys, "show", "")[2]


def test_stats(stored: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "stats", "--json")
    assert status == 0
    assert json.loads(out)["total_entries"] == 3
    assert set(json.loads(out)) == {
        "total_entries", "entries_with_embeddings", "unique_files", "unique_sessions", "oldest_entry", "newest_entry",
        "db_size_bytes", "backend_type",
    }  # fmt: skip
    table = run(capsys, "stats")[1]
    assert "Entries" in table
    assert re.search(r"how often they change +[\d ,a-z]*gold", table)


def test_export_clear_import_and_again(stored: list[str], capsys: pytest.CaptureFixture[str], home: Path) -> None:
    file = home / "memory.json"
    status, out, err = run(capsys, "export", "-o", str(file))
    assert (status, out) == (0, "")
    assert "3 entries exported" in err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(run(capsys, "export")[1])["count"] == 3
    assert run(capsys, "clear", "-y")[:2] == (0, "Cleared 3 entries.\n")
    assert run(capsys, "recent")[:2] == (1, "The memory is empty.\n")
    status, out, _ = run(capsys, "import", str(file))
    assert status == 0
    assert "Imported: 3" in out
    report = json.loads(run(capsys, "import", "--json", str(file))[1])
    assert (report["imported"], report["already_here"]) == (0, 3)
    file.write_text(file.read_text().replace("parse_config", "parse_other"))
    status, out, err = run(capsys, "import", str(file))
    assert status == 1
    assert stored[0] in out
    assert "--replace" in err
    assert run(capsys, "import", "--replace", str(file))[0] == 0
    status, _, err = run(capsys, "export", "-o", str(file))
    assert status == 1
    assert "overwrite it with --force" in err
    assert run(capsys, "export", "-o", str(file), "--force")[0] == 0
    assert json.loads(run(capsys, "search", "parse_other", "--json")[1])[0]["id"] == stored[0]


def test_an_export_that_meets_a_full_disk_names_the_file_and_leaves_none(
    stored: list[str], capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    (home / "memory.json.unfinished").symlink_to("/dev/full")
    file = home / "memory.json"
    assert run(capsys, "export", "-o", str(file)) == (1, "", f"afterimage: {file}: No space left on device\n")
    assert [found.name for found in home.glob("memory.json*")] == []


def test_import_reads_stdin(
    stored: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = run(capsys, "export")[1]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert "Already here: 3" in run(capsys, "import", "-")[1]


def test_what_is_no_export_is_one_line(stored: list[str], capsys: pytest.CaptureFixture[str], home: Path) -> None:
    (home / "letter").write_text("Dear reader")
    (home / "file.db").write_bytes(b"SQLite format 3\0" + b"x" * 100)
    (home / "binary").write_bytes(b'{"entries": [\xff')
    for name, words in (("letter", "not an export"), ("file.db", "afterimage restore"), ("binary", "UTF-8")):
        status, _, err = run(capsys, "import", str(home / name))
        assert status == 1
        assert err.startswith("afterimage: ")
        assert words in err
        assert err.count("\n") == 1


def test_one_is_not_several(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with get_storage_backend() as backend:
        backend.store("/p", "needle\n" * 13)
    assert "… 1 more line:" in run(capsys, "search", "needle")[1]
    assert run(capsys, "backup", str(home / "b.db"))[1].startswith("1 entry backed up")
    assert "holds 1 entry:" in run(capsys, "restore", str(home / "b.db"))[2]
    assert run(capsys, "clear", "-y")[1] == "Cleared 1 entry.\n"


def test_clear_without_anybody_to_answer_names_the_option(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with get_storage_backend() as backend:
        backend.store("/p", "code")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    status, _, err = run(capsys, "clear")
    assert status == 1
    assert "use --yes" in err
    with get_storage_backend() as backend:
        assert backend.stats().total_entries == 1


def test_a_search_without_vectors_names_the_command_that_makes_them(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with get_storage_backend() as backend:
        backend.store("/p", "needle")
    monkeypatch.setenv("AFTERIMAGE_EMBEDDING_MODEL", "all-MiniLM-L6-v2")
    assert "`afterimage reembed`" in run(capsys, "search", "needle")[2]


def test_clear_asks_first(stored: list[str]) -> None:
    result = CliRunner().invoke(group, ["clear"], input="n\n", standalone_mode=False)
    assert "Forget 3 entries for good? [y/N]: n" in result.output
    assert "Nothing was cleared." in result.output
    assert result.return_value == 1
    result = CliRunner().invoke(group, ["clear"], input="y\n", standalone_mode=False)
    assert "Cleared 3 entries." in result.output


def test_backup_and_restore(stored: list[str], capsys: pytest.CaptureFixture[str], home: Path) -> None:
    file = home / "backup.db"
    status, out, _ = run(capsys, "backup", str(file))
    assert status == 0
    assert out.startswith("3 entries backed up")
    status, _, err = run(capsys, "restore", str(file))
    assert status == 1
    assert "--force" in err
    run(capsys, "clear", "-y")
    status, out, _ = run(capsys, "restore", str(file))
    assert (status, out) == (0, f"3 entries restored from {file}\n")
    status, out, _ = run(capsys, "restore", "--force", str(file))
    assert status == 0
    assert "What was there before is kept in" in out
    assert json.loads(run(capsys, "stats", "--json")[1])["total_entries"] == 3


def test_reembed_gives_every_entry_a_vector(
    stored: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, _, err = run(capsys, "reembed")
    assert status == 1
    assert "name a model" in err
    monkeypatch.setenv("AFTERIMAGE_EMBEDDING_MODEL", "all-MiniLM-L6-v2")
    status, out, err = run(capsys, "reembed")
    assert status == 0
    assert out == "3 entries embedded with all-MiniLM-L6-v2.\n"
    assert json.loads(run(capsys, "reembed", "--json")[1]) == {
        "embedded": 0,
        "model": "all-MiniLM-L6-v2",
        "dimensions": 384,
    }
    assert json.loads(run(capsys, "stats", "--json")[1])["entries_with_embeddings"] == 3
    (best, *_) = json.loads(run(capsys, "search", "read settings from a file", "--json", "-t", "0")[1])
    assert best["id"] == stored[0]
    assert best["semantic_score"] > 0.2


# Configuration


def test_config_shows_values_and_where_they_come_from(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTERIMAGE_PG_PASSWORD", "p@ss/w:rd#1")
    monkeypatch.setenv("AFTERIMAGE_EMBEDDING_DEVICE", "cuda")
    status, out, err = run(capsys, "config", "--json")
    assert status == 0
    shown = json.loads(out)
    assert shown["settings"]["storage.postgresql.password"] == {
        "value": "(set)",
        "from": "AFTERIMAGE_PG_PASSWORD",
        "variable": "AFTERIMAGE_PG_PASSWORD",
    }
    assert list(shown["without_effect"]) == ["AFTERIMAGE_EMBEDDING_DEVICE"]
    status, out, err = run(capsys, "config")
    assert "p@ss" not in out + err
    assert "storage.backend" in out
    assert "AFTERIMAGE_EMBEDDING_DEVICE has no effect" in err


def test_config_tells_that_a_password_is_the_shell_s(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / ".bashrc").write_text("export AFTERIMAGE_PG_PASSWORD=sesame\n")
    _, out, _ = run(capsys, "config", "--json")
    assert json.loads(out)["settings"]["storage.postgresql.password"] == {
        "value": "(set)",
        "from": str(home / ".bashrc"),
        "variable": "AFTERIMAGE_PG_PASSWORD",
    }


def test_config_init_writes_a_file_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / ".afterimage" / "config.yaml"
    assert run(capsys, "config", "--init")[:2] == (0, f"Wrote {file}\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("search: {max_results: 9}\n")
    status, _, err = run(capsys, "config", "--init")
    assert status == 1
    assert "--force" in err
    assert run(capsys, "config", "--init", "--force")[0] == 0
    assert file.with_name("config.yaml.bak").read_text() == "search: {max_results: 9}\n"
    assert run(capsys, "config")[0] == 0


def test_config_init_replaces_a_file_that_cannot_be_read(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / ".afterimage" / "config.yaml"
    file.parent.mkdir()
    file.write_text("storage: [")
    status, _, err = run(capsys, "stats")
    assert status == 1
    assert "is not valid YAML" in err
    assert run(capsys, "config", "--init", "--force")[0] == 0
    assert run(capsys, "config")[0] == 0


# Mistakes


@pytest.mark.parametrize(
    "arguments",
    [
        ("serach",),
        ("search",),
        ("search", "x", "--limit", "0"),
        ("search", "x", "--limit", "many"),
        ("search", "x", "--threshold", "60"),
        ("search", "x", "--mode", "magic"),
        ("recent", "--limit", "-1"),
        ("show",),
        ("import", "/nowhere/export.json"),
        ("restore", "/nowhere/backup.db"),
        ("stats", "--backend", "sqlite"),
        ("--nothing",),
    ],
)
def test_a_command_that_is_not_understood_is_exit_2_and_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("afterimage: ")
    assert err.count("\n") == 1
    assert "--help`" in err
    assert not (home / ".afterimage").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("AFTERIMAGE_BACKEND", "oracle"), "must be sqlite or postgresql"),
        (("AFTERIMAGE_CONFIG", "/nowhere/config.yaml"), "does not exist"),
        (("AFTERIMAGE_DATABASE_URL", "postgresql://ann:hidden@127.0.0.1:1/x"), "systemctl start postgresql"),
        (("AFTERIMAGE_SQLITE_PATH", "/proc/no/memory.db"), "/proc/no"),
    ],
)
def test_what_cannot_be_done_is_exit_1_and_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, given: tuple[str, str], words: str
) -> None:
    monkeypatch.setenv(*given)
    for command in (("stats",), ("search", "x"), ("export",)):
        status, _, err = run(capsys, *command)
        assert status == 1
        assert err.startswith("afterimage: ")
        assert words in err
        assert err.count("\n") == 1
        assert "hidden" not in err


def test_a_defect_of_ours_is_not_hidden(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("afterimage.config.load_config", broken)
    with pytest.raises(ZeroDivisionError):
        main(["stats"])


def test_every_error_of_ours_is_printable() -> None:
    assert str(AfterImageError("line")) == "line"


def test_no_command_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys)
    assert status == 0
    assert "Commands:" in out
    assert run(capsys, "--help")[:2] == (0, out)
