"""Which summary stands for what: the predecessor never noted it, and it follows from what it did note.

A summary of level 1 was made of all messages of a person from ``period_start`` to ``period_end``, both included. A
summary of level n names its sources; as sources were not retired, the same ones were summarised again and
again, so the last summary that names a source stands for it, and for each earlier summary of a part of its sources.
"""

from __future__ import annotations

import bisect
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class OldSummary:
    """What is needed of a summary. Texts are as they will be stored."""

    id: bytes
    user: bytes
    level: int
    #: Microseconds since 1970 UTC; None if unreadable.
    start: int | None
    end: int | None
    sources: frozenset[bytes]


def source_ids(text: bytes | None) -> frozenset[bytes]:
    """The ids in a ``source_summary_ids`` column; none if it holds anything else."""
    try:
        read = json.loads(text or b"null")
    except ValueError:
        return frozenset()
    return (
        frozenset(str(item).encode("utf-8", "surrogatepass") for item in read)
        if isinstance(read, list)
        else frozenset()
    )


@dataclass(slots=True)
class _Periods:
    """The periods of one person's summaries of level 1, by their start."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    #: The latest end up to here: where to stop looking back.
    latest: list[int] = field(default_factory=list)
    ids: list[bytes] = field(default_factory=list)

    def add(self, start: int, end: int, id_: bytes) -> None:
        self.starts.append(start)
        self.ends.append(end)
        self.latest.append(max(end, self.latest[-1] if self.latest else end))
        self.ids.append(id_)

    def find(self, when: int) -> bytes | None:
        place = bisect.bisect_right(self.starts, when) - 1
        while place >= 0 and self.latest[place] >= when:
            if self.ends[place] >= when:
                return self.ids[place]
            place -= 1
        return None


class Condensed:
    """Tells of messages and summaries which summary stands for them."""

    def __init__(self, summaries: Iterable[OldSummary] = ()) -> None:
        """Look through all summaries there are, in the order in which they were made."""
        by_user: dict[bytes, list[OldSummary]] = defaultdict(list)
        for summary in summaries:
            by_user[summary.user].append(summary)
        self._periods: dict[bytes, _Periods] = {}
        self._into: dict[tuple[bytes, bytes], bytes] = {}
        for user, mine in by_user.items():
            self._find_periods(user, mine)
            self._find_successors(user, mine)

    def _find_periods(self, user: bytes, summaries: list[OldSummary]) -> None:
        found = [
            (s.start, s.end, s.id) for s in summaries if s.level == 1 and s.start is not None and s.end is not None
        ]
        if found:
            periods = self._periods[user] = _Periods()
            for start, end, id_ in sorted(found):
                periods.add(start, end, id_)

    def _find_successors(self, user: bytes, summaries: list[OldSummary]) -> None:
        level_of = {summary.id: summary.level for summary in summaries}
        later: dict[int, list[OldSummary]] = defaultdict(list)
        for summary in reversed(summaries):
            for source in summary.sources:
                # Only upwards, so that no two can stand for each other.
                if level_of.get(source, summary.level) < summary.level:
                    self._into.setdefault((user, source), summary.id)
            if summary.sources:
                covering = (other for other in later[summary.level] if other.sources >= summary.sources)
                if (other := next(covering, None)) is not None:
                    self._into.setdefault((user, summary.id), other.id)
                later[summary.level].append(summary)

    def __bool__(self) -> bool:
        return bool(self._periods)

    def message(self, user: bytes, when: int | None) -> bytes | None:
        """The summary of level 1 that stands for a message of this time."""
        if when is None or (periods := self._periods.get(user)) is None:
            return None
        return periods.find(when)

    def summary(self, user: bytes, id_: bytes) -> bytes | None:
        """The summary that stands for a summary."""
        return self._into.get((user, id_))
