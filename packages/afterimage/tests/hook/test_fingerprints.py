"""What code is recognised by."""

from hypothesis import given
from hypothesis import strategies as st

from afterimage.hook.fingerprints import SURE, Lines, digest, terms, words
from afterimage.testing_hooks import CODE

LINES = st.lists(st.text(alphabet="abcdefgh_(=", min_size=5, max_size=12), min_size=SURE, max_size=30)


@given(shared=LINES, before=LINES, after=LINES)
def test_enough_lines_in_common_are_always_recognised(shared: list[str], before: list[str], after: list[str]) -> None:
    alone = Lines("\n".join(shared)).grams()
    inside = Lines("\n".join(before + ["\t  " + line for line in shared] + after)).grams()
    assert alone & inside


def test_a_short_block_is_recognised_inside_a_file() -> None:
    block = "def area(self):\n    return self.width * self.height"
    inside = "class A:\n    x = 1\n\n    def area(self):\n\n        return self.width * self.height\n\n    y = 2\n"
    assert Lines(block).whole() in Lines(inside).units()


def test_spaces_and_lines_without_words_do_not_matter() -> None:
    assert Lines("if (a) {\n  b( 1 );\n}\n").whole() == Lines("if (a)  {\n\n\tb(1);\n  }\n\n").whole()
    assert Lines("a(1)").whole() != Lines("a(2)").whole()


def test_marks_stay_the_same_in_every_process_and_version() -> None:
    # A recall index outlives the program that made it: other numbers need another `recall.VERSION`.
    lines = Lines(CODE)
    assert lines.whole() == 0xF84DD5876EAA
    assert min(lines.grams()) == 0x62C7AB0178E9
    assert digest(b"term", b"parse_duration") == 0x396CB05C85C4


def test_rare_looking_identifiers_come_first() -> None:
    found = words("self.value = compute_interest_rate(Account, total) if x else None", 3)
    assert found[0] == b"compute_interest_rate"
    assert b"self" not in found
    assert len(terms(CODE, 5)) == 5
