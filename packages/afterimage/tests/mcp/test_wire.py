"""Every line of a client that is JSON can be read by the protocol's library, and means what it meant."""

import json

from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import from_json

from afterimage.mcp.wire import whole

#: Of every kind: pairs, halves of both sorts, and what only looks like them when it is escaped.
TEXTS = st.lists(
    st.sampled_from(["\ud83d", "\ude00", "\U0001f600", "\\", "ud83d", '"', "\n", "d83d", "\\ud83d", "x", "\udfff"])
).map("".join)


@given(TEXTS)
@example("\ud83d\ud83d\ude00")
@example("\\ud83d")
def test_only_half_characters_become_something_else(text: str) -> None:
    line = json.dumps({"text": text})
    expected = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert from_json(whole(line))["text"] == expected
    assert whole(whole(line)) == whole(line)


def test_a_line_without_any_is_left_as_it_is() -> None:
    line = json.dumps({"text": "\U0001f600 \\u0041"})
    assert whole(line) == line
    assert whole("no JSON \\ud83") == "no JSON \\ud83"
