"""Every setting AfterImage reads: its key, its kind, its default and its environment variable.

The one list that loading, ``config --init``, ``config``, ``doctor`` and the tests go by. A key
that nothing reads has no place here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from afterimage.entries import OWNER
from afterimage.errors import ConfigError

BACKENDS: Final = ("sqlite", "postgresql")
#: Far below what a key of the database may have.
MAX_OWNER_BYTES: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One key of the configuration."""

    #: As in ``storage.postgresql.port``.
    key: str
    #: What it is for, one line.
    help: str
    #: Reads a value of YAML or of the environment; ValueError says what it must be.
    read: Callable[[Any], Any]
    default: Any = None
    #: The environment variable that overrides the file, if any.
    variable: str | None = None
    #: Never shown.
    secret: bool = False


def text(value: Any) -> str:
    """A string. A bare number is refused: YAML reads 0123 as 83."""
    if not isinstance(value, str):
        raise ValueError("must be a text: put it in quotes")  # noqa: TRY004  # what `Setting.read` promises
    return value


def choice(*names: str) -> Callable[[Any], str]:
    """One of ``names``, in any case."""

    def read(value: Any) -> str:
        if isinstance(value, str) and value.strip().lower() in names:
            return value.strip().lower()
        raise ValueError(f"must be {' or '.join(names)}, not {value!r}")

    return read


def whole(low: int, high: int) -> Callable[[Any], int]:
    """A whole number from ``low`` to ``high``, in digits or as a number."""

    def read(value: Any) -> int:
        digits = isinstance(value, str) and value.strip().isdecimal()
        if (digits or (isinstance(value, int) and not isinstance(value, bool))) and low <= int(value) <= high:
            return int(value)
        raise ValueError(f"must be a whole number from {low} to {high}, not {value!r}")

    return read


def owner(value: Any) -> str:
    """A name that an owner of rows can have."""
    name = text(value).strip()
    if not name or name.startswith("@") or len(name.encode()) > MAX_OWNER_BYTES or not name.isprintable():
        raise ValueError(f"must be a name of 1 to {MAX_OWNER_BYTES} bytes that does not begin with '@', not {value!r}")
    return name


def names(value: Any) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"must be a list of texts, e.g. [a, b], not {value!r}")
    return tuple(value)


def fraction(value: Any) -> float:
    """A number from 0 to 1."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not 0.0 <= number <= 1.0:
        raise ValueError(f"must be a number from 0 to 1, not {value!r}")
    return number


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        key="storage.backend",
        help="Where the memory is kept: sqlite or postgresql.",
        read=choice(*BACKENDS),
        default="sqlite",
        variable="AFTERIMAGE_BACKEND",
    ),
    Setting(
        key="storage.sqlite.path",
        help="The memory's file. An older memory at this path is read, never changed.",
        read=text,
        default="~/.afterimage/memory.db",
        variable="AFTERIMAGE_SQLITE_PATH",
    ),
    Setting(
        key="storage.postgresql.host",
        help="The server, or the folder of its socket.",
        read=text,
        default="localhost",
        variable="AFTERIMAGE_PG_HOST",
    ),
    Setting(
        key="storage.postgresql.port",
        help="The server's port.",
        read=whole(1, 65535),
        default=5432,
        variable="AFTERIMAGE_PG_PORT",
    ),
    Setting(
        key="storage.postgresql.database",
        help="The database.",
        read=text,
        default="afterimage",
        variable="AFTERIMAGE_PG_DATABASE",
    ),
    Setting(
        key="storage.postgresql.user",
        help="The user.",
        read=text,
        default="afterimage",
        variable="AFTERIMAGE_PG_USER",
    ),
    Setting(
        key="storage.postgresql.password",
        help="Better kept in the environment or in ~/.pgpass than in this file.",
        read=text,
        variable="AFTERIMAGE_PG_PASSWORD",
        secret=True,
    ),
    Setting(
        key="storage.postgresql.connection_string",
        help="postgresql://USER:PASSWORD@HOST:PORT/NAME, in place of the five above.",
        read=text,
        variable="AFTERIMAGE_DATABASE_URL",
        secret=True,
    ),
    Setting(
        key="storage.postgresql.owner",
        help="Whose memory it is in a shared database: all who name the same owner share it, nobody else sees it.",
        read=owner,
        default=OWNER,
        variable="AFTERIMAGE_OWNER",
    ),
    Setting(
        key="storage.postgresql.min_pool_size",
        help="Connections kept open.",
        read=whole(0, 1000),
        default=2,
    ),
    Setting(
        key="storage.postgresql.max_pool_size",
        help="Connections opened at most.",
        read=whole(1, 1000),
        default=10,
    ),
    Setting(
        key="storage.author",
        help="Who is named on what is stored here; without it git's user.name, or the account's name.",
        read=text,
        variable="AFTERIMAGE_AUTHOR",
    ),
    Setting(
        key="search.max_results",
        help="How many results a search gives if it is not told.",
        read=whole(1, 100_000),
        default=5,
    ),
    Setting(
        key="search.relevance_threshold",
        help="The least relevance of a result, 0 to 1, if the search is not told.",
        read=fraction,
        default=0.3,
    ),
    Setting(
        key="filter.skip_paths",
        help="Files and folders that are not remembered, wherever they are: [clients/acme/, '*_pb2.py'].",
        read=names,
    ),
    Setting(
        key="filter.skip_extensions",
        help="Endings of files that are not remembered: [.sql, .tf].",
        read=names,
    ),
    Setting(
        key="filter.code_extensions",
        help="Endings of files that are remembered though they are usually no code: [.md].",
        read=names,
    ),
    Setting(
        key="embeddings.model",
        help="all-MiniLM-L6-v2 (needs no network), openai:MODEL for an endpoint, or none.",
        read=text,
        default="all-MiniLM-L6-v2",
        variable="AFTERIMAGE_EMBEDDING_MODEL",
    ),
    Setting(
        key="embeddings.base_url",
        help="The endpoint of an openai:MODEL, e.g. http://localhost:11434/v1.",
        read=text,
        variable="AFTERIMAGE_EMBEDDING_BASE_URL",
    ),
    Setting(
        key="embeddings.api_key",
        help="The endpoint's key; better kept in the environment.",
        read=text,
        variable="AFTERIMAGE_EMBEDDING_API_KEY",
        secret=True,
    ),
    Setting(
        key="hook.warning_noise_exclusions",
        help="Files that may change as often as they like: no hook says so, and they are no hotspots.",
        read=names,
        default=["tests/", "test_*.py", "*_test.*", "/tmp/"],  # noqa: S108  # a pattern
    ),
)

BY_KEY: Final[Mapping[str, Setting]] = {setting.key: setting for setting in SETTINGS}

#: Keys that the earlier program's ``config --init`` wrote or documented and that have no effect
#: here, with the reason. A key covers everything below it. Anything else unknown is an error.
WITHOUT_EFFECT: Final[Mapping[str, str]] = {
    "search.fts_weight": "how words and meaning are weighed is measured, not set",
    "search.semantic_weight": "how words and meaning are weighed is measured, not set",
    "search.max_injection_tokens": "nothing is injected by this version",
    "search.inject_threshold": "nothing is injected by this version",
    "search.min_query_tokens": "nothing is injected by this version",
    "embeddings.device": "the model runs on the CPU",
    "embeddings.embedding_dim": "a vector has as many numbers as its model gives",
    "filter.extensionless_code_files": "files without an ending are remembered anyway",
    "semantic_chunking": "this version does not chunk",
    "hook": "what the hooks do is chosen with `afterimage setup`",
    "pattern_quality": "this version keeps no pattern clusters",
}

#: The same for variables of the environment.
VARIABLES_WITHOUT_EFFECT: Final[Mapping[str, str]] = {
    "AFTERIMAGE_EMBEDDING_DEVICE": WITHOUT_EFFECT["embeddings.device"],
}


def reason_without_effect(key: str) -> str | None:
    """Why ``key`` of the earlier program changes nothing here; None if it is not one of those."""
    for known, reason in WITHOUT_EFFECT.items():
        if key == known or key.startswith(known + "."):
            return reason
    return None


def unknown_key(key: str, where: Path) -> ConfigError:
    """The error for a key that nobody knows, with the keys that it may have been meant to be."""
    near = difflib.get_close_matches(key, [*BY_KEY, *WITHOUT_EFFECT], n=3, cutoff=0.6)
    if not near:
        leaf = key.rpartition(".")[2]
        near = [known for known in BY_KEY if known.rpartition(".")[2] == leaf]
    hint = f": did you mean {' or '.join(near)}?" if near else ": `afterimage config` lists the keys"
    return ConfigError(f"{where}: unknown key {key!r}{hint}")


def template() -> str:
    """A config.yaml that holds every key: the defaults in force, the rest as comments."""
    lines = ["# AfterImage. Environment variables come before this file, this file before the defaults.", ""]
    open_sections: list[str] = []
    for setting in SETTINGS:
        *sections, leaf = setting.key.split(".")
        for depth, section in enumerate(sections):
            if open_sections[: depth + 1] != sections[: depth + 1]:
                if depth == 0 and open_sections:
                    lines.append("")
                lines.append(f"{'  ' * depth}{section}:")
                open_sections = sections[: depth + 1]
        indent = "  " * len(sections)
        variable = f" ({setting.variable})" if setting.variable else ""
        lines.append(f"{indent}# {setting.help}{variable}")
        lines.append(f"{indent}{leaf}: {setting.default}" if setting.default is not None else f"{indent}# {leaf}:")
    return "\n".join(lines) + "\n"
