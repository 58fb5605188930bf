"""Several sources as one, so that there is one plan, one progress, one report and one way to resume."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence

from capsa import TransferError, transfer


class Models:
    """Counts the vectors of each model by the ranges they are read in; a range that is read again counts once."""

    def __init__(self) -> None:
        self._ranges: dict[tuple[str, str, str], Counter[str]] = {}

    def count(self, pieces: Iterator[list[transfer.Item]], of: tuple[str, str, str]) -> Iterator[list[transfer.Item]]:
        """Hand items on, and count what they carry once all have been read."""
        found: Counter[str] = Counter()
        for items in pieces:
            for item in items:
                if isinstance(item, transfer.Row):
                    found.update(vector.model for vector in item.vectors)
            yield items
        self._ranges[of] = found

    def forget(self) -> None:
        self._ranges.clear()

    def total(self) -> dict[str, int]:
        return dict(sorted(sum(self._ranges.values(), Counter()).items()))


class Together:
    """Sources read one after the other; a `capsa.transfer.Source`."""

    def __init__(self, sources: Sequence[transfer.Source], models: Models | None = None) -> None:
        """Take sources over: they are closed with this one.

        Raises:
            TransferError: two of them have a part of the same name.
        """
        self._sources = tuple(sources)
        self._models = models or Models()
        self._of_part = {part.name: source for source in self._sources for part in source.parts}
        self._parts = tuple(part for source in self._sources for part in source.parts)
        if len(self._of_part) != len(self._parts):
            raise TransferError("two sources of one migration hold parts of the same name: migrate them one by one")

    @property
    def description(self) -> transfer.SourceDescription:
        all_of = [source.description for source in self._sources]
        kinds = {one.kind for one in all_of}
        return transfer.SourceDescription(
            # Decides how indexes are built beside an open snapshot of a server.
            kind="postgresql" if "postgresql" in kinds else "sqlite",
            location=" + ".join(one.location for one in all_of),
            layout=" + ".join(one.layout for one in all_of),
            # What the user named; beside SQLite's, Chroma's times are in UTC whatever it is.
            zone=next((one.zone for one in all_of if one.zone is not None), None),
            identity=" + ".join(one.identity for one in all_of),
            not_carried=tuple(line for one in all_of for line in one.not_carried),
        )

    @property
    def parts(self) -> Sequence[transfer.Part]:
        return self._parts

    def plan(self, part: transfer.Part, rows: int = 8192) -> list[transfer.KeyRange]:
        return self._of_part[part.name].plan(part, rows)

    def read(self, part: transfer.Part, first: str, last: str) -> Iterator[list[transfer.Item]]:
        pieces = self._of_part[part.name].read(part, first, last)
        return self._models.count(pieces, (part.name, first, last)) if part.table.vectors else pieces

    def models(self) -> dict[str, int]:
        """How many vectors of each model there were, when everything was read last."""
        return self._models.total()

    def changed(self) -> bool:
        return any(source.changed() for source in self._sources)

    def renew(self) -> Together:
        with contextlib.ExitStack() as stack:
            renewed = []
            for source in self._sources:
                renewed.append(source.renew())
                stack.callback(renewed[-1].close)
            # A newer snapshot is cut into other ranges: what was counted in the old ones counts no more.
            self._models.forget()
            together = Together(renewed, self._models)
            stack.pop_all()
            return together

    def close(self) -> None:
        with contextlib.ExitStack() as stack:
            for source in self._sources:
                stack.callback(source.close)
