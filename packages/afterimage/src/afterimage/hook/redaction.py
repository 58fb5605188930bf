"""Secrets are taken out before anything is written down.

A rule costs a look for a few literals, and only where one stands in the text, its pattern. Compiling a pattern takes
longer than the rest of the hook, so warm processes compile all of them (`compile_rules`) into a file that this
interpreter's `_sre` takes as it is; without the file, or made by another version, the hook compiles what it needs.
"""

from . import files
from .redaction_rules import RULES as _RULES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Rule = tuple[str, tuple[str, ...], str, int, float]

RULES: "tuple[Rule, ...]" = _RULES

#: What stands in place of what there was no time to look at: it is not stored unseen.
LEFT_OUT = "[left out: no time to look for secrets]"
#: How much is looked at without asking for the time.
_PIECE = 1 << 18
#: How far pieces overlap, so that a secret at their border is seen whole.
_OVERLAP = 1 << 12


class Redactor:
    """Takes secrets out of texts until ``late`` says that the time is up."""

    def __init__(self, compiled: str = "", late: "Callable[[], bool]" = bool) -> None:
        self._file = compiled
        self._late = late
        self._codes: dict[str, Any] | None = None
        self._patterns: dict[str, Any] = {}
        #: Names of the rules that found something.
        self.found: list[str] = []

    def __call__(self, text: str) -> str:
        """``text`` with ``[redacted: RULE]`` in place of each secret."""
        if len(text) <= _PIECE:
            return self._piece(text)
        cuts = []
        start = 0
        while start < len(text):
            end = start + _PIECE
            if end < len(text):
                # At a line's end, lest a secret be cut in two.
                end = text.rfind("\n", end - _OVERLAP, end) + 1 or end
            cuts.append(text[start:end])
            start = end
        return "".join(map(self._piece, cuts))

    def _piece(self, text: str) -> str:
        low = text.lower()
        for rule in RULES:
            if rule[1] and not any(literal in low for literal in rule[1]):
                continue
            if self._late():
                return LEFT_OUT
            text = self._apply(rule, text)
        return text

    def _apply(self, rule: "Rule", text: str) -> str:
        name, _, _, group, entropy = rule
        parts: list[str] = []
        start = 0
        for match in self._pattern(rule).finditer(text):
            begin, end = match.span(group)
            if begin < start or (entropy and entropy_of(text[begin:end]) < entropy):
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

                self._patterns[name] = _sre.compile(*code)
        return self._patterns[name]


def entropy_of(text: str) -> float:
    """Bits a letter, by how often each letter is in ``text``."""
    from math import log2

    shares = [text.count(letter) / len(text) for letter in set(text)]
    return -sum(share * log2(share) for share in shares)


def compiled_name() -> str:
    """The name of the file with the compiled rules for this interpreter and these rules."""
    import _sre
    from zlib import crc32

    return f"rules-{_sre.MAGIC}-{_sre.CODESIZE}-{crc32(repr(RULES).encode()):08x}"


def compile_rules(folder: str) -> None:
    """Write the compiled rules into ``folder``, unless they are there. For warm processes; raises OSError."""
    import marshal

    path = f"{folder}/{compiled_name()}"
    if files.exists(path):
        return
    codes = {rule[0]: _code(rule[2]) for rule in RULES}
    files.make_folder(folder)
    unfinished = f"{path}.{files.posix.getpid()}"
    files.create(unfinished, marshal.dumps({name: code for name, code in codes.items() if code}))
    files.posix.replace(unfinished, path)


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
