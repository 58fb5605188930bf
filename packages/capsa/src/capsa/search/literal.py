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


def phrases(query: str) -> list[str]:
    """What to look for literally: first the query as a whole, then its identifiers, each once."""
    whole = query.strip()
    named = (match[0].strip(".,:;-") for match in _IDENTIFIER.finditer(whole))
    return list(dict.fromkeys(part for part in (whole, *named) if part))


def normal(text: str) -> str:
    """The spelling in which literal matches are compared: case and the width of white space do not matter."""
    return " ".join(text.casefold().split())
