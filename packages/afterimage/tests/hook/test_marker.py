"""What is injected is told apart, and cannot be closed from inside."""

from hypothesis import given
from hypothesis import strategies as st

from afterimage.hook.marker import BEGIN, END, NAME, escape, without_injections, without_private, wrap


@given(st.text(), st.text())
def test_no_text_can_end_the_block(before: str, after: str) -> None:
    for inside in (END, END.upper(), f"İ{END}"):
        assert NAME not in escape(before + inside + after).lower()


@given(st.text(alphabet="abc\n "))
def test_an_injection_is_found_again_and_taken_out(text: str) -> None:
    assert without_injections(f"{text}\n{wrap('older code')}\n{text}") == f"{text}\n{text.lstrip(chr(10))}"


def test_a_block_that_does_not_end_goes_to_the_end() -> None:
    assert without_injections(f"a\n{BEGIN}\nb") == "a\n"
    assert without_private("a<private>b") == "a[private]"
    assert without_private("a<private>b</private>c<private>d</private>") == "a[private]c[private]"


def test_what_is_private_is_found_however_its_tags_are_written() -> None:
    assert without_private("a<PRIVATE>b</Private>c") == "a[private]c"
    assert without_private("a< private >b</ private\n>c") == "a[private]c"
    assert without_private("a<private>b<private>c</private>d</private>e") == "a[private]e"
    assert without_private("a</private>b < c<privateer>d") == "a</private>b < c<privateer>d"


def test_text_that_only_names_the_marker_stays() -> None:
    for text in (f"what is <{NAME}> for?", f"<{NAME} kind=x>\nmine\n{END}"):
        assert without_injections(text) == text


def test_a_tag_with_attributes_is_one_and_a_type_is_none() -> None:
    assert "tiger" not in without_private('a <private reason="a b">tiger</private> b')
    assert without_private("List<private T> x") == "List<private T> x"
