"""Whether a sentence that is not complete yet may become one that a rule matches."""

from __future__ import annotations

import regex

from stoic_emperor.safety._rules import Rule


class Begun:
    """Looks for the beginnings of matches. One serves all, from any thread.

    `re` tells whole matches alone; `regex` also tells one that the text's end cuts off.
    """

    def __init__(self) -> None:
        """No rule is compiled yet: all of them take 50 ms, and a reply needs few."""
        self._patterns: dict[str, regex.Pattern[str]] = {}

    def by(self, rule: Rule, text: str) -> bool:
        """Whether ``rule`` matches, or ``text`` ends in a beginning of what it matches that has a word which it needs.

        Args:
            rule: one that may match a text of these words.
            text: words as rules know them, a blank behind each.
        """
        pattern = self._patterns.get(rule.id)
        if pattern is None:
            pattern = self._patterns[rule.id] = regex.compile(rule.pattern.pattern)
        # The longest beginning comes first, so what it lacks no other has.
        found = pattern.search(text, partial=True)
        if found is None:
            return False
        begun = text[found.start() :]
        return not found.partial or not rule.needs or any(need in begun for need in rule.needs)
