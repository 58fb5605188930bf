"""What a query names literally: itself as a whole, or an identifier, a file name, a path in it."""

from __future__ import annotations

import re

# Characters that prose does not put inside a word, or around it: snake_case, dotted.name, a/path, C:\path, call().
# A hundred thousand '+' or ':' must not take longer than other text, so nothing here can match in many ways.
_IDENTIFIER = re.compile(
    r"""(?<![\w./\\:-])
    (?: [~.]{0,2}[/\\]? [\w-][\w+-]{0,254} (?: [./\\:-]+ [\w+-]+ )+    # dotted, hyphenated, paths
      | \w*_\w+ | \w+_\w*                                          # underscores
      | [A-Za-z]*[a-z0-9][A-Z]\w*                                  # camelCase
      | \w+ (?=\(\))                                               # a call
    )""",
    re.VERBOSE,
)

# What prose hardly ever has in or around a word.
_CODE = re.compile(r"""[_()\[\]{}=<>"`/\\@#$%&|^~*+] | \w[.:]\w | [a-z0-9][A-Z]""", re.VERBOSE)
_WORD = re.compile(r"\S+")
_AROUND_A_NAME = ".,:;-()?!"


def phrases(query: str) -> list[str]:
    """What to look for literally: first the query as a whole, then the code in it, then its identifiers, each once."""
    whole = query.strip()
    named = [match[0].strip(".,:;-") for match in _IDENTIFIER.finditer(whole)]
    code = _code(whole)
    if code.strip(_AROUND_A_NAME) in named:
        code = ""
    return list(dict.fromkeys(part for part in (whole, code, *named) if part))


def _code(query: str) -> str:
    """From the first word that looks like code to the last: a line of code in the middle of a sentence."""
    words = list(_WORD.finditer(query))
    places = [place for place, word in enumerate(words) if _CODE.search(word[0])]
    if not places:
        return ""
    first, last = places[0], places[-1]
    # An operator has something on either side.
    first -= first > 0 and words[first][0].strip("=+*/<>|&%^") == ""
    last += last + 1 < len(words) and words[last][0].strip("=+*/<>|&%^") == ""
    return query[words[first].start() : words[last].end()].rstrip("?!")


def normal(text: str) -> str:
    """The spelling in which literal matches are compared: case and the width of white space do not matter."""
    return " ".join(text.casefold().split())
