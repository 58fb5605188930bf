"""Secrets are taken out before anything is written down.

Two kinds of rules. General ones of our own (`redaction_rules`), for passwords in assignments, URLs and command lines.
And a table of what vendors' secrets look like (`redaction_table.tsv`), made from a maintained detector.

A rule costs a look for a few literals, and only where one stands in the text, its pattern; those of the table are
looked for only in lines with a word that may be a secret. Compiling a pattern takes longer than the rest of the hook,
so warm processes compile all of them (`compile_rules`) into a file that this interpreter's `_sre` takes as it is;
without the file, or made by another version, the hook compiles what it needs.
"""

from . import files
from .redaction_rules import NAMES
from .redaction_rules import RULES as _RULES

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable
    from typing import Any

    Match = re.Match[str]
    Rule = tuple[str, tuple[str, ...], str, int, float]

RULES: "tuple[Rule, ...]" = _RULES
_TABLE = files.parent(__file__) + "/redaction_table.tsv"

#: What stands in place of what there was no time to look at: it is not stored unseen.
LEFT_OUT = "[left out: no time to look for secrets]"
#: How much is looked at without asking for the time.
_PIECE = 1 << 18
#: How far a rule sees beyond a piece: more than any of them can match, so that pieces are not to be told from a whole.
_OVERLAP = 1 << 15
#: So many names, and lines, are looked at without asking for the time.
_NAMES_AT_ONCE = 1_000
_LINES_AT_ONCE = 10_000
_PRIVATE_KEY = "private-key"
#: A word that may be a secret has so many letters, with a digit among them, or so many in a row; and as many lines
#: before it may say what it is.
_WORD = 14
_LETTERS = 24
_BEFORE = 2
#: Everything that ends a word becomes a space; lines stay.
_SPACES = bytes(c if chr(c).isascii() and (chr(c).isalnum() or chr(c) in "_-+\n") else 32 for c in range(256))
_DIGITS = b"0123456789"


class Redactor:
    """Takes secrets out of texts until ``late`` says that the time is up."""

    def __init__(self, compiled: str = "", late: "Callable[[], bool]" = bool) -> None:
        self._file = compiled
        self._late = late
        self._codes: dict[str, Any] | None = None
        self._patterns: dict[str, Any] = {}
        #: A text, and where names of secrets begin in it.
        self._named_in: tuple[str, list[int] | None] = "", []
        #: Names of the rules that found something.
        self.found: list[str] = []

    def __call__(self, text: str) -> str:
        """``text`` with ``[redacted: RULE]`` in place of each secret."""
        low = text.lower()
        if "private key" in low:
            if self._late():
                return LEFT_OUT
            from .private_keys import without_private_keys

            cleaned = without_private_keys(text, f"[redacted: {_PRIVATE_KEY}]")
            if cleaned != text:
                self.found.append(_PRIVATE_KEY)
                text = cleaned
        suspicious = suspicious_lines(text, low, self._late)
        if suspicious is None:
            return LEFT_OUT
        # These are the literals of many rules.
        named = any(name in low for name in NAMES)
        for where, rules in ((suspicious, table() if suspicious else ()), (low, RULES)):
            for rule in rules:
                if not (named if rule[1] is NAMES else any(literal in where for literal in rule[1])):
                    continue
                found = self._named(rule, text) if rule[1] is NAMES else self._anywhere(rule, text)
                without = None if found is None else self._without(rule, text, found)
                if without is None:
                    return LEFT_OUT
                text = without
        return text

    def _anywhere(self, rule: "Rule", text: str) -> "list[Match] | None":
        """Where the pattern of ``rule`` matches; None when there is no time left."""
        found: list[Match] = []
        pattern = None
        at = 0
        for border in range(_PIECE, len(text) + _PIECE, _PIECE):
            if self._late():
                return None
            pattern = pattern or self._pattern(rule)
            for match in pattern.finditer(text, at, border + _OVERLAP):
                if match.start() >= border:
                    break
                at = match.end()
                found.append(match)
            at = max(at, border)
        return found

    def _named(self, rule: "Rule", text: str) -> "list[Match] | None":
        """The same for a pattern that begins with one of `NAMES`: to look for these takes a tenth of the time."""
        if self._late():
            return None
        starts = self._starts(text)
        if starts is None:
            return self._anywhere(rule, text)
        match_at = self._pattern(rule).match
        found: list[Match] = []
        end = 0
        for number, start in enumerate(starts):
            if number % _NAMES_AT_ONCE == _NAMES_AT_ONCE - 1 and self._late():
                return None
            if start >= end and (match := match_at(text, start)):
                end = match.end()
                found.append(match)
        return found

    def _starts(self, text: str) -> "list[int] | None":
        """Where names of secrets begin; None where that cannot be told from the small letters."""
        if self._named_in[0] is not text:
            low = text.lower()
            starts = set()
            for name in NAMES:
                at = low.find(name)
                while at >= 0:
                    starts.add(at)
                    at = low.find(name, at + 1)
            # A letter that is two when it is small moves what comes after it.
            self._named_in = text, sorted(starts) if len(low) == len(text) else None
        return self._named_in[1]

    def _without(self, rule: "Rule", text: str, found: "list[Match]") -> str:
        """``text`` without what was found, unless it is too plain for a secret."""
        name, _, _, group, entropy = rule
        parts: list[str] = []
        start = 0
        for match in found:
            begin, end = match.span(group)
            if entropy and entropy_of(text[begin:end]) < entropy:
                continue
            parts += (text[start:begin], f"[redacted: {name}]")
            start = end
        if not parts:
            return text
        self.found.append(name)
        return "".join(parts) + text[start:]

    def _pattern(self, rule: "Rule") -> "Any":
        name = rule[0]
        if name not in self._patterns:
            if self._codes is None:
                self._codes = _load(self._file)
            code = self._codes.get(name)
            if code is None:
                import re

                self._patterns[name] = re.compile(rule[2])
            else:
                import _sre  # type: ignore[import-not-found]
                import marshal

                self._patterns[name] = _sre.compile(*marshal.loads(code))  # noqa: S302  # from the user's own folder
        return self._patterns[name]


def table() -> "tuple[Rule, ...]":
    """The rules of the table."""
    lines = files.read_text(_TABLE, 1 << 20).split("\n")
    rows = (line.split("\t") for line in lines if line and line[0] != "#")
    return tuple(
        (name, tuple(literals.split(",")), pattern, int(group), float(entropy))
        for name, literals, group, entropy, pattern in rows
    )


def suspicious_lines(text: str, low: str, late: "Callable[[], bool]" = bool) -> "str | None":
    """The lines of ``low`` in which a word may be a secret, with those before them; empty if there are none.

    None if ``late`` says that the time is up.
    """
    # A letter that is two when it is small, or none in bytes, moves no line.
    words = text.encode("utf-8", "replace").translate(_SPACES).split(b"\n")
    lines = low.split("\n")
    found: dict[int, None] = {}
    for number, line in enumerate(words):
        if number % _LINES_AT_ONCE == _LINES_AT_ONCE - 1 and late():
            return None
        if len(line) >= _WORD and any(map(_may_be_secret, line.split())):
            found |= dict.fromkeys(range(max(number - _BEFORE, 0), number + 1))
    return "\n".join([lines[number] for number in found])


def _may_be_secret(word: bytes) -> bool:
    if len(word) < _WORD:
        return False
    if len(word.translate(None, _DIGITS)) < len(word):
        return True
    return len(word) >= _LETTERS and max(map(len, word.replace(b"-", b"_").split(b"_"))) >= _LETTERS


def entropy_of(text: str) -> float:
    """Bits a letter, by how often each letter is in ``text``."""
    from math import log2

    shares = [text.count(letter) / len(text) for letter in set(text)]
    return -sum(share * log2(share) for share in shares)


def compiled_name() -> str:
    """The name of the file with the compiled rules for this interpreter and these rules."""
    import _sre
    from zlib import crc32

    rules = crc32(repr(RULES).encode(), crc32(files.read(_TABLE, 1 << 20) or b""))
    return f"rules-{_sre.MAGIC}-{_sre.CODESIZE}-{rules:08x}"


def compile_rules(folder: str) -> None:
    """Write the compiled rules into ``folder``, unless they are there. For warm processes; raises OSError."""
    import marshal

    path = f"{folder}/{compiled_name()}"
    if files.exists(path):
        return
    codes = {rule[0]: _code(rule[2]) for rule in (*RULES, *table())}
    files.make_folder(folder)
    # Each by itself, so that only those that are needed are read.
    files.replace(path, marshal.dumps({name: marshal.dumps(code) for name, code in codes.items() if code}))


def _code(pattern: str) -> "tuple[Any, ...] | None":
    """What `_sre.compile` takes; None where this Python's `re` is put together in another way."""
    try:
        from re import _compiler, _parser  # type: ignore[attr-defined]

        parsed = _parser.parse(pattern, 0)
        code = _compiler._code(parsed, 0)  # noqa: SLF001  # where it is not there, nothing is lost but time
        named = dict(parsed.state.groupdict)
        names = [None] * parsed.state.groups
    except (ImportError, AttributeError):
        return None
    for name, number in named.items():
        names[number] = name
    return pattern, int(parsed.state.flags), list(map(int, code)), parsed.state.groups - 1, named, tuple(names)


def _load(path: str) -> "dict[str, Any]":
    import marshal

    data = files.read(path, 1 << 24) if path else None
    try:
        found = marshal.loads(data) if data else {}  # noqa: S302  # from the user's own folder
    except (ValueError, EOFError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
