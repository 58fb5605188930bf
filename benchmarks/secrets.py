"""Secrets that are taken out, of the formats that two detectors publish, and what is taken for one in real functions.

For each format values are made up by its published pattern: at every place a random letter that may stand there,
letters and digits before others. A value counts if the detector that published the pattern finds it in a line of code.
The first list is the one the hook's table is made from, with the rules that the table leaves out; the second is another
project's.
"""

from __future__ import annotations

import importlib
import json
import lzma
import pkgutil
import random
import re
import sqlite3
import string
import tempfile
from collections.abc import Iterator
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from afterimage.hook.redaction import Redactor
from benchmarks import places
from benchmarks.report import Figure, at_least, at_most
from benchmarks.servers import Servers
from scripts.redaction_table import translated

_EACH = 20
_LETTERS = string.ascii_letters + string.digits
_OTHERS = " _-+/=.:~!#$%&*@^,;|'\"`"
_MOST_MORE = 6


def run(rows: int, servers: Servers) -> Iterator[Figure]:
    """See the module."""
    del rows, servers
    redact = Redactor()
    for name, made in (("Kingfisher: Betterleaks and Veles", _kingfisher), ("detect-secrets", _detect_secrets)):
        try:
            found = list(made())
        except ImportError as missing:
            yield Figure(what=f"{name}: not measured, {missing.name} is not installed", ours=0, unit="")
            continue
        by_format: dict[str, list[bool]] = {}
        for kind, text, secret in found:
            by_format.setdefault(kind, []).append(secret not in redact(text))
        whole = sum(all(hits) for hits in by_format.values())
        taken = sum(sum(hits) for hits in by_format.values())
        missed = sorted(kind for kind, hits in by_format.items() if not any(hits))
        parts: dict[str, Any] = {
            "what": f"{name}: taken out, of {len(found):,} values of {len(by_format)} formats",
            "ours": taken / len(found),
            "unit": "",
            "detail": {"formats never found": missed},
        }
        # The second takes much for a secret that nothing but its place tells; what we make of it informs only.
        yield at_least(0.95, **parts) if made is _kingfisher else Figure(**parts)
        yield Figure(what=f"{name}: formats of which every value is, of {len(by_format)}", ours=whole, unit="")
    for name, texts in (("CoSQA's", _cosqa()), ("a real memory's", _memory())):
        alarms = sum(redact(text) != text for text in texts)
        yield at_most(
            1.0,
            what=f"something taken out, of 1,000 of {name} {len(texts):,} functions",
            ours=1_000 * alarms / len(texts),
            unit="",
        )


# Values of the published formats


def _kingfisher() -> Iterator[tuple[str, str, str]]:
    """Format, text and the secret in it, as the detector finds it."""
    from kingfisher_sdk import Rules, Scanner

    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as cache:
        rules = Rules(confidence="low", cache_dir=cache)
        scanner = Scanner(rules)
        for rule in rules.metadata():
            detail = rules.detail(rule["id"])
            if not detail["visible"] or detail["path"]:
                continue
            tree = parser.parse(translated(detail["pattern"]))
            for _ in range(_EACH):
                text = _line(_value(tree, chance))
                scanner.reset_dedup()
                secrets = {found.secret for found in scanner.scan(text) if found.rule_id == rule["id"]}
                for secret in secrets:
                    yield rule["id"], text, secret


def _detect_secrets() -> Iterator[tuple[str, str, str]]:
    from detect_secrets import plugins
    from detect_secrets.plugins.base import RegexBasedDetector

    chance = random.Random(2)
    for module in pkgutil.iter_modules(plugins.__path__):
        for plugin in vars(importlib.import_module(f"detect_secrets.plugins.{module.name}")).values():
            if not (isinstance(plugin, type) and issubclass(plugin, RegexBasedDetector)) or not _is_a_secret(plugin):
                continue
            detector: Any = plugin()
            for pattern in detector.denylist:
                tree = parser.parse(pattern.pattern, pattern.flags)
                for _ in range(_EACH):
                    text = _line(_value(tree, chance))
                    for secret in {found for line in text.split("\n") for found in detector.analyze_string(line)}:
                        yield detector.secret_type, text, secret


def _is_a_secret(plugin: type) -> bool:
    # An address is none, and of a private key the first line is looked for, which says nothing by itself.
    return isinstance(vars(plugin).get("denylist"), list) and plugin.__name__ not in {
        "IPPublicDetector",
        "PrivateKeyDetector",
    }


def _line(value: str) -> str:
    return f'first = 1\nvalue = "{value}"\nlast = 2\n'


def _value(tree: Any, chance: random.Random) -> str:
    return "".join(_part(operation, argument, chance) for operation, argument in tree)


def _part(operation: Any, argument: Any, chance: random.Random) -> str:
    if operation is sre.LITERAL:
        return chr(argument)
    if operation is sre.SUBPATTERN:
        return _value(argument[3], chance)
    if operation is sre.BRANCH:
        return _value(chance.choice(argument[1]), chance)
    if operation in {sre.MAX_REPEAT, sre.MIN_REPEAT}:
        least, most, part = argument
        times = chance.randint(least, min(most, least + _MOST_MORE))
        return "".join(_value(part, chance) for _ in range(times))
    if operation in {sre.IN, sre.ANY, sre.NOT_LITERAL}:
        return chance.choice(_choices(operation, argument))
    return ""


def _choices(operation: Any, argument: Any) -> str:
    if operation is sre.ANY:
        return _LETTERS
    if operation is sre.NOT_LITERAL:
        return "".join(letter for letter in _LETTERS if ord(letter) != argument)
    takes = re.compile(_spelled(argument)).fullmatch
    # Of what is between a name and its value a space is likelier than an empty line.
    return "".join(filter(takes, _LETTERS)) or "".join(filter(takes, _OTHERS))[:3] or "\n"


def _spelled(items: Any) -> str:
    made = ""
    for kind, value in items:
        if kind is sre.NEGATE:
            made += "^"
        elif kind is sre.LITERAL:
            made += re.escape(chr(value))
        elif kind is sre.RANGE:
            made += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
        elif kind is sre.CATEGORY:
            made += {
                sre.CATEGORY_DIGIT: r"\d",
                sre.CATEGORY_WORD: r"\w",
                sre.CATEGORY_SPACE: r"\s",
                sre.CATEGORY_NOT_SPACE: r"\S",
                sre.CATEGORY_NOT_WORD: r"\W",
                sre.CATEGORY_NOT_DIGIT: r"\D",
            }[value]
    return f"[{made}]"


# Real functions


def _cosqa() -> list[str]:
    return list(json.loads(places.data("retrieval/cosqa_code_idx_map.txt").read_text("utf-8")))


def _memory() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "memory.db"
        path.write_bytes(lzma.decompress(places.data("afterimage/legacy_memory_5000.db.xz").read_bytes()))
        with sqlite3.connect(path) as sql:
            return [code for (code,) in sql.execute("SELECT new_code FROM code_memory")]
