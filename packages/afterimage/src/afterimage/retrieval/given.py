"""What a session was given already: it has it, and is told where it stands, not all of it again."""

from __future__ import annotations

#: Kept of one session: the oldest go first, and are given again.
_MOST = 500


class Given:
    """The items that one session was given with their code."""

    def __init__(self) -> None:
        self._keys: dict[str, None] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def add(self, key: str) -> None:
        """Note that the item of this `Item.key` was given."""
        self._keys.pop(key, None)
        self._keys[key] = None
        while len(self._keys) > _MOST:
            del self._keys[next(iter(self._keys))]
