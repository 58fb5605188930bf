"""Which files are remembered."""

import fnmatch
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from afterimage.hook.ignore import Ignore
from afterimage.hook.patterns import Pattern, like


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("src/app.py", False),
        ("rebuild/x.py", False),
        ("mydist/x.py", False),
        ("src/build.py", False),
        ("build/x.py", True),
        ("web/node_modules/a/index.js", True),
        ("a.egg-info/x.py", True),
        ("app.min.js", True),
        ("logo.PNG", True),
        (".env", True),
        ("deploy/prod.env", True),
        (".env.local", True),
        (".env.example", False),
        ("home/.netrc", True),
        ("keys/id_rsa", True),
        ("server.pem", True),
        ("Makefile", False),
    ],
)
def test_by_whole_parts_of_the_path(tmp_path: Path, path: str, *, left_out: bool) -> None:
    assert Ignore(str(tmp_path))(str(tmp_path / path)) is left_out


def test_a_project_in_a_folder_named_build_is_remembered(tmp_path: Path) -> None:
    root = tmp_path / "build" / "dist" / "project"
    assert not Ignore(str(root))(str(root / "x.py"))


@pytest.mark.parametrize(
    ("pattern", "path", "left_out"),
    [
        ("secret/", "secret/a.py", True),
        ("secret/", "src/secret/a.py", True),
        ("secret/", "secret", False),
        ("/top.py", "src/top.py", False),
        ("/top.py", "top.py", True),
        ("*_pb2.py", "src/x_pb2.py", True),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/deep/a.py", False),
        ("src/**/a.py", "src/x/y/a.py", True),
        ("# src", "src/a.py", False),
        ("\\#src.py", "#src.py", True),
        ("!build/", "build/a.py", False),
        ("!build/a.py", "build/a.py", True),
        ("secret/\n!secret/a.py", "secret/a.py", True),
        ("secret/*\n!secret/a.py", "secret/a.py", False),
        ("v[0-9].py", "v3.py", True),
        ("v[!0-9].py", "v3.py", False),
        ("v[!0-9].py", "vx.py", True),
        ("\\*.py", "*.py", True),
        ("\\*.py", "a.py", False),
        ("a\\ ", "a ", True),
    ],
)
def test_as_git_reads_its_patterns(tmp_path: Path, pattern: str, path: str, *, left_out: bool) -> None:
    (tmp_path / ".afterimageignore").write_text(f"\n{pattern}\n")
    assert Ignore(str(tmp_path))(str(tmp_path / path)) is left_out


def test_a_mark_of_the_order_of_bytes_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    (tmp_path / ".afterimageignore").write_text("secret/\n", encoding="utf-8-sig")
    assert Ignore(str(tmp_path))(str(tmp_path / "secret/a.py"))


def test_our_own_folder_is_never_remembered(tmp_path: Path) -> None:
    assert Ignore("/p", str(tmp_path))(str(tmp_path / "x.py"))


def test_the_configuration_adds_and_takes_back(tmp_path: Path) -> None:
    ignore = Ignore(str(tmp_path), skip_paths=["gen/"], skip_endings=[".sql"], code_endings=["md", "sql"])
    assert [ignore(str(tmp_path / path)) for path in ("gen/a.py", "a.sql", "a.md")] == [True, True, False]


@pytest.mark.parametrize("skipped", ["clients/acme/", "/work/clients", "/work/clients/*/", "acme", "cli*s/acme/shop"])
def test_what_the_configuration_skips_is_skipped_wherever_the_project_is(skipped: str) -> None:
    assert Ignore("/work/clients/acme/shop", skip_paths=[skipped])("/work/clients/acme/shop/a.py")
    assert not Ignore("/work/mine", skip_paths=[skipped])("/work/mine/reclients/acme.py")


def test_a_project_takes_back_what_the_configuration_skips(tmp_path: Path) -> None:
    (tmp_path / ".afterimageignore").write_text("!docs/")
    assert not Ignore(str(tmp_path), skip_paths=["docs/"])(str(tmp_path / "docs" / "a.py"))


HOSTILE = {
    "many folders": "/".join(["**", "a"] * 20_000),
    "many folders, and one that is not there": "**/a/" * 6_000 + "b",
    "many stars": "*a" * 30_000 + "b",
    "many questions": "*" + "?" * 2_000 + "b",
    "many lines": "a*b\n**/a/**/b\n" * 4_000,
}


@pytest.mark.parametrize("pattern", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("path", ["a/" * 2_000 + "x.py", "a" * 4_000, "a/" * 50 + "x.py", "a/" * 40_000 + "x.py"])
def test_a_hostile_file_costs_little(tmp_path: Path, pattern: str, path: str) -> None:
    (tmp_path / ".afterimageignore").write_text(pattern)
    started = time.process_time()
    until = started + 0.3
    Ignore(str(tmp_path), late=lambda: time.process_time() >= until)(f"{tmp_path}/{path}")
    assert time.process_time() - started < 1.0


def test_what_cannot_be_judged_in_time_is_left_out(tmp_path: Path) -> None:
    (tmp_path / ".afterimageignore").write_text("secret/")
    assert Ignore(str(tmp_path), late=lambda: True)(str(tmp_path / "a.py"))


def test_what_no_system_could_open_is_left_out(tmp_path: Path) -> None:
    assert Ignore(str(tmp_path))("/" + "a/" * 5_000 + "b.py")


@given(st.text("ab", max_size=8), st.text("ab*?", max_size=8))
def test_stars_and_questions_are_as_a_shell_has_them(name: str, pattern: str) -> None:
    assert like(name, pattern) == fnmatch.fnmatchcase(name, pattern)


@given(
    st.lists(st.sampled_from("ab"), min_size=1, max_size=6),
    st.lists(st.sampled_from(["a", "b", "*", "**"]), min_size=1, max_size=6),
)
def test_two_stars_are_any_number_of_folders(parts: list[str], pattern: list[str]) -> None:
    spelled = "".join("(?:[^/]+/)*" if part == "**" else f"{part.replace('*', '[^/]+')}/" for part in pattern)
    # At the end they are all that is inside, and not the folder itself.
    spelled += "[^/]+/" if pattern[-1] == "**" else ""
    expected = re.fullmatch(spelled, "".join(f"{part}/" for part in parts)) is not None
    assert Pattern("/" + "/".join(pattern)).means(parts, folder=True) == expected


NAMES = ["a", "b", "ab", "c", "-", "]", "[", "*", "a b", "a ", "!a", "#a", "B", "4"]
PIECES = [
    *("a", "b", "*", "?", "**", "/", "/", "/", " ", "!", "#", "-"),
    *(
        "[ab]",
        "[a-c]",
        "[!a]",
        "[^a-b]",
        "[]a]",
        "[!]]",
        "[a-]",
        "[[:alpha:]]",
        "[![:digit:]]",
        "[[:nothing:]]",
        "[[:]",
    ),
    *("[", "[a", "]", "\\*", "\\[", "\\a", "\\\\", "\\ ", "[\\]]", "[\\a-\\c]", "[a-c-b]", "[[a]", "[:a]"),
]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which git can be asked what its patterns mean, and nothing else is in force."""
    root = tmp_path_factory.mktemp("ignoring")
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def ignored_by_git(root: Path, text: str, paths: list[str]) -> list[bool]:
    (root / ".gitignore").write_text(text, encoding="utf-8")
    command = ["git", "-c", "core.excludesFile=", "check-ignore", "--no-index", "-z", "-v", "-n", "--stdin"]
    asked = "".join(f"{path}\0" for path in paths).encode()
    done = subprocess.run(command, input=asked, cwd=root, capture_output=True, check=False)
    fields = done.stdout.decode().split("\0")[:-1]
    verdicts = {fields[n + 3]: fields[n + 2] for n in range(0, len(fields), 4)}
    return [bool(verdicts[path]) and not verdicts[path].startswith("!") for path in paths]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["", "", "!"]), st.lists(st.sampled_from(PIECES), max_size=5).map("".join)).map(
            "".join
        ),
        min_size=1,
        max_size=5,
    ),
    st.lists(
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join), min_size=12, max_size=12, unique=True
    ),
)
def test_patterns_mean_what_they_mean_to_git(repository: Path, lines: list[str], paths: list[str]) -> None:
    # A slash ends what stands in brackets here; to git it only never matches.
    assume(not any(re.search(r"\[[^\]]*/|\\/", line) for line in lines))
    text = "\n".join(lines) + "\n"
    (repository / ".afterimageignore").write_text(text, encoding="utf-8")
    ignore = Ignore(str(repository))
    expected = ignored_by_git(repository, text, paths)
    assert [ignore(f"{repository}/{path}") for path in paths] == expected
