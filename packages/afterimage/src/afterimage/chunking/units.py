"""What a text of code is cut into."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """A function, a method, a class without its methods, or a block of lines."""

    #: Qualified by what it stands in, with dots: "Parser.read". Empty for lines that no definition names.
    name: str
    #: function, method, class, type or block.
    kind: str
    #: Its first and last line in the text, counted from 1.
    first: int
    last: int
    text: str


@dataclass(frozen=True, slots=True)
class Cut:
    """A text in its units: together all of its lines that say anything, in their order, none of them twice."""

    units: tuple[Unit, ...]
    #: The grammar that it was cut by; empty if by blank lines.
    language: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A unit by its lines."""

    name: str
    kind: str
    first: int
    last: int
