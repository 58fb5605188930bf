"""Which of several pieces of code holds all of a definition, told by its lines: a parser would not load in time."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_WORDS = frozenset(
    ["def", "class", "func", "function", "fn", "struct", "enum", "trait", "interface", "type", "module", "protocol"]
)
#: What ends a block where the block began: of the languages that write down where one ends.
_ENDS = ("}", "end", "});", "};", "},")


def whole(name: str, texts: "Sequence[str]") -> tuple[int, str]:
    """Which of ``texts``, newest first, is the newest with the whole definition of ``name``, and the definition.

    (-1, "") if none defines it.
    """
    found = [(number, *block) for number, text in enumerate(texts) if (block := definition(name, text))]
    for place, (number, lines, closed) in enumerate(found):
        # A piece that ends with the text may be cut off: it is, if an older one goes on to an end that it lacks.
        if closed or not any(_goes_on(older, lines) for _, older, _ in found[place + 1 :]):
            return number, "\n".join(lines)
    return -1, ""


def definition(name: str, text: str) -> "tuple[list[str], bool] | None":
    """The lines of the definition of ``name``, and whether it ends before the text does; None if there is none."""
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if name in line and _defines(name, line)), None)
    if first is None:
        return None
    depth = _depth(lines[first])
    last = first
    for number in range(first + 1, len(lines)):
        line = lines[number]
        if not line.strip():
            continue
        if _depth(line) <= depth:
            if line.strip() in _ENDS:
                return lines[first : number + 1], True
            if line.strip()[0] not in ")]":
                return lines[first : last + 1], True
        last = number
    return lines[first : last + 1], False


def _defines(name: str, line: str) -> bool:
    before, _, after = line.partition(name)
    alone = not (after[:1].isalnum() or after[:1] == "_" or before[-1:].isalnum() or before[-1:] == "_")
    return alone and not _WORDS.isdisjoint(before.split())


def _goes_on(older: "Sequence[str]", lines: "Sequence[str]") -> bool:
    ends = older[-1].strip()
    return len(older) > len(lines) and all(line.strip() != ends for line in lines)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
