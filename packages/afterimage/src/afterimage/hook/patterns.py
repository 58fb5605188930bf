"""The patterns of an ignore file, as git reads them: gitignore(5). There is no time to load `re` for them."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    #: One letter of a name: as it is, empty for any, or a class: whether it is negated, and its ranges.
    Sign = str | tuple[bool, list[tuple[str, str]]]

_SPECIAL = frozenset("*?[\\")
_DIGIT, _LOWER, _UPPER = ("0", "9"), ("a", "z"), ("A", "Z")
_CLASSES = {
    "alnum": [_DIGIT, _LOWER, _UPPER],
    "alpha": [_LOWER, _UPPER],
    "blank": [(" ", " "), ("\t", "\t")],
    "cntrl": [("\0", "\x1f"), ("\x7f", "\x7f")],
    "digit": [_DIGIT],
    "graph": [("!", "~")],
    "lower": [_LOWER],
    "print": [(" ", "~")],
    "punct": [("!", "/"), (":", "@"), ("[", "`"), ("{", "~")],
    "space": [(" ", " "), ("\t", "\n"), ("\r", "\r")],
    "upper": [_UPPER],
    "xdigit": [_DIGIT, ("a", "f"), ("A", "F")],
}


class Pattern:
    """One line of an ignore file."""

    __slots__ = ("_folders_only", "_least", "_name", "_parts", "negated")

    def __init__(self, line: str) -> None:
        self.negated = line.startswith("!")
        line = line[1:] if self.negated else line
        self._folders_only = line.endswith("/")
        line = line.removesuffix("/")
        #: Where no folder is named, it is looked for in any.
        self._name = None if "/" in line else Glob(line)
        parts = line.removeprefix("/").split("/")
        #: None for any number of folders; at the end that is all that is inside.
        self._parts = [None if len(part) > 1 and not part.strip("*") else Glob(part) for part in parts]
        if self._parts[-1] is None:
            self._parts.append(Glob("*"))
        self._least = len(self._parts) - self._parts.count(None)

    def means(self, parts: "Sequence[str]", *, folder: bool) -> bool:
        """Whether it means just what is at ``parts``, and not what that is in.

        Args:
            folder: whether that is a folder.
        """
        if self._folders_only and not folder:
            return False
        if self._name is not None:
            return self._name(parts[-1])
        return self._least <= len(parts) and self._covers(parts)

    def _covers(self, parts: "Sequence[str]") -> bool:
        """Only the last of those that take any number ever takes more: whatever an earlier one could, it can."""
        wanted = self._parts
        at = step = resume = 0
        found = -1
        while at < len(parts):
            glob = wanted[step] if step < len(wanted) else None
            if glob is not None and glob(parts[at]):
                step += 1
                at += 1
            elif glob is None and step < len(wanted):
                found, resume = step, at
                step += 1
            elif found >= 0:
                resume += 1
                step, at = found + 1, resume
            else:
                return False
        return step == len(wanted)


class Glob:
    """The pattern of one name: * for any letters, ? for one, [a-z] for one of some, a backslash before a sign."""

    __slots__ = ("_literal", "_pieces")

    def __init__(self, pattern: str) -> None:
        self._literal = pattern if _SPECIAL.isdisjoint(pattern) else None
        #: What stands between the stars; None if it can mean nothing.
        self._pieces = _pieces(pattern) if self._literal is None else None

    def __call__(self, name: str) -> bool:
        """Whether it means ``name``."""
        if self._literal is not None:
            return name == self._literal
        if self._pieces is None or sum(map(len, self._pieces)) > len(name):
            return False
        first, *more = self._pieces
        if not more:
            return len(name) == len(first) and _stands(name, first, 0)
        last = more.pop()
        at, end = len(first), len(name) - len(last)
        if not _stands(name, first, 0) or not _stands(name, last, end):
            return False
        for piece in more:
            at = _find(name, piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return True


def like(name: str, pattern: str) -> bool:
    """Whether ``name`` is as ``pattern`` says."""
    return Glob(pattern)(name)


def _stands(name: str, piece: "list[Sign]", at: int) -> bool:
    return all(_is(letter, sign) for letter, sign in zip(name[at : at + len(piece)], piece, strict=True))


def _find(name: str, piece: "list[Sign]", at: int, end: int) -> int:
    """Where ``piece`` stands first from ``at`` on and before ``end``; -1 if nowhere."""
    return next((start for start in range(at, end - len(piece) + 1) if _stands(name, piece, start)), -1)


def _is(letter: str, sign: "Sign") -> bool:
    if isinstance(sign, str):
        return not sign or sign == letter
    negated, ranges = sign
    return negated != any(low <= letter <= high for low, high in ranges)


def _pieces(pattern: str) -> "list[list[Sign]] | None":
    pieces: list[list[Sign]] = [[]]
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        at += 1
        if letter == "*":
            pieces.append([])
        elif letter == "?":
            pieces[-1].append("")
        elif letter == "[":
            found = _class(pattern, at)
            if found is None:
                return None
            sign, at = found
            pieces[-1].append(sign)
        else:
            letter, at = _plain(pattern, at - 1)
            if not letter:
                return None
            pieces[-1].append(letter)
    return pieces


def _plain(pattern: str, at: int) -> tuple[str, int]:
    """The letter that is meant at a place, and the place after it; empty if there is none."""
    if pattern[at : at + 1] == "\\":
        at += 1
    return pattern[at : at + 1], at + 1


def _class(pattern: str, at: int) -> "tuple[Sign, int] | None":
    """The class that begins after a bracket, and the place after it; None if it never ends, or makes no sense."""
    negated = pattern[at : at + 1] in {"!", "^"}
    at += negated
    start = at
    ranges: list[tuple[str, str]] = []
    #: What a range could begin with.
    before = ""
    while at < len(pattern):
        sign = pattern[at]
        if sign == "]" and at > start:
            return (negated, ranges), at + 1
        end = pattern.find("]", at + 2) if pattern.startswith("[:", at) else 0
        if end < 0:
            return None
        if end and pattern[end - 1] == ":" and end > at + 2:
            if (named := _CLASSES.get(pattern[at + 2 : end - 1])) is None:
                return None
            ranges += named
            before, at = "", end + 1
        elif sign == "-" and before and pattern[at + 1 : at + 2] not in {"", "]"}:
            last, at = _plain(pattern, at + 1)
            ranges.append((before, last))
            before = ""
        else:
            before, at = _plain(pattern, at)
            ranges.append((before, before))
    return None
