"""Rules from their files, compiled; the language they are written in is explained in rules/crisis.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import yaml

from stoic_emperor.errors import ConfigurationError
from stoic_emperor.safety._needs import needed
from stoic_emperor.safety.findings import Category, Level

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NAME = re.compile(r"<(\w+)>")
_GAP = re.compile(r"~(\d+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One sign and what it stands for."""

    id: str
    category: Category
    level: Level
    pattern: re.Pattern[str]
    #: the rule holds its own "not"
    own_no: bool = False
    #: weaker when it lies years back
    past: bool = False
    #: weaker when the talk is about books, history or philosophy
    topic: bool = False
    #: a bare mention: nothing at all when the talk is about books, history or philosophy
    mention: bool = False
    #: words, or parts of words, without any of which it cannot match; empty if it always can
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules and what weakens them."""

    rules: tuple[Rule, ...]
    idioms: re.Pattern[str] | None = None
    words: Mapping[str, re.Pattern[str]] = field(default_factory=dict)

    def without_idioms(self, text: str) -> str:
        """As long as ``text``, of which words that mean something else together are made one that says nothing."""
        if self.idioms is None:
            return text
        return self.idioms.sub(lambda found: " " + "_" * (len(found.group()) - 1), text)


def read_file(*names: str) -> dict[str, Any]:
    """The content of one of the package's own YAML files.

    Raises:
        ConfigurationError: The installation is damaged.
    """
    path = resources.files("stoic_emperor.safety")
    try:
        for name in names:
            path = path.joinpath(name)
        content = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 - a safe loader, in C where there is one
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{'/'.join(names)} of the safety package cannot be read: install it again") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{'/'.join(names)} of the safety package is damaged: install it again")
    return content


def load_rules(*files: str) -> RuleSet:
    """All rules of ``files``; words, idioms and what weakens rules are taken from the first."""
    contents = [read_file("rules", name) for name in files]
    first = contents[0]
    words = first.get("words", {})
    try:
        rules = tuple(_rule(entry, words) for content in contents for entry in content["rules"])
        idioms = [_expand(idiom, words) for idiom in first.get("idioms", ())]
        named: dict[str, re.Pattern[str]] = {
            name: _compile(first[name], words)
            for name in ("topics", "negations", "no_negations", "long_ago", "just_now", "care")
            if name in first
        }
        return RuleSet(rules, _compile("|".join(idioms), {}) if idioms else None, named)
    except (KeyError, TypeError, ValueError, re.error) as error:
        raise ConfigurationError(f"{files[0]} of the safety package is damaged ({error}): install it again") from error


def _rule(entry: Mapping[str, Any], words: Mapping[str, str]) -> Rule:
    flags = {name: bool(entry.get(name, False)) for name in ("own_no", "past", "topic", "mention")}
    category, level = Category(entry["category"]), Level(entry["level"])
    needs = needed(_expand(entry["pattern"], words))
    return Rule(entry["id"], category, level, _compile(entry["pattern"], words), needs=needs, **flags)


def _expand(pattern: str, words: Mapping[str, str]) -> str:
    pattern = _NAME.sub(lambda found: words[found[1]], pattern)
    # Possessive words: a pattern never tries a shorter word, so its work per starting place is bounded.
    return _GAP.sub(lambda found: rf'(?:[^ ."]++ ){{0,{found[1]}}}', pattern.replace("\n", ""))


def _compile(pattern: str, words: Mapping[str, str]) -> re.Pattern[str]:
    # The blank before is part of the match, so that the search can leap from word to word.
    return re.compile(rf" (?:{_expand(pattern, words)})(?= )")
