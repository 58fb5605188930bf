"""Our server in TOML settings: by what they mean, whatever looks like our marks."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterimage.agents import jsonc
from afterimage.agents.clients import mcp_program
from afterimage.agents.servers import has_ours_toml, with_server_toml, without_server_toml

OURS = {"command": mcp_program()[0], "args": mcp_program()[1:]}
MADE = with_server_toml("")
QUOTED = f"notes = '''\n{MADE}'''\n"
#: Pieces that a file may be made of, in any order that its grammar allows: keys of the root first.
ROOT = ("", 'model = "a" # mine\n', "x = nan\n", QUOTED, f'more = """\n{MADE}"""\n', "day = 2026-01-02\r\n")
TABLES = (
    "",
    "# afterimage: begin\n",
    "# afterimage: end\n",
    "[features]\nhooks = true\n",
    '[mcp_servers.other]\ncommand = "x"\n',
    f"[texts]\nquoted = '''\n{MADE}'''\n",
)


def servers(text: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(text).get("mcp_servers", {})
    return found


@given(
    st.lists(st.sampled_from(ROOT), unique=True),
    st.lists(st.sampled_from(TABLES), unique=True),
    st.lists(st.sampled_from(TABLES[:3]), unique=True),
)
def test_it_comes_and_goes_and_nothing_else_means_another_thing(
    root: list[str], tables: list[str], behind: list[str]
) -> None:
    text = "".join(root + tables)
    made = with_server_toml(text)
    assert servers(made) == {**servers(text), "afterimage": OURS}
    assert with_server_toml(made) == made
    for whole, rest in ((made, text), (made + "".join(behind), text + "".join(behind))):
        gone = without_server_toml(whole)
        assert not has_ours_toml(gone)
        assert repr(tomllib.loads(gone)) == repr(tomllib.loads(rest))
        assert gone.count("notes") == text.count("notes")


def test_marks_in_a_text_are_none() -> None:
    assert without_server_toml(QUOTED) == QUOTED
    assert with_server_toml(QUOTED).startswith(QUOTED)
    assert without_server_toml(with_server_toml(QUOTED)) == QUOTED
    both = with_server_toml(f"[texts]\nquoted = '''\n{MADE}'''\n")
    assert tomllib.loads(without_server_toml(both)) == {"texts": {"quoted": MADE}}


def test_lines_of_others_between_our_marks_are_not_taken_out() -> None:
    mixed = MADE.replace("# afterimage: end", '[mcp_servers.other]\ncommand = "x"\n# afterimage: end')
    assert without_server_toml(mixed) == mixed
    assert has_ours_toml(mixed)
    # What stands behind our lines belonged to our table, and would belong to another.
    tail = MADE + "enabled = false\n"
    assert without_server_toml(tail) == tail


def test_another_interpreter_is_replaced_where_it_stands_alone() -> None:
    older = MADE.replace(mcp_program()[0], "/older/bin/python3")
    made = with_server_toml(f"a = 1\n\n{older}\n[other]\nb = 2\n")
    assert servers(made) == {"afterimage": OURS}
    assert "/older" not in made
    assert tomllib.loads(made)["other"] == {"b": 2}


def test_a_program_of_somebody_s_own_between_our_marks_is_his() -> None:
    his = MADE.replace(mcp_program()[0], "/his/server").replace('"mcp"', '"serve"')
    assert with_server_toml(his) == his
    assert without_server_toml(his) == his


@pytest.mark.parametrize("others", ["", 'other = { command = "x" }, '])
def test_an_inline_table_is_left_as_it_is_and_what_to_do_is_said(others: str) -> None:
    with pytest.raises(jsonc.Unparsable, match="takes no table after it") as refused:
        with_server_toml(f"mcp_servers = {{ {others.rstrip(', ')} }}\n")
    advice = str(refused.value).partition("put between its braces: ")[2]
    done = f"mcp_servers = {{ {others}{advice} }}\n"
    assert servers(done)["afterimage"] == OURS
    assert with_server_toml(done) == done


@pytest.mark.parametrize("text", ["mcp_servers = 1\n", "mcp_servers = {}\n", "a = \n"])
def test_what_cannot_take_it_is_refused(text: str) -> None:
    with pytest.raises((jsonc.Unparsable, tomllib.TOMLDecodeError)):
        with_server_toml(text)
