"""For whoever keeps the house: health and counts, and nothing about anybody."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import stoic_emperor
from stoic_emperor.hosting.tallies import Tallies
from stoic_emperor.hosting.waiting import Waiting
from stoic_emperor.web.access import Operator
from stoic_emperor.web.routes.common import Here, for_persons
from stoic_emperor.web.routes.health import ReadyShape
from stoic_emperor.web.state import Hosted

router = for_persons("operator")


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueShape:
    """Work of one kind that waits."""

    task: str
    waiting: int
    failed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TallyShape:
    """How often something happened on one day."""

    day: str
    what: str
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferralShape:
    """How often help was shown on one day, and what for."""

    day: str
    category: str
    level: str
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatorShape:
    """Health and counts; nothing about anybody."""

    version: str
    ready: ReadyShape
    #: Replies under way in this process.
    speaking: int
    queues: Sequence[QueueShape]
    tallies: Sequence[TallyShape]
    referrals: Sequence[ReferralShape]


@router.get("/operator")
async def overview(_: Operator, here: Here) -> OperatorShape:
    """Health, what waits, and how much happened in the last thirty days."""
    checks = await here.probing.all(running=here.worker.running)
    is_ready = all(check.ok for check in checks.values())
    queues, tallies, referrals = await asyncio.to_thread(_counts, here)
    return OperatorShape(
        version=stoic_emperor.__version__,
        ready=ReadyShape(status="ready" if is_ready else "not ready", checks=checks),
        speaking=len(here.talking.turns.running()),
        queues=queues,
        tallies=tallies,
        referrals=referrals,
    )


def _counts(here: Hosted) -> tuple[list[QueueShape], list[TallyShape], list[ReferralShape]]:
    database = here.application.database
    return (
        [QueueShape(**dataclasses.asdict(queue)) for queue in Waiting(database).queues()],
        [TallyShape(**dataclasses.asdict(tally)) for tally in Tallies(database).last()],
        [ReferralShape(day=day, category=c, level=level, count=n) for day, c, level, n in database.referrals()],
    )
