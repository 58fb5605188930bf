"""What a process remembers of the conversations that went on in it lately, so that it does not grow for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lately(Generic[T]):
    """One value a key, of the keys that were asked for last. Thread-safe."""

    def __init__(self, make: Callable[[], T], most: int = 1_000) -> None:
        """Nothing is remembered yet.

        Args:
            make: the value of a key that is not remembered.
            most: how many keys are.
        """
        self._make = make
        self._most = most
        self._values: dict[str, T] = {}
        self._guard = threading.Lock()

    def of(self, key: str) -> T:
        """The value of ``key``, which is the latest now."""
        with self._guard:
            value = self._values.pop(key) if key in self._values else self._make()
            self._values[key] = value
            while len(self._values) > self._most:
                del self._values[next(iter(self._values))]
            return value
