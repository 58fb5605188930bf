"""Of many rules, those that can match a text at all: mostly none, and that is found out word by word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stoic_emperor.safety._rules import Rule

#: Words that are remembered with what they mean for the rules; more than people use in months.
_MOST = 10_000


class Due:
    """Knows which rules need which words. One serves all, from any thread."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """No word is known yet."""
        self._rules = tuple(rules)
        #: A bit a rule.
        self._always = 0
        self._whole: dict[str, int] = {}
        self._parts: dict[str, int] = {}
        for at, rule in enumerate(self._rules):
            if not rule.needs:
                self._always |= 1 << at
            for need in rule.needs:
                kind = self._whole if need.startswith(" ") and need.endswith(" ") else self._parts
                kind[need] = kind.get(need, 0) | 1 << at
        self._known: dict[str, int] = {}

    def begins(self, letters: str) -> bool:
        """Whether there is a word, or a part of one, that some rule needs and that begins with ``letters``."""
        return any(need.lstrip().startswith(letters) for need in (*self._whole, *self._parts))

    def among(self, words: Iterable[str]) -> list[Rule]:
        """The rules that may match a text of these words, in their order; no other can."""
        due = self._bits(words)
        found = []
        while due:
            first = due & -due
            found.append(self._rules[first.bit_length() - 1])
            due ^= first
        return found

    def _bits(self, words: Iterable[str]) -> int:
        due = self._always
        for word in words:
            known = self._known.get(word)
            due |= self._look_up(word) if known is None else known
        return due

    def _look_up(self, word: str) -> int:
        # A few words are told as two, such as "want to".
        due, bounded = 0, f" {word} "
        for each in word.split(" "):
            due |= self._whole.get(f" {each} ", 0)
        for part, rules in self._parts.items():
            if part in bounded:
                due |= rules
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[word] = due
        return due
