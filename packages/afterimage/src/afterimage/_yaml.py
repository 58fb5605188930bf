"""config.yaml as pairs of dotted key and value, with errors that name the line and not the content."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from afterimage.errors import ConfigError


def flat_settings(file: Path) -> Iterator[tuple[str, Any]]:
    """The settings in ``file`` as (``storage.sqlite.path``, value).

    Raises:
        ConfigError: the file cannot be read, or is not YAML of the right shape.
    """
    try:
        content = _load(file.read_bytes())
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it is not a text in UTF-8"
        raise ConfigError(f"{file}{line} is not valid YAML: {problem}") from None
    if content is None:
        return
    if not isinstance(content, dict):
        raise ConfigError(f"{file} must hold keys and values, e.g. 'storage:' and below it '  backend: sqlite'")
    yield from _flatten("", content)


def _load(source: bytes) -> Any:
    if source in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        # The library would take it for an empty file.
        raise ConfigError("a mark of UTF-16 is all that is in it: write it anew, or remove it")
    # A SafeLoader makes plain values only, never objects.
    loader = yaml.SafeLoader(source)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_twins(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _refuse_twins(node: Any) -> None:
    """PyYAML silently lets the second of two equal keys win; a second ``storage:`` would hide the first."""
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if isinstance(key, yaml.ScalarNode) and (first := lines.setdefault(key.value, line)) != line:
            raise ConfigError(f"the key {key.value!r} stands twice (lines {first} and {line}): put them together")
        _refuse_twins(value)


def _flatten(prefix: str, content: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        dotted = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flatten(f"{dotted}.", value)
        else:
            yield dotted, value
