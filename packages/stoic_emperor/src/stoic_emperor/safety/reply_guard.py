"""Watches a reply while it streams, and stops it before it says what must not be said.

The guard looks at fixed places of the reply (every :data:`STEP` letters), never at the pieces in which it arrives, so
what is shown does not depend on how a model or a network cuts it. The last :data:`HOLD` letters before such a place
stay back, because a sentence may turn only at its end: the screen is never more than ``HOLD + STEP`` letters behind.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from stoic_emperor.safety._rules import Rule, RuleSet, load_rules
from stoic_emperor.safety._text import Reading, read
from stoic_emperor.safety.findings import Category, Level

_LOG = logging.getLogger(__name__)

#: Finds the first thing in a text, from a place on, that must not be said.
Look = Callable[[str, int], tuple[Rule, int] | None]

#: The reply is looked at anew each time it has grown by so many letters.
STEP = 64
#: So many letters stay unshown until what follows them is known.
HOLD = 128
#: So much of the reply is looked at, each time.
WINDOW = 600

#: The beginning of a window that does not begin the reply serves as context: what stands there was judged before.
CONTEXT = 280

_SENTENCE = 280
_SENTENCE_END = re.compile(r"[.!?…\n]+\s*")
#: Rules of what a person writes that a reply may not say of its speaker either.
_OWN_CRISIS = frozenset({Category.SUICIDE, Category.SELF_HARM})
_READER = re.compile(r" (?:you|your|youre|yourself|youve) ")


@dataclass(frozen=True, slots=True)
class GuardStop:
    """Why a reply was stopped. It names the rule and the place, never the words."""

    category: Category
    rule: str
    #: how much of the reply was shown
    shown: int


class ReplyRules:
    """What a reply must not say; shared by all guards."""

    def __init__(self, rules: RuleSet | None = None, crisis: RuleSet | None = None) -> None:
        """Use the given rules, or the package's own.

        Raises:
            ConfigurationError: The package's rules cannot be read.
        """
        self._reply = rules or load_rules("reply.yaml")
        self._crisis = crisis or load_rules("crisis.yaml")
        self._own_crisis = [
            rule for rule in self._crisis.rules if rule.level is Level.EXPLICIT and rule.category in _OWN_CRISIS
        ]

    def first(self, text: str, after: int = 0) -> tuple[Rule, int] | None:
        """The first thing in ``text`` that must not be said and begins at ``after`` or later, and where it begins."""
        reading = read(text)
        hits = list(self._hits(reading, self._reply.rules))
        if self._crisis.idioms is not None:
            reading.text = self._crisis.idioms.sub(lambda found: " " + "_" * (len(found.group()) - 1), reading.text)
        hits += self._hits(reading, self._own_crisis, of_speaker=True)
        hits = [hit for hit in hits if hit[0] >= after]
        if not hits:
            return None
        start, rule = min(hits, key=lambda hit: (hit[0], hit[1].id))
        return rule, start

    def _hits(self, reading: Reading, rules: Iterable[Rule], *, of_speaker: bool = False) -> Iterator[tuple[int, Rule]]:
        for rule in rules:
            for match in rule.pattern.finditer(reading.text):
                spoken_about = reading.is_quoted(match.start() + 1) or _READER.search(match.group()) is not None
                if not (of_speaker and spoken_about) and not self._careful(rule, reading, match):
                    yield reading.span(match.start() + 1, match.end())[0], rule

    def _careful(self, rule: Rule, reading: Reading, match: re.Match[str]) -> bool:
        """Whether words before the match show that it is spoken about, or against, not for."""
        start, _ = reading.sentence(match.start(), _SENTENCE)
        before = reading.text[start : match.start() + 1] + " "
        said = before if rule.own_no else before + reading.text[match.start() + 1 : match.end()] + " "
        said = self._reply.words["no_negations"].sub(" _", said)
        if self._reply.words["negations"].search(said) is not None:
            return True
        return self._reply.words["care"].search(before) is not None


class ReplyGuard:
    """Stands between one streaming reply and the screen.

    ``feed`` returns what may be shown now and, once :attr:`stopped` is set, nothing more; ``finish`` returns the rest.
    """

    def __init__(self, look: Look) -> None:
        """Guard one reply with ``look``, usually :meth:`ReplyRules.first`."""
        self._look = look
        self._text = ""
        self._looked = 0
        self._shown = 0
        self.stopped: GuardStop | None = None

    def feed(self, delta: str) -> str:
        """Take the next piece of the reply; what may be shown now."""
        if self.stopped is not None:
            return ""
        self._text += delta
        shown_before = self._shown
        while self._looked + STEP <= len(self._text):
            self._looked += STEP
            if not self._is_fine(self._looked, last=False):
                break
            self._shown = max(self._shown, self._looked - HOLD)
        return self._text[shown_before : self._shown]

    def finish(self) -> str:
        """The reply is complete: look at its end; what may still be shown."""
        if self.stopped is not None:
            return ""
        shown_before = self._shown
        if self._is_fine(len(self._text), last=True):
            self._shown = len(self._text)
        return self._text[shown_before : self._shown]

    def _is_fine(self, end: int, *, last: bool) -> bool:
        start, end = self._whole_words(end, last=last)
        try:
            hit = self._look(self._text[start:end], CONTEXT if start else 0)
        except Exception as error:  # noqa: BLE001 - a guard that is broken must stop the reply, whatever broke
            _LOG.error("The reply guard failed (%s); the reply is stopped", type(error).__name__)
            self.stopped = GuardStop(Category.UNKNOWN, "guard-failed", self._shown)
            return False
        if hit is None:
            return True
        rule, at = hit
        self._shown = max(self._shown, self._sentence_start(start + at))
        self.stopped = GuardStop(rule.category, rule.id, self._shown)
        return False

    def _whole_words(self, end: int, *, last: bool) -> tuple[int, int]:
        """The window before ``end`` without the parts of words at its edges: "skill yourself" says nothing."""
        start = max(end - WINDOW, 0)
        if start > 0 and not self._text[start - 1].isspace():
            blank = next((i for i in range(start, end) if self._text[i].isspace()), start)
            start = blank
        if not last:
            end = next((i for i in range(end, start, -1) if self._text[i - 1].isspace()), end)
        return start, end

    def _sentence_start(self, position: int) -> int:
        ends = [found.end() for found in _SENTENCE_END.finditer(self._text, max(position - _SENTENCE, 0), position)]
        return ends[-1] if ends else max(position - _SENTENCE, 0)
