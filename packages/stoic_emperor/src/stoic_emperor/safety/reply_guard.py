"""Watches a reply while it streams, and stops it before it says what must not be said.

No rule reaches beyond a sentence, so a sentence that is complete and fine is shown at once. Of the first, for which
somebody waits before an empty screen, the words are shown as they come, unless a rule matches or may be about to: then
they wait for those that decide it. Of a long one the last :data:`HOLD` letters stay back, because it may turn only at
its end; the screen is never ``HOLD + STEP`` letters behind. The places where the guard looks are places of the reply,
not the pieces in which it arrives, so what is shown does not depend on how a model or a network cuts it. The letters of
the very first word alone are shown as they come, if no word that a rule needs begins with them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from stoic_emperor.safety._begun import Begun
from stoic_emperor.safety._due import Due
from stoic_emperor.safety._rules import Rule, RuleSet, load_rules
from stoic_emperor.safety._text import Reading, Spellings, read
from stoic_emperor.safety.findings import Category, Level

_LOG = logging.getLogger(__name__)

#: Finds the first thing in a text, from a place on, that must not be said.
Look = Callable[[str, int], tuple[Rule, int] | None]
#: Whether a sentence that begins so may be shown so far, before it is complete.
IsFree = Callable[[str], bool]

#: A long sentence is looked at anew each time it has grown by so many letters; shorter ones together.
STEP = 64
#: So many letters of an unfinished sentence stay unshown until what follows them is known.
HOLD = 128
#: So much of the reply is looked at, each time, at most.
WINDOW = 600

#: Of the words that are shown as they come, the very first at once, the others so many letters together: each piece
#: that is shown costs whoever shows it as much as a sentence.
TOGETHER = 24

#: What stands before the part that is judged serves as context, as far as this.
CONTEXT = 280

_SENTENCE = 280
_SENTENCE_END = re.compile(r"[.!?…\n]+\s*")
#: The end of a sentence that can be told without what follows it: the marks of `_text`, and never inside "k.i.l.l".
_COMPLETE = re.compile(r"""[.!?;…。!?]["'”’»›)\]*_]*\s|[\n\r]""")
#: So many letters, at least, are looked at together.
_LEAST = STEP // 2
#: Rules of what a person writes that a reply may not say of its speaker either.
_OWN_CRISIS = frozenset({Category.SUICIDE, Category.SELF_HARM})
#: A word and the blank behind it.
_WHOLE = re.compile(r"\s*(\S+)\s")
#: Letters alone, and more than one: what is spelt out ("k i l l"), counted or hidden is not shown word by word.
_PLAIN = re.compile(r"""["'“”‘’*_(]*(?:[IiAaO]|[^\W\d_]{2,}(?:['’\-][^\W\d_]{2,}|['’][^\W\d_])*)["'”’*_),.!?…:;—–-]*""")
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
        own = [rule for rule in self._crisis.rules if rule.level is Level.EXPLICIT and rule.category in _OWN_CRISIS]
        self._own_crisis = frozenset(rule.id for rule in own)
        self._due = Due((*self._reply.rules, *own))
        self._begun = Begun()
        self._spellings = Spellings()

    def first(self, text: str, after: int = 0) -> tuple[Rule, int] | None:
        """The first thing in ``text`` that must not be said and begins at ``after`` or later, and where it begins."""
        # No rule reaches beyond a sentence, so that what stands before is read only where something was found.
        begins = max((end.end() for end in _COMPLETE.finditer(text, 0, after)), default=0)
        alone = read(text[begins:], self._spellings)
        due = {rule.id: rule for rule, _ in self._matches(alone, self._due.among(alone.words))}
        if not due:
            return None
        reading = read(text, self._spellings)
        hits = [
            (reading.span(match.start() + 1, match.end())[0], rule)
            for rule, match in self._matches(reading, due.values())
            if not (rule.id in self._own_crisis and _is_spoken_about(reading, match))
            and not self._careful(rule, reading, match)
        ]
        hits = [hit for hit in hits if hit[0] >= after]
        if not hits:
            return None
        start, rule = min(hits, key=lambda hit: (hit[0], hit[1].id))
        return rule, start

    def is_free(self, sentence: str) -> bool:
        """Whether nothing stands in the beginning of a sentence that a rule matches, or may match with what follows.

        Args:
            sentence: whole words, the last with a blank behind it; or the first letters of the first word.
        """
        words = read(sentence, self._spellings).words
        if not sentence[-1:].isspace():
            return bool(words) and not self._due.begins(words[-1])
        due = self._due.among(words)
        if not due:
            return True
        text = " ".join([" .", *words, ""])
        if any(self._begun.by(rule, text) for rule in due):
            return False
        # Without an idiom the speaker's own crisis may reach further; and it may be none once more has come.
        own = [rule for rule in due if rule.id in self._own_crisis]
        return not own or not any(self._begun.by(rule, self._crisis.without_idioms(text)) for rule in own)

    def _matches(self, reading: Reading, rules: Iterable[Rule]) -> Iterator[tuple[Rule, re.Match[str]]]:
        """Where rules match; from those of the speaker's own crisis on, ``reading`` is without idioms."""
        rules = tuple(rules)
        own = [rule for rule in rules if rule.id in self._own_crisis]
        for rule in rules:
            if rule.id not in self._own_crisis:
                yield from ((rule, match) for match in rule.pattern.finditer(reading.text))
        if own:
            reading.text = self._crisis.without_idioms(reading.text)
        for rule in own:
            yield from ((rule, match) for match in rule.pattern.finditer(reading.text))

    def _careful(self, rule: Rule, reading: Reading, match: re.Match[str]) -> bool:
        """Whether words before the match show that it is spoken about, or against, not for."""
        # A match that begins with the mark before its sentence belongs to that sentence, not to the one before.
        inside = match.start() + (2 if reading.text.startswith(" . ", match.start()) else 0)
        start, _ = reading.sentence(inside, _SENTENCE)
        before = reading.text[start : match.start() + 1] + " "
        said = before if rule.own_no else before + reading.text[match.start() + 1 : match.end()] + " "
        said = self._reply.words["no_negations"].sub(" _", said)
        if self._reply.words["negations"].search(said) is not None:
            return True
        return self._reply.words["care"].search(before) is not None


def _is_spoken_about(reading: Reading, match: re.Match[str]) -> bool:
    """Whether the words are another's, or the reader's, and not the speaker's own."""
    return reading.is_quoted(match.start() + 1) or _READER.search(match.group()) is not None


def _never(_sentence: str) -> bool:
    return False


class ReplyGuard:
    """Stands between one streaming reply and the screen.

    ``feed`` returns what may be shown now and, once :attr:`stopped` is set, nothing more; ``finish`` returns the rest.
    """

    def __init__(self, look: Look, is_free: IsFree = _never) -> None:
        """Guard one reply with ``look``, usually :meth:`ReplyRules.first`, and :meth:`ReplyRules.is_free`."""
        self._look = look
        self._is_free = is_free
        self._text = ""
        #: Everything before may be shown; what before ``_judged`` is complete, and cannot turn any more.
        self._shown = 0
        self._judged = 0
        #: The first sentence was read word by word up to here, is free up to there, or waits for its end.
        self._read = 0
        self._free = 0
        self._held = False
        #: So much was given out.
        self._out = 0
        self.stopped: GuardStop | None = None

    def feed(self, delta: str) -> str:
        """Take the next piece of the reply; what may be shown now."""
        if self.stopped is not None:
            return ""
        self._text += delta
        while True:
            place = self._next_place()
            self._go_on(len(self._text) if place is None else place[0])
            if place is None or not self._is_fine(place[0], last=False):
                break
            end, complete = place
            self._shown = end if complete else max(self._shown, end - HOLD)
            if complete:
                self._judged = end
                self._held = True
        return self._given_out()

    def finish(self) -> str:
        """The reply is complete: look at its end; what may still be shown."""
        if self.stopped is not None or self._shown == len(self._text):
            return ""
        if self._is_fine(len(self._text), last=True):
            self._shown = len(self._text)
        return self._given_out()

    def _given_out(self) -> str:
        begin = self._out
        waits = begin > 0 and self._free < begin + TOGETHER and self.stopped is None
        self._out = max(begin, self._shown, 0 if waits else self._free)
        return self._text[begin : self._out]

    def _go_on(self, limit: int) -> None:
        """Over the words of the first sentence, and how far it may be shown before it is complete."""
        while not self._held and (found := _WHOLE.match(self._text, self._read, limit)) is not None:
            self._read = found.end()
            self._held = self._read > HOLD + STEP or _PLAIN.fullmatch(found[1]) is None
            if not self._held and self._is_free(self._text[: self._read]):
                self._free = self._read
        if self._read == 0 and _PLAIN.fullmatch(self._text[:limit]) and self._is_free(self._text[:limit]):
            self._free = limit

    def _next_place(self) -> tuple[int, bool] | None:
        """Where to look next, and whether a sentence ends there; None if it has not come yet."""
        within = self._shown + HOLD + STEP
        end = _COMPLETE.search(self._text, max(self._shown, self._judged + _LEAST), within)
        if end is not None:
            return end.end(), True
        return (within, False) if within <= len(self._text) else None

    def _is_fine(self, end: int, *, last: bool) -> bool:
        start, end = self._whole_words(end, last=last)
        # What was judged is judged; of a sentence that alone fills the window, only the context was.
        after = max(self._judged - start, CONTEXT if start > self._judged else 0)
        try:
            hit = self._look(self._text[start:end], after)
        except Exception as error:  # noqa: BLE001 - a guard that is broken must stop the reply, whatever broke
            _LOG.error("The reply guard failed (%s); the reply is stopped", type(error).__name__)
            self._stop(Category.UNKNOWN, "guard-failed", self._shown)
            return False
        if hit is None:
            return True
        rule, at = hit
        self._stop(rule.category, rule.id, self._sentence_start(start + at))
        return False

    def _stop(self, category: Category, rule: str, at: int) -> None:
        self._shown = max(self._shown, self._free, at)
        self.stopped = GuardStop(category, rule, self._shown)

    def _whole_words(self, end: int, *, last: bool) -> tuple[int, int]:
        """The window before ``end`` without the parts of words at its edges: "skill yourself" says nothing."""
        start = max(end - WINDOW, self._judged - CONTEXT, 0)
        if start > 0 and not self._text[start - 1].isspace():
            blank = next((i for i in range(start, end) if self._text[i].isspace()), start)
            start = blank
        if not last:
            end = next((i for i in range(end, start, -1) if self._text[i - 1].isspace()), end)
        return start, end

    def _sentence_start(self, position: int) -> int:
        ends = [found.end() for found in _SENTENCE_END.finditer(self._text, max(position - _SENTENCE, 0), position)]
        return ends[-1] if ends else max(position - _SENTENCE, 0)
