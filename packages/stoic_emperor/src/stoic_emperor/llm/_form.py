"""The form an answer must have: as JSON schema for the servers, as words for the model, and as a check for us."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic

from pydantic import ValidationError

from stoic_emperor.llm._json import Unreadable, first_object
from stoic_emperor.llm._text import without_thinking
from stoic_emperor.llm.chat_model import T

#: What every server understands. Titles and defaults say nothing to a model.
_KEPT = frozenset({"type", "enum", "const", "description", "$ref"})

#: What only some take; Pydantic checks it in any case.
BOUNDS = frozenset({"minimum", "maximum", "minItems", "maxItems"})

#: More would fill the prompt, and the first ones tell enough.
_MISTAKES_TOLD = 5


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """A Pydantic model, as an answer's form."""

    schema: type[T]

    @property
    def name(self) -> str:
        """Letters, digits, ``_`` and ``-`` only, as the servers want it."""
        return re.sub(r"[^A-Za-z0-9_-]", "_", self.schema.__name__)[:64]

    def json_schema(self, extra: frozenset[str] = frozenset()) -> dict[str, Any]:
        """The JSON schema in the subset that servers enforce: every field required, none added.

        Args:
            extra: keywords to keep beyond those that all take, such as ``BOUNDS``.
        """
        return _plain(self.schema.model_json_schema(), _KEPT | extra)

    def in_words(self) -> str:
        """The form as an instruction, for models that take no schema."""
        schema = json.dumps(self.json_schema(BOUNDS), ensure_ascii=False, separators=(",", ":"))
        return f"Answer with one JSON object and nothing else. It must fit this JSON schema:\n{schema}"

    def read(self, answer: str) -> T:
        """The answer, checked.

        Raises:
            Unreadable: it does not fit; the message quotes nothing of it.
        """
        found = first_object(without_thinking(answer))
        try:
            return self.schema.model_validate(found)
        except ValidationError as error:
            raise Unreadable(self._mistakes(error)) from None

    def _mistakes(self, error: ValidationError) -> str:
        """Which fields are wrong, and how. Only names from the form: keys that a model made up may quote a person."""
        told: list[str] = []
        for mistake in error.errors(include_url=False, include_context=False, include_input=False):
            place = ".".join(str(part) for part in mistake["loc"] if isinstance(part, int) or part in self._names())
            told.append(f"{place or 'the object'}: {mistake['msg']}")
        more = f"; and {len(told) - _MISTAKES_TOLD} more" if len(told) > _MISTAKES_TOLD else ""
        return "; ".join(told[:_MISTAKES_TOLD]) + more

    def _names(self) -> set[str]:
        return _property_names(self.schema.model_json_schema())


def _plain(node: Mapping[str, Any], kept: frozenset[str]) -> dict[str, Any]:
    plain: dict[str, Any] = {key: value for key, value in node.items() if key in kept}
    for key in ("$defs", "properties"):
        if key in node:
            plain[key] = {name: _plain(part, kept) for name, part in node[key].items()}
    if "items" in node:
        plain["items"] = _plain(node["items"], kept)
    if alternatives := node.get("anyOf") or node.get("oneOf"):
        plain["anyOf"] = [_plain(part, kept) for part in alternatives]
    if "properties" in node:
        plain["required"] = list(node["properties"])
        plain["additionalProperties"] = False
    return plain


def _property_names(node: object) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(_property_names, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    names = set(node.get("properties", {}))
    return names.union(*map(_property_names, node.values()))


__all__ = ["BOUNDS", "Form", "Unreadable"]
