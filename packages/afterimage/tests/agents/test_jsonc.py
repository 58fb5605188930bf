"""A file of somebody else's is changed where it must be, and nowhere else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterimage.agents import jsonc

COMMENTED = """{
    // why
    "model": "a", /* beside */
    "hooks": {
        "Other": [ {"matcher": "Bash"} ], // theirs
    },
}
"""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=12,
)


def test_comments_and_forms_of_others_stay() -> None:
    text = jsonc.put(COMMENTED, ["hooks", "Mine", -1], {"a": 1})
    text = jsonc.put(text, ["hooks", "Other", -1], {"b": 2})
    assert jsonc.parse(text).value["hooks"] == {"Other": [{"matcher": "Bash"}, {"b": 2}], "Mine": [{"a": 1}]}
    for kept in ("// why", "/* beside */", "// theirs", '[ {"matcher": "Bash"}'):
        assert kept in text
    text = jsonc.remove(text, ["hooks", "Mine"])
    assert jsonc.remove(text, ["hooks", "Other", 1]) == COMMENTED


@given(st.dictionaries(st.text(), VALUES, max_size=4), VALUES, st.sampled_from([None, 1, 2, "\t"]))
def test_what_is_put_in_is_there_and_what_is_taken_out_leaves_the_rest(
    before: dict[str, Any], value: Any, indent: int | str | None
) -> None:
    before.pop("mine", None)
    text = json.dumps(before, indent=indent, ensure_ascii=False)
    changed = jsonc.put(text, ["mine", "deep", -1], value)
    assert jsonc.parse(changed).value == {**before, "mine": {"deep": [value]}}
    taken = jsonc.remove(changed, ["mine"])
    assert jsonc.parse(taken).value == before
    if before:
        assert taken == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{]",
        '{"a" 1}',
        '{"a": 1} x',
        "{'a': 1}",
        '{"a": 1, "a": 2}',
        "[1 2]",
        "nul",
        '{"a": "\n"}',
        "[" * 9_999,
    ],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(jsonc.Unparsable):
        jsonc.parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"hooks": []}', "hooks is a list, not an object"),
        ('{"hooks": null}', "hooks is null, not an object"),
        ('{"hooks": "all"}', "hooks is a text, not an object"),
        ('{"hooks": 1}', "hooks is a number, not an object"),
        ('{"hooks": {"Mine": true}}', "hooks.Mine is true, not a list"),
        ('{"hooks": {"Mine": {}}}', "hooks.Mine is an object, not a list"),
    ],
)
def test_nothing_is_put_where_something_else_stands(text: str, said: str) -> None:
    with pytest.raises(jsonc.Unparsable, match=said):
        jsonc.put(text, ["hooks", "Mine", -1], {})
