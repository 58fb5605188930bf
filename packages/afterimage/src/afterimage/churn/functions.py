"""The functions in a piece of code, each with its text: Python's by its own parser, others' by their first lines.

What is no Python, or only a part of it, is read line by line: a line that defines a function, and what is indented
below it. That is right wherever code is laid out as programs lay it out, and needs no parser of any language.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

#: Characters of a text, and of a line, beyond which it was not written by hand.
_MOST_TEXT = 400_000
_MOST_LINE = 400
#: Lines that the parameters of a function may take.
_MOST_PARAMETERS = 20

_PYTHON = frozenset({"py", "pyi", "pyw"})
#: Endings of languages whose functions are told by a word before their name, and by their parentheses.
_OTHERS = frozenset(
    [
        *("bash", "c", "cc", "cjs", "cpp", "cs", "cts", "cxx", "dart", "ex", "exs", "go", "groovy", "h", "hh", "hpp"),
        *("hxx", "java", "jl", "js", "jsx", "kt", "kts", "lua", "m", "mjs", "mm", "mts", "php", "pl", "pm", "rb", "rs"),
        *("scala", "sh", "swift", "ts", "tsx", "zig", "zsh"),
    ]
)

_WORD = re.compile(
    r"[ \t]*(?:[\w<>()\[\],.:@*&?!]+[ \t]+){0,6}?(?:def|defp|fn|fun|func|function\*?|proc|sub)[ \t]+"
    r"(?:\([^()]{0,120}\)[ \t]*)?(?P<name>[^\W\d][\w.:]{0,120}[?!]?)(?=[ \t]*(?:[(<\[{=:]|$))"
)
_PYTHON_DEF = re.compile(r"[ \t]*(?:async[ \t]+)?def[ \t]+(?P<name>[^\W\d]\w{0,120})[ \t]*[(\[]")
#: ``const name = async (x) =>`` and ``name: function (x)``.
_VALUE = re.compile(
    r"[ \t]*(?:(?:export|default|const|let|var|static|public|private|protected|readonly)[ \t]+){0,4}"
    r"(?P<name>[^\W\d][\w$]{0,120})[ \t]*(?::[^=]{0,120})?[=:][ \t]*(?:async[ \t]*)?"
    r"(?:function\b|\w{1,60}[ \t]*=>|\([^()]{0,300}\)[ \t]*(?::[^=]{1,120})?=>)"
)
#: ``static int name(`` at the beginning of a line, as C and its kin have it, and methods.
_CALLABLE = re.compile(
    r"[ \t]*(?:[\w<>\[\],.:@*&?~]+[ \t]+){0,6}[*&]{0,2}(?P<name>[^\W\d][\w$:~]{0,120})(?:<[^<>()]{0,80}>)?[ \t]*\("
)
_NO_NAMES = frozenset(
    [
        *(
            "if",
            "for",
            "foreach",
            "while",
            "until",
            "unless",
            "switch",
            "match",
            "when",
            "catch",
            "return",
            "throw",
            "new",
        ),
        *(
            "else",
            "elif",
            "do",
            "await",
            "yield",
            "typeof",
            "sizeof",
            "using",
            "lock",
            "synchronized",
            "with",
            "assert",
        ),
        *("and", "or", "not", "in", "is", "delete", "case", "defer", "go", "select", "super", "this"),
    ]
)
_CLOSING = ("}", "end", ")", "]", "{")


def functions_in(path: str, code: str) -> dict[str, str]:
    """Name -> text of the functions in ``code``, outermost ones; methods as ``Class.method`` where that is known.

    What several have for a name, as overloads and setters do, is one function.
    """
    ending = path.rpartition(".")[2].lower()
    if len(code) > _MOST_TEXT or ending not in _PYTHON | _OTHERS:
        return {}
    if ending in _PYTHON:
        try:
            return _together(_parsed(code))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass
    return _together(_by_lines(code.split("\n"), python=ending in _PYTHON))


def _together(functions: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, text in functions:
        found[name] = f"{found[name]}\n{text}" if name in found else text
    return found


def _parsed(code: str) -> Iterator[tuple[str, str]]:
    source = textwrap.dedent(code)
    lines = source.split("\n")

    def inside(body: Sequence[ast.stmt], prefix: str) -> Iterator[tuple[str, str]]:
        for node in body:
            if isinstance(node, ast.ClassDef):
                yield from inside(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                yield f"{prefix}{node.name}", _text(lines[first - 1 : node.end_lineno])
            elif isinstance(node, ast.If | ast.Try | ast.With):
                for block in ("body", "orelse", "finalbody"):
                    yield from inside(getattr(node, block, []), prefix)

    # Python warns of odd spellings in what it parses; they are somebody else's.
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    yield from inside(tree.body, "")


def _by_lines(lines: Sequence[str], *, python: bool) -> Iterator[tuple[str, str]]:
    number = 0
    while number < len(lines):
        name = _defined(lines, number, python=python)
        if not name:
            number += 1
            continue
        end = _end(lines, number)
        yield name, _text(lines[number:end])
        number = end


def _defined(lines: Sequence[str], number: int, *, python: bool) -> str:
    """The function that a line defines; empty if it defines none."""
    line = lines[number]
    if len(line) > _MOST_LINE or line.lstrip().startswith(("//", "#", "*", "/*", "--", ";")):
        return ""
    if python:
        found = _PYTHON_DEF.match(line)
        return found["name"] if found else ""
    if found := _WORD.match(line):
        return found["name"].rstrip(".:")
    if found := _VALUE.match(line):
        return found["name"]
    found = _CALLABLE.match(line)
    first = line.split(maxsplit=1)[0] if line.strip() else ""
    if found and found["name"] not in _NO_NAMES and first not in _NO_NAMES and _has_body(lines, number, found.end()):
        return found["name"]
    return ""


def _has_body(lines: Sequence[str], number: int, start: int) -> bool:
    """Whether what follows the opening parenthesis before ``start`` are parameters, and then a block."""
    rest = "\n".join([lines[number][start:], *lines[number + 1 : number + _MOST_PARAMETERS]])[: _MOST_LINE * 4]
    depth = 1
    for at, letter in enumerate(rest):
        if letter in "{;" and depth:
            return False
        depth += (letter == "(") - (letter == ")")
        if not depth:
            before, brace, _ = rest[at + 1 :].partition("{")
            return bool(brace) and not set(before) & set(";}()=")
    return False


def _end(lines: Sequence[str], first: int) -> int:
    """The line after the last of the function that begins at ``first``."""
    depth = _depth(lines[first])
    last = first
    for number in range(first + 1, len(lines)):
        line = lines[number]
        if not line.strip():
            continue
        if _depth(line) <= depth:
            bare = line.strip()
            if _depth(line) < depth or not bare.startswith(_CLOSING):
                break
            last = number
            if bare.startswith(("}", "end")):
                break
        last = number
    return last + 1


def _depth(line: str) -> int:
    spread = line.expandtabs(4)
    return len(spread) - len(spread.lstrip())


def _text(lines: Sequence[str]) -> str:
    """Lines as they are compared: how deep all of them stand, and what stands at their ends, changes nothing."""
    return textwrap.dedent("\n".join(line.rstrip() for line in lines)).strip("\n")
