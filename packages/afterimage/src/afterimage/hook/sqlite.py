"""SQLite's C module without what `import sqlite3` brings along.

Of Python it wants `functools.lru_cache` only, for which `functools` would load `collections` and more: a quarter of
the hook's time. So it is given that function, made of the same C parts, and `functools` is left for others to load.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _Functools:
    """As much of `functools` as `_sqlite3` looks for."""

    @staticmethod
    def lru_cache(size: int) -> "Callable[[Any], Any]":
        from _functools import _lru_cache_wrapper  # type: ignore[import-not-found]

        return lambda function: _lru_cache_wrapper(function, size, False, tuple)  # noqa: FBT003


def _load() -> "Any":
    if "functools" in sys.modules or "_sqlite3" in sys.modules:
        import sqlite3 as whole

        return whole
    sys.modules["functools"] = _Functools  # type: ignore[assignment]
    try:
        import _sqlite3
    except ImportError:
        del sys.modules["functools"]
        import sqlite3 as whole

        return whole
    finally:
        if sys.modules.get("functools") is _Functools:  # type: ignore[comparison-overlap]
            del sys.modules["functools"]
    return _sqlite3


sqlite3: "Any" = _load()
