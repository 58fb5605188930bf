"""config.yaml as pairs of dotted key and value, with errors that name the line and not the content."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import yaml

from afterimage.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """PyYAML silently lets the second of two equal keys win; a second ``storage:`` would hide the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  # PyYAML's signature
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and lines.setdefault(key.value, line) != line:
                raise ConfigError(
                    f"the key {key.value!r} stands twice (lines {lines[key.value]} and {line}): put them together"
                )
        return super().construct_mapping(node, deep)


def flat_settings(file: Path) -> Iterator[tuple[str, Any]]:
    """The settings in ``file`` as (``storage.sqlite.path``, value).

    Raises:
        ConfigError: the file cannot be read, or is not YAML of the right shape.
    """
    try:
        with file.open("rb") as stream:
            # A SafeLoader: it makes plain values only, never objects.
            content = yaml.load(stream, Loader=_Loader)  # noqa: S506
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it is not a text file in UTF-8"
        raise ConfigError(f"{file}{line} is not valid YAML: {problem}") from None
    if content is None:
        return
    if not isinstance(content, dict):
        raise ConfigError(f"{file} must hold keys and values, e.g. 'storage:' and below it '  backend: sqlite'")
    yield from _flatten("", content)


def _flatten(prefix: str, content: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        dotted = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flatten(f"{dotted}.", value)
        else:
            yield dotted, value
