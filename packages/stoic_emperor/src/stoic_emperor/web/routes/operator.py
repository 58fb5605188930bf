"""For whoever keeps the house: health and counts, and nothing about anybody."""

from __future__ import annotations

import asyncio
import dataclasses

import stoic_emperor
from stoic_emperor.hosting.tallies import Tallies
from stoic_emperor.hosting.waiting import Waiting
from stoic_emperor.web.access import Operator
from stoic_emperor.web.routes.common import Here, for_persons
from stoic_emperor.web.routes.shapes import OperatorShape, QueueShape, ReadyShape, ReferralShape, TallyShape
from stoic_emperor.web.state import Hosted

router = for_persons("operator")


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
