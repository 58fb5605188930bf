"""Signs of danger in what a person writes, found by rules and without a model.

Rules come first because they are there when nothing else is: they need no network, answer in milliseconds and do the
same tomorrow. They are meant to err on the side of showing help; what they miss, a model may add
(:mod:`stoic_emperor.safety.second_opinion`), and never take away.
"""

from __future__ import annotations

import re

from stoic_emperor.safety._due import Due
from stoic_emperor.safety._rules import Rule, RuleSet, load_rules
from stoic_emperor.safety._text import LONGEST_WORD, Reading, Spellings, read
from stoic_emperor.safety.findings import Finding, Level

#: How many words before a sign a "not" reaches, and within how many letters the rest of a sentence is looked at.
_REACH = 3
_SENTENCE = 400


class CrisisDetector:
    """Reads messages for signs of danger; one instance serves all, from any thread."""

    def __init__(self, rules: RuleSet | None = None) -> None:
        """Use ``rules``, or the package's own.

        Raises:
            ConfigurationError: The package's rules cannot be read.
        """
        self._rules = rules or load_rules("crisis.yaml", "languages.yaml")
        self._due = Due(self._rules.rules)
        self._spellings = Spellings()

    def check(self, text: str) -> Finding | None:
        """The plainest sign in ``text``, of equally plain ones the first; None when there is none."""
        reading = read(text, self._spellings)
        due = self._due.among(reading.words)
        if not due:
            return None
        reading.text = self._rules.without_idioms(reading.text)
        about_books = self._has("topics", reading.text)
        best: tuple[bool, int, Finding] | None = None
        for rule in due:
            for match in rule.pattern.finditer(reading.text):
                level = self._level(rule, reading, match, about_books=about_books)
                if level is None:
                    continue
                start, end = reading.span(match.start() + 1, match.end())
                found = Finding(rule.category, level, start, end, rule.id)
                if best is None or (level is Level.INDIRECT, start) < best[:2]:
                    best = (level is Level.INDIRECT, start, found)
                if level is Level.EXPLICIT:
                    break
        return best[2] if best else None

    def _has(self, name: str, text: str) -> bool:
        pattern = self._rules.words.get(name)
        return pattern is not None and pattern.search(text) is not None

    def _level(self, rule: Rule, reading: Reading, match: re.Match[str], *, about_books: bool) -> Level | None:
        """How plain this is, where it stands; None when it is nothing."""
        if about_books and (rule.mention or reading.is_quoted(match.start() + 1)):
            return None
        if rule.level is Level.INDIRECT:
            return rule.level
        weakened = (
            (rule.topic and about_books)
            or reading.is_quoted(match.start() + 1)
            or (not rule.own_no and self._negated(reading, match))
            or (rule.past and self._long_ago(reading, match))
        )
        return Level.INDIRECT if weakened else Level.EXPLICIT

    def _negated(self, reading: Reading, match: re.Match[str]) -> bool:
        start, _ = reading.sentence(match.start(), LONGEST_WORD * (_REACH + 1))
        before = reading.text[start : match.start() + 1].split(" ")[-_REACH - 1 :]
        clause = " " + " ".join(before) + reading.text[match.start() + 1 : match.end()] + " "
        exempt = self._rules.words.get("no_negations")
        if exempt is not None:
            clause = exempt.sub(" _", clause)
        return self._has("negations", clause)

    def _long_ago(self, reading: Reading, match: re.Match[str]) -> bool:
        start, end = reading.sentence(match.start() + 1, _SENTENCE)
        sentence = reading.text[start : max(end, match.end()) + 1]
        return self._has("long_ago", sentence) and not self._has("just_now", sentence)
