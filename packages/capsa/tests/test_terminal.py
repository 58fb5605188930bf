"""What commands share: how they end, and what they write."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from capsa.errors import DatabaseBusy
from capsa.terminal import Check, clean, clean_line, explain, json_option, one_line, run, table, write_json


def command_that(does: Callable[[], object]) -> click.Command:
    @click.group()
    def group() -> None:
        """A program."""

    @group.command()
    def go() -> object:
        """What it does."""
        return does()

    return group


def raising(error: BaseException) -> Callable[[], object]:
    def does() -> object:
        raise error

    return does


@pytest.mark.parametrize(
    ("does", "status", "line"),
    [
        (lambda: None, 0, ""),
        (lambda: 3, 3, ""),
        (raising(DatabaseBusy("it is in use: try again")), 1, "program: it is in use: try again\n"),
        (raising(PermissionError(13, "Permission denied", "/x")), 1, "program: /x: Permission denied\n"),
        (raising(click.ClickException("not that way")), 1, "program: not that way\n"),
        (raising(KeyboardInterrupt()), 130, "program: stopped\n"),
        (raising(click.Abort()), 130, "program: stopped\n"),
    ],
)
def test_a_command_ends_with_a_status_and_at_most_one_line(
    does: Callable[[], object], status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command_that(does), ["go"], "program", explain) == status
    assert capsys.readouterr().err.lstrip("\n") == line


def test_a_mistyped_command_names_the_help_as_it_was_called(capsys: pytest.CaptureFixture[str]) -> None:
    status = run(command_that(lambda: None), ["og"], "program", explain, name="python -m program")
    err = capsys.readouterr().err
    assert (status, err.count("\n")) == (2, 1)
    assert err.startswith("program: No such command 'og'")
    assert "(see `python -m program --help`)" in err


def test_no_arguments_are_a_question_for_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command_that(lambda: None), [], "program", explain) == 0
    assert "Usage: program" in capsys.readouterr().out


def test_a_defect_of_ours_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        run(command_that(lambda: 1 / 0), ["go"], "program", explain)


def test_an_application_explains_its_own_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command_that(lambda: 1 / 0), ["go"], "program", lambda error: f"so: {error}") == 1
    assert capsys.readouterr().err == "program: so: division by zero\n"


def test_what_would_steer_a_terminal_is_not_shown() -> None:
    assert clean("a\x1b[2J\tb\nc\x07") == "a\N{REPLACEMENT CHARACTER}[2J\tb\nc\N{REPLACEMENT CHARACTER}"
    assert one_line("\n  \n  first\tline \nsecond", 40) == "first line"
    assert one_line("0123456789", 5) == "0123…"


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a non-joiner
        "\U0001f469\u200d\U0001f469\u200d\U0001f466",  # a family, joined
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # England, by tags
        "Il dit\u00a0: \u00ab\u202fnon\u202f\u00bb, \u3000co\u00adoperate",
    ],
)
def test_what_languages_need_is_shown_as_it_is(text: str) -> None:
    assert clean(text) == clean_line(text) == text


def test_what_turns_a_line_round_or_ends_it_is_not_shown() -> None:
    assert clean("user\u202egpj.exe\u2066\u2028") == "user\ufffdgpj.exe\ufffd\ufffd"
    assert clean_line("one\n\ttwo") == "one\ufffd\ufffdtwo"


def test_a_table_keeps_its_first_column_whole_and_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    table(("id", "text"), [("0" * 40, "x\x1b" * 200)])
    out = capsys.readouterr().out
    assert "0" * 40 in out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 160


def test_json_survives_any_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    @click.command()
    @json_option
    def show(as_json: bool) -> None:
        assert as_json
        write_json({"text": "日\ud800"})

    assert run(show, ["--json"], "show", explain) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"text": "日\ud800"}


def test_a_check_is_a_dict_for_programs() -> None:
    assert Check("disk", "note", "little left", "free some").to_dict() == {
        "name": "disk", "verdict": "note", "found": "little left", "remedy": "free some",
    }  # fmt: skip


def test_it_loads_click_and_nothing_of_the_engine() -> None:
    script = "import sys, capsa.terminal; print(sorted(m for m in sys.modules if m.split('.')[0] in ('capsa', 'rich')))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout == "['capsa', 'capsa.terminal']\n"
