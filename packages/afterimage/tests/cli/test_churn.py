"""How often code is edited, as it is shown."""

import datetime as dt
import json
import tempfile
from pathlib import Path

import pytest

from afterimage.cli import main
from afterimage.cli.pictures import bar, sparkline
from afterimage.entries import StorageEntry
from afterimage.hook.project import project_of
from afterimage.storage import get_storage_backend

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def project(request: pytest.FixtureRequest, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that is worked in, with a file that is hot, one that is not, a test and a file of another project."""
    if request.param == "postgresql":
        monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", request.getfixturevalue("guide_postgres_url"))
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    (root / "src").mkdir()
    monkeypatch.chdir(root)
    (home / ".afterimage").mkdir()
    (home / ".afterimage" / "config.yaml").write_text("hook:\n  warning_noise_exclusions: ['tests/']\n")
    here = project_of(str(root)).id
    with get_storage_backend() as backend:
        for path, count, known in (
            (root / "src" / "hot.py", 6, here),
            (root / "src" / "calm.py", 2, here),
            (root / "tests" / "hot.py", 7, here),
            (Path("/elsewhere/x.py"), 5, "feedfeedfeedfeed"),
        ):
            backend.store_many(
                [
                    StorageEntry(
                        f"{path.parent.name}-{path.stem}-{n}",
                        str(path),
                        f"def load():\n    return {n}\n",
                        timestamp=(NOW - dt.timedelta(hours=8 - n)).isoformat(),
                        session_id="session-1",
                        metadata={"project": known, "tool_use_id": f"t{n}"},
                    )
                    for n in range(count)
                ]
            )
    return root


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    said = capsys.readouterr()
    return status, said.out, said.err


def test_a_file_as_it_is_seen_from_here(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "churn", "src/hot.py")
    assert (status, err) == (0, "")
    assert out.startswith(
        f"{project}/src/hot.py\n  tier     RED: more than 20 edits in 30 days, or 5 and more in 24 hours\n"
    )
    assert "6 in 24 hours, 6 in 7 days, 6 in 30 days, 6 in all" in out
    assert "█|\n" in out


def test_its_functions_and_its_history(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "churn", "src/hot.py", "-f", "-H", "--history-limit", "2")
    assert status == 0
    assert [line.split()[:4] for line in out.splitlines() if line.startswith("load")] == [["load", "5", "5", "5"]]
    assert "… and 4 before that (--history-limit)" in out
    status, out, _ = run(capsys, "churn", str(project / "src" / "hot.py"), "-f", "-H", "--json")
    found = json.loads(out)
    assert (found["tier"], found["edits_last_24h"], found["total_edits"]) == ("red", 6, 6)
    assert [(one["function_name"], one["edit_count"]) for one in found["functions"]] == [("load", 5)]
    assert found["history"][0]["functions"] == {"load": "modified"}
    assert found["history"][-1]["functions"] == {"load": "added"}
    assert found["history"][0]["entries"] == ["src-hot-5"]


def test_a_file_that_nobody_knows(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "churn", "src/none.py") == (1, "", f"afterimage: no edit of {project}/src/none.py is known\n")


def test_hotspots_are_of_this_project_and_no_tests(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "hotspots")
    assert status == 0
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [(row[0], row[1], row[-2]) for row in rows] == [
        ("src/hot.py", "red", "54.0"),
        ("src/calm.py", "gold", "1.2"),
    ]
    assert err == "afterimage: 1 file of other projects: --all-projects\n"
    _, out, err = run(capsys, "hotspots", "--all-projects", "--json", "-l", "2")
    assert [one["file_path"] for one in json.loads(out)] == [f"{project}/src/hot.py", "/elsewhere/x.py"]
    assert err == ""


def test_files_of_a_tier(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "files", "--tier", "RED")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["tests/hot.py", "src/hot.py"]
    assert "1 file of other projects" in err
    status, out, err = run(capsys, "files", "--tier", "red", "-l", "1")
    assert "1 more file is red: --limit" in err
    assert run(capsys, "files", "--tier", "bronze") == (1, "No file is bronze.\n", "")
    _, out, _ = run(capsys, "files", "--tier", "gold", "--json")
    assert [one["file_path"] for one in json.loads(out)] == [f"{project}/src/calm.py"]


def test_without_a_tier_it_is_not_understood(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "files")[0] == 2
    assert run(capsys, "files", "--tier", "tin")[0] == 2


def test_without_a_memory_nothing_is_made(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "hotspots")
    assert (status, out) == (1, "")
    assert "no memory at" in err
    assert list(home.iterdir()) == []


def test_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sparkline([0, 1, 4, 8]) == " ▂▅█"
    assert sparkline([0, 1, 1000]) == " ▁█"
    assert sparkline([0, 0]) == "  "
    assert (bar(10, 10, 4), bar(5, 10, 4), bar(0.1, 10, 4), bar(0, 10), bar(1, 0)) == ("████", "██", "█", "", "")


def test_a_terminal_without_these_signs_gets_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain:
        encoding = "ascii"

    monkeypatch.setattr("sys.stdout", Plain())
    assert sparkline([0, 1, 8]) == " :@"
    assert bar(1, 1, 2) == "@@"


def test_where_one_stands_is_no_folder_of_temporary_files(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        here = Path(folder) / "work"
        here.mkdir()
        with get_storage_backend() as backend:
            for n in range(3):
                backend.store(str(here / "a.py"), f"x = {n}")
        monkeypatch.chdir(here)
        status, out, _ = run(capsys, "hotspots")
        assert (status, "a.py" in out) == (0, True)
        assert run(capsys, "churn", "../work/a.py")[0] == 0
        monkeypatch.chdir(home)
        status, out, _ = run(capsys, "hotspots", "--all-projects")
        assert (status, out) == (
            1,
            "Only files that hook.warning_noise_exclusions leaves out were edited in the last 30 days.\n",
        )
