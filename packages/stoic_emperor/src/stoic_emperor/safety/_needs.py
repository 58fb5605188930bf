"""Which words a pattern cannot do without, read off the pattern itself.

A text in which none of them stands need not be searched for it. Nothing has to be said beside a rule for that, so
nothing can be forgotten when a rule changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_WORDS = re.compile(r" ?[^\W_]+ ?")
#: Words so frequent that a pattern is better known by any other of its words.
_FREQUENT = frozenset(
    (
        "a", "all", "am", "an", "and", "any", "are", "as", "ask", "at", "be", "but", "by", "can", "could", "day", "did",
        "do", "done", "dont", "feel", "for", "from", "get", "go", "going", "had", "has", "have", "he", "her", "his",
        "how", "i", "if", "ill", "im", "in", "into", "is", "it", "its", "ive", "life", "like", "live", "made", "make",
        "man", "may", "me", "more", "must", "my", "myself", "need", "no", "not", "nothing", "now", "of", "off", "on",
        "one", "or", "other", "out", "own", "person", "put", "say", "see", "she", "should", "so", "take", "tell",
        "than", "that", "the", "them", "then", "there", "they", "thing", "things", "think", "this", "time", "to",
        "up", "want", "was", "way", "we", "what", "when", "who", "will", "with", "without", "world", "would", "you",
        "your", "youre", "yourself",
    )
)  # fmt: skip
#: What may follow a backslash and stands for any of several characters, or for none.
_KINDS = "dwb"


def needed(pattern: str) -> frozenset[str]:
    """Words, or parts of words, of which one stands in whatever ``pattern`` matches; empty if it needs none.

    A blank at an end says that the word begins or ends there.

    Args:
        pattern: in the part of the language of `re` that rules are written in; before and behind it stand blanks.

    Raises:
        ValueError: it has something else in it.
    """
    reader = _Reader(pattern)
    alternatives = reader.alternatives()
    reader.end()
    return _needed(alternatives, before=True, behind=True)


@dataclass(frozen=True, slots=True)
class _Part:
    """A letter, a group, or something that may be several things."""

    kind: Literal["letter", "group", "any", "nothing"]
    letter: str = ""
    alternatives: tuple[tuple[_Part, ...], ...] = ()
    at_least: int = 1
    once: bool = True


def _needed(alternatives: tuple[tuple[_Part, ...], ...], *, before: bool, behind: bool) -> frozenset[str]:
    """One of what each alternative needs; ``before`` and ``behind``: whether blanks stand there."""
    branches = [_of_sequence(parts, before=before, behind=behind) for parts in alternatives]
    if not all(branches):
        return frozenset()
    together = frozenset().union(*branches)
    # Where a part of a word is looked for, the whole word need not be.
    return frozenset(word for word in together if not any(part != word and part in word for part in together))


def _of_sequence(parts: tuple[_Part, ...], *, before: bool, behind: bool) -> frozenset[str]:
    """All parts are needed, so those of the rarest words stand for all."""
    found: list[frozenset[str]] = []
    letters = " " if before else ""
    for at, part in enumerate(parts):
        if part.kind == "nothing":
            continue
        if part.kind == "letter" and part.once:
            letters += part.letter
            continue
        found += _alone(f"{letters} " if _begins((part, *parts[at + 1 :]), behind=behind) else letters)
        if part.kind == "group" and part.at_least:
            # Of a group that may come again, what is beside it may be itself.
            sides = {
                "before": part.once and _ends(parts[:at], before=before),
                "behind": part.once and _begins(parts[at + 1 :], behind=behind),
            }
            found.append(_needed(part.alternatives, **sides))
        letters = " " if _ends(parts[: at + 1], before=before) else ""
    found += _alone(f"{letters} " if behind else letters)
    return min(filter(None, found), key=_frequency, default=frozenset())


def _begins(parts: tuple[_Part, ...], *, behind: bool) -> bool:
    """Whether a blank comes first; ``behind``: if there is nothing."""
    for at, part in enumerate(parts):
        if part.kind == "group":
            rest = _begins(parts[at + 1 :], behind=behind)
            return all(_begins(each, behind=rest) for each in part.alternatives) and (part.at_least > 0 or rest)
        if part.kind != "nothing":
            return part.letter == " " and part.at_least > 0
    return behind


def _ends(parts: tuple[_Part, ...], *, before: bool) -> bool:
    """Whether a blank comes last; ``before``: if there is nothing."""
    for at in range(len(parts) - 1, -1, -1):
        part = parts[at]
        if part.kind == "group":
            rest = _ends(parts[:at], before=before)
            return all(_ends(each, before=rest) for each in part.alternatives) and (part.at_least > 0 or rest)
        if part.kind != "nothing":
            return part.letter == " " and part.at_least > 0
    return before


def _alone(letters: str) -> list[frozenset[str]]:
    """Each word; a blank between two belongs to both."""
    return [frozenset([word]) for word in _WORDS.findall(letters.replace(" ", "  "))]


def _frequency(words: frozenset[str]) -> float:
    """How often one of them turns up, roughly: the shorter, the oftener, and parts of words oftener than words."""
    return sum(
        2.0 ** -(len(word.strip()) + 2 * word.count(" ") - (8 if word.strip() in _FREQUENT else 2)) for word in words
    )


class _Reader:
    """Walks through a pattern once."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def alternatives(self) -> tuple[tuple[_Part, ...], ...]:
        """What stands between bars."""
        branches = [self._sequence()]
        while self._takes("|"):
            branches.append(self._sequence())
        return tuple(branches)

    def end(self) -> None:
        """There must be nothing left."""
        if self._at < len(self._pattern):
            raise self._unknown()

    def _sequence(self) -> tuple[_Part, ...]:
        parts = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            parts.append(self._part())
        return tuple(parts)

    def _part(self) -> _Part:
        if self._takes("(?!") or self._takes("(?="):
            self.alternatives()
            self._expect(")")
            return _Part("nothing")
        if self._takes("(?:"):
            alternatives = self.alternatives()
            self._expect(")")
            at_least, once = self._times()
            return _Part("group", alternatives=alternatives, at_least=at_least, once=once)
        letter = self._letter()
        at_least, once = self._times()
        return _Part("letter" if letter else "any", letter, at_least=at_least, once=once)

    def _letter(self) -> str:
        """A letter; none if it may be several."""
        letter = self._pattern[self._at]
        self._at += 1
        if letter == "[":
            self._at = self._pattern.index("]", self._at) + 1
            return ""
        if letter == "\\":
            letter = self._pattern[self._at]
            self._at += 1
            if letter in _KINDS:
                return ""
            if letter.isalnum():
                raise self._unknown()
        elif letter in ".^$()*+?{}":
            raise self._unknown()
        return letter

    def _times(self) -> tuple[int, bool]:
        """How often, at the least, the part before has to be there; and whether exactly once."""
        at_least, once = 1, True
        if self._takes("?") or self._takes("*"):
            at_least, once = 0, False
        elif self._takes("+"):
            once = False
        elif self._takes("{"):
            until = self._pattern.index("}", self._at)
            at_least, once = int(self._pattern[self._at : until].partition(",")[0]), False
            self._at = until + 1
        if not once and not self._takes("?"):
            # Greedy, lazy or possessive: it makes no difference here.
            self._takes("+")
        return at_least, once

    def _takes(self, what: str) -> bool:
        if not self._pattern.startswith(what, self._at):
            return False
        self._at += len(what)
        return True

    def _expect(self, what: str) -> None:
        if not self._takes(what):
            raise self._unknown()

    def _unknown(self) -> ValueError:
        return ValueError(f"a pattern has something at {self._at} that rules do not know")
