"""What to know and to do after a migration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from capsa import DatabaseUrl
from stoic_emperor.config import DEFAULT_FILE
from stoic_emperor.infrastructure.opening import is_older, named_url, own_path
from stoic_emperor.legacy.vectors import MINILM


def how_to_go_on(target: DatabaseUrl, configured: DatabaseUrl, env_file: Path) -> Iterator[str]:
    """How to use what a past was brought into, if that is not what is in use."""
    if str(configured) != str(target):
        password = " (with its password)" if target.dialect == "postgresql" else ""
        yield f"to use it from now on, write DATABASE_URL={target}{password} into {env_file}"


def how_to_go_back(
    target: DatabaseUrl, source: DatabaseUrl | None, older: Sequence[str], named: str | None
) -> Iterator[str]:
    """The way back, and what lies there as it was.

    Args:
        older: what the predecessor wrote of that which was read.
        named: the target as it was given; ours may have been made to lie beside that.
    """
    if target.dialect == "postgresql":
        back = source.path if source is not None and source.path is not None else DEFAULT_FILE
        beside = bool(older) or is_older(back)
        yield (
            f"the way back, with everything written since: stoic migrate --from {target} --to {back}"
            + (f" (it goes into {own_path(back)}, beside the old file)" if beside else "")
        )
        return
    given = None if named is None else named_url(named, Path.cwd()).path
    beside_which = [] if given is None or not is_older(given) else [str(given)]
    for old in dict.fromkeys([*older, *beside_which]):
        yield f"the older program's {old} lies there unchanged"


def about_vectors(models: Mapping[str, int]) -> Iterator[str]:
    """That texts wait for vectors that can be compared.

    Args:
        models: model -> vectors that were carried.
    """
    others = sorted(name for name in models if name.startswith(("chroma:", "predecessor:")))
    if others:
        yield (
            f"vectors of {', '.join(others)} are kept, and never compared with those of {MINILM}: until "
            f"`stoic reembed` has made new ones, these texts are found by their words"
        )
