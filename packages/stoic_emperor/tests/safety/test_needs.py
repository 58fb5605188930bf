"""What a pattern cannot do without; a rule that is left out for want of it must not have had anything to find."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stoic_emperor.safety import CrisisDetector, ReplyGuard, ReplyRules
from stoic_emperor.safety._due import Due
from stoic_emperor.safety._needs import needed
from stoic_emperor.safety._rules import Rule, RuleSet, load_rules
from stoic_emperor.safety._text import read
from stoic_emperor.safety.reply_guard import CONTEXT, WINDOW

from .test_reply_guard import FINE, FORBIDDEN, cut
from .test_sentences import sentences

REPLY, CRISIS = load_rules("reply.yaml"), load_rules("crisis.yaml", "languages.yaml")
ALL = (*REPLY.rules, *CRISIS.rules)
SENTENCES = [s.text for name in ("development", "held_out", "late") for s in sentences(name)]


def without_needs(rules: RuleSet) -> RuleSet:
    """The same rules, of which each is tried on every text."""
    return replace(rules, rules=tuple(replace(rule, needs=frozenset()) for rule in rules.rules))


RULES = ReplyRules()
THOROUGH = ReplyRules(without_needs(REPLY), without_needs(load_rules("crisis.yaml")))


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("kill yourself", {" kill "}),
        ("(?:quickest|painless) way", {" quickest ", " painless "}),
        ("calor(?:y|ie|ies)", {" calor"}),
        ("(?:over|un)paid", {"paid "}),
        ("(?:cut|cutting) deep", {" deep "}),
        ("honou?rable", {"rable "}),
        ("(?:so |now )?(?:helium|nitrogen)", {" helium ", " nitrogen "}),
        ("(?:so|now )?(?:helium|nitrogen)", {"helium ", "nitrogen "}),
        ("rope (?:round|about )?neck", {" rope "}),
        ("noose ?round", {" noose"}),
        (r"\d+ (?:[^ .]++ ){0,2}pills(?! box)", {" pills "}),
        ("(?:gone){1,3} by", {"gone"}),
        ("(?:bleed|)ing", {"ing "}),
        (r"me\b", {" me"}),
        (r"(?:die(?= \.)|\w+)", set()),
        ("(?:rope|)", set()),
        ("a(?:bc)?", {" a"}),
        ("cut(?: deep)?", {" cut "}),
    ],
)
def test_of_what_a_pattern_needs_the_rarest_is_known(pattern: str, words: set[str]) -> None:
    assert needed(pattern) == words


@pytest.mark.parametrize("pattern", ["a)", "(?:a", "(a)", "^a", r"\sword", "a|*", "(?<=a)b", "."])
def test_what_rules_are_not_written_in_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"rules do not know|substring|string index"):
        needed(pattern)


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_whatever_a_rule_matches_has_a_word_that_it_needs(rule: Rule) -> None:
    assert rule.needs, "a rule that needs no word is tried on every sentence"
    # Made-up texts need not give letters back, nor look ahead: then more of them match.
    pattern = re.sub(r"\(\?[!=](?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)", "", rule.pattern.pattern.replace("++", "+"))
    alphabet = st.sampled_from(' ."abcdefghijklmnopqrstuvwxyz0123456789')

    @settings(max_examples=5, deadline=None, database=None)
    @given(st.from_regex(pattern, fullmatch=True, alphabet=alphabet))
    def has_one(text: str) -> None:
        assert any(word in f"{text} " for word in rule.needs)

    has_one()


def test_few_rules_are_tried_on_a_sentence_of_everyday() -> None:
    due = Due(ALL).among(read("A calm mind looks at things as they are, and asks what is up to it.").words)
    assert len(due) < len(ALL) / 10


def test_the_detector_finds_what_it_finds_with_every_rule_tried() -> None:
    detector, thorough = CrisisDetector(CRISIS), CrisisDetector(without_needs(CRISIS))
    assert [detector.check(text) for text in SENTENCES] == [thorough.check(text) for text in SENTENCES]


#: Words and marks that rules are made of, spelt as people and models may, between others.
PIECES = st.one_of(
    st.sampled_from(FINE + FORBIDDEN + SENTENCES),
    st.sampled_from([word for text in FORBIDDEN for word in text.split()]),
    st.sampled_from(
        ["k i l l", "k.i.l.l", "su1c1de", "5. kms", "kms", "5", "i", "am", "my", "self", "do", "not", "d-i-e"]
    ),
    st.sampled_from([".", "?!", "…", '."', "\n", "\n\n", '"', "“", "*", ".** ", "a", "I", "'", "!a", "* "]),
    st.text(max_size=6),
)
TEXTS = st.lists(st.tuples(PIECES, st.sampled_from([" ", "", "  ", "\n"])), max_size=30).map(
    lambda pieces: "".join(word + gap for word, gap in pieces)
)


@pytest.mark.slow
@given(TEXTS, st.integers(0, 400))
@settings(deadline=None, max_examples=400)
def test_what_is_found_from_a_place_on_is_what_the_whole_text_gives(text: str, after: int) -> None:
    assert RULES.first(text, after) == like(THOROUGH.first(text, after))


@given(TEXTS, st.lists(st.integers(0, 1_500), max_size=30))
@settings(deadline=None, max_examples=300)
def test_at_every_cut_the_guard_shows_what_one_shows_that_tries_every_rule(text: str, places: list[int]) -> None:
    one, other = ReplyGuard(RULES.first), ReplyGuard(lambda text, after: like(THOROUGH.first(text, after)))
    for piece in cut(text, places):
        assert one.feed(piece) == other.feed(piece)
        assert one.stopped == other.stopped
    assert one.finish() == other.finish()
    assert one.stopped == other.stopped


@given(TEXTS, st.lists(st.integers(0, 1_500), max_size=30))
@settings(deadline=None, max_examples=200)
def test_nothing_is_shown_before_it_was_looked_at(text: str, places: list[int]) -> None:
    looked_at: list[str] = []

    def look(window: str, after: int) -> tuple[Rule, int] | None:
        looked_at.append(window[after:])
        return RULES.first(window, after)

    guard = ReplyGuard(look)
    shown = ""
    for piece in [*cut(text, places), ""]:
        shown += guard.feed(piece)
        seen = "".join(looked_at)
        # A sentence that grew long is looked at anew, from its beginning.
        assert all(word in seen for word in shown.split())


@given(TEXTS, st.lists(st.integers(0, 1_500), max_size=30))
@settings(deadline=None, max_examples=300)
def test_words_shown_as_they_come_change_no_stop_and_say_nothing_that_must_not_be_said(
    text: str, places: list[int]
) -> None:
    by_sentence, by_word = ReplyGuard(RULES.first), ReplyGuard(RULES.first, RULES.is_free)
    sentences, words = (
        "".join([*(guard.feed(piece) for piece in cut(text, places)), guard.finish()])
        for guard in (by_sentence, by_word)
    )
    assert words.startswith(sentences)
    assert text.startswith(words)
    if by_sentence.stopped is None:
        assert (by_word.stopped, words) == (None, sentences)
        return
    assert by_word.stopped is not None
    assert by_word.stopped.rule == by_sentence.stopped.rule
    assert by_word.stopped.shown == len(words)
    assert RULES.first(words[len(sentences) :]) is None


@pytest.mark.parametrize("text", [*SENTENCES, *FORBIDDEN])
def test_what_is_shown_of_a_reply_that_was_stopped_could_have_been_said(text: str) -> None:
    guard = ReplyGuard(RULES.first, RULES.is_free)
    shown = "".join([*map(guard.feed, text), guard.finish()])
    assert RULES.first(shown) is None
    assert guard.stopped is not None or shown == text


def like(found: tuple[Rule, int] | None) -> tuple[Rule, int] | None:
    """The rule as the package has it."""
    if found is None:
        return None
    return next(rule for rule in ALL if rule.id == found[0].id), found[1]


def test_long_texts_without_an_end_are_looked_at_whole() -> None:
    long = "and so it goes on and on " * 60
    assert len(long) > WINDOW + CONTEXT
    for sentence in FORBIDDEN:
        text = long + sentence
        at = [0, *range(100, len(text), 90), len(text)]
        guard = ReplyGuard(RULES.first)
        shown = "".join(guard.feed(text[a:b]) for a, b in pairwise(at)) + guard.finish()
        other = ReplyGuard(lambda text, after: like(THOROUGH.first(text, after)))
        assert shown == other.feed(text) + other.finish()
        assert guard.stopped == other.stopped
