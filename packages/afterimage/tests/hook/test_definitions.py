"""The newest code that has a whole definition."""

import pytest

from afterimage.hook.definitions import definition, whole

WHOLE = """import x


def parse(
    text: str,
) -> int:
    number = int(text)

    if number < 0:
        raise ValueError
    return number


def other(): ...
"""
PART = "def parse(\n    text: str,\n) -> int:\n    number = int(text, 10)\n"


def test_a_definition_goes_to_the_next_line_that_is_no_part_of_it() -> None:
    found = definition("parse", WHOLE)
    assert found is not None
    lines, closed = found
    assert (lines[0], lines[-1], closed) == ("def parse(", "    return number", True)


@pytest.mark.parametrize(
    "code",
    [
        "func (s *Store) Load(id int) error {\n\tx()\n\treturn nil\n}\n",
        "export async function Load(id) {\n  return 1\n}",
        "pub fn Load() -> u8 {\n    1\n}\n\nfn z() {}",
        "  def Load\n    1\n  end\n",
    ],
)
def test_in_other_languages_to_what_closes_it(code: str) -> None:
    found = definition("Load", code)
    assert found is not None
    lines, closed = found
    assert closed
    assert lines[-1].strip() in {"}", "end"}


@pytest.mark.parametrize("code", ["parse(x)\n", "def parser():\n    pass\n", "# def\nreparse = 1\n"])
def test_a_name_alone_defines_nothing(code: str) -> None:
    assert definition("parse", code) is None


def test_a_newer_part_gives_way_to_the_whole() -> None:
    number, code = whole("parse", [PART, WHOLE])
    assert number == 1
    assert code.startswith("def parse(")
    assert "raise ValueError" in code


def test_a_newer_whole_comes_first_also_if_it_is_shorter() -> None:
    assert whole("parse", ["def parse(text):\n    return number\n\nx = 1\n", WHOLE])[0] == 0
    ends_alike = "def parse(text):\n    number = int(text)\n    return number\n"
    assert whole("parse", [ends_alike, WHOLE])[0] == 0


def test_the_only_one_is_taken_and_none_is_none() -> None:
    assert whole("parse", [PART])[0] == 0
    assert whole("parse", ["x = 1"]) == (-1, "")
