"""Whether the process lives, and whether it can do all it is there for. Asked by machines, so without signing in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Response

from stoic_emperor.web.probing import Check
from stoic_emperor.web.routes.common import Here, troubles

router = APIRouter(tags=["health"], responses=troubles(429))


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthShape:
    """Whether the process lives, and its database answers."""

    #: "ok" or "failing".
    status: str
    database: str
    #: Seconds since the database was looked at.
    age: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadyShape:
    """Whether this process can do all it is there for."""

    #: "ready" or "not ready".
    status: str
    checks: Mapping[str, Check]


@router.get("/health", responses={503: {"model": HealthShape, "description": "The database does not answer."}})
async def health(here: Here, response: Response) -> HealthShape:
    """Whether the process lives and its database answers."""
    failing = await here.probing.database()
    response.status_code = 503 if failing else 200
    response.headers["Cache-Control"] = "no-store"
    age = round(here.probing.age, 3)
    return HealthShape(status="failing" if failing else "ok", database=failing or "ok", age=age)


@router.get("/ready", responses={503: {"model": ReadyShape, "description": "Something is missing."}})
async def ready(here: Here, response: Response) -> ReadyShape:
    """Whether database, models, disk and background work are as they should be."""
    checks = await here.probing.all(running=here.worker.running)
    is_ready = all(check.ok for check in checks.values())
    response.status_code = 200 if is_ready else 503
    response.headers["Cache-Control"] = "no-store"
    return ReadyShape(status="ready" if is_ready else "not ready", checks=checks)
