"""Handing in journals, and texts for the library. They are read later, off the path."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import HTTPException, Query, Request, Response

from stoic_emperor.hosting.uploads import PART, SUFFIXES, Upload, Uploads, plain_name
from stoic_emperor.hosting.waiting import Waiting
from stoic_emperor.models import now
from stoic_emperor.web.access import NOT_OPERATOR, Adult
from stoic_emperor.web.identity import Identity
from stoic_emperor.web.limits import too_large
from stoic_emperor.web.routes.common import Here, Id, for_persons, troubles
from stoic_emperor.web.routes.shapes import Accepted
from stoic_emperor.web.state import Hosted

router = for_persons("uploads")

#: Files of the largest size that one person may have waiting.
_WAITING = 5

About = Annotated[str | None, Query(max_length=500)]
_RAW: Any = {
    "requestBody": {
        "required": True,
        "description": "The file as it is.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadShape:
    """A file that was handed in."""

    id: str
    kind: Literal["journal", "texts"]
    name: str
    size: int
    #: "waiting", "working", "done" or "failed".
    state: str
    #: Bytes that are read, and all.
    done: int
    total: int
    #: What became of it; None before.
    report: Mapping[str, Any] | None
    created_at: dt.datetime
    finished_at: dt.datetime | None

    @classmethod
    def of(cls, upload: Upload) -> UploadShape:
        """As it is kept."""
        return cls(
            id=upload.id,
            kind=upload.kind,
            name=upload.name,
            size=upload.size,
            state=upload.state,
            done=upload.done,
            total=upload.total or upload.size,
            report=upload.report if isinstance(upload.report, dict) else None,
            created_at=upload.created_at,
            finished_at=upload.finished_at,
        )


@router.post("/uploads", status_code=202, responses=troubles(415), openapi_extra=_RAW)
async def hand_in(
    request: Request,
    identity: Adult,
    here: Here,
    *,
    kind: Literal["journal", "texts"],
    name: Annotated[str, Query(min_length=1, max_length=500)],
    author: About = None,
    work: About = None,
    source: About = None,
    modified: int | None = None,
) -> Accepted:
    """Hand in one file; the body is the file itself. Texts are for the library of all, so for an operator only.

    A journal is of the day in its name (``2024-01-03.md``), else of the moment it was last written: ``modified``,
    in milliseconds since 1970, else now.
    """
    if kind == "texts" and not identity.operator:
        raise HTTPException(403, NOT_OPERATOR)
    file = plain_name(name)
    if not file.lower().endswith(SUFFIXES[kind]):
        raise HTTPException(415, f"a file of this kind cannot be read here: hand in {', '.join(SUFFIXES[kind])}")
    uploads = Uploads(here.application.database, identity.user_id)
    most = here.limits.upload_bytes
    if await asyncio.to_thread(uploads.unread) > (_WAITING - 1) * most:
        wait = {"Retry-After": "60"}
        raise HTTPException(429, "what you handed in before is still to be read: wait for that, then go on", wait)
    about = {key: value for key, value in (("author", author), ("work", work), ("source", source)) if value}
    if modified is not None and 0 < modified <= now().timestamp() * 1000:
        about["modified"] = str(modified)
    upload_id = await asyncio.to_thread(uploads.begin, kind, file, about)
    try:
        size = await _received(request, uploads, upload_id, most)
    except BaseException:
        # Broken off, or too large: then nothing of it stays.
        await asyncio.shield(asyncio.to_thread(uploads.delete, upload_id))
        raise
    await asyncio.to_thread(_wait, here, identity, uploads, upload_id, size)
    here.worker.wake()
    return Accepted(id=upload_id)


async def _received(request: Request, uploads: Uploads, upload_id: str, most: int) -> int:
    """Put the body away piece by piece as it comes; how long it is."""
    held = bytearray()
    size = part = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise HTTPException(413, too_large(most))
        held += chunk
        while len(held) >= PART:
            part += 1
            await asyncio.to_thread(uploads.add, upload_id, part, bytes(held[:PART]))
            del held[:PART]
    if held:
        await asyncio.to_thread(uploads.add, upload_id, part + 1, bytes(held))
    if not size:
        raise HTTPException(422, "this file is empty: there is nothing in it to read")
    return size


def _wait(here: Hosted, identity: Identity, uploads: Uploads, upload_id: str, size: int) -> None:
    uploads.received(upload_id, size)
    Waiting(here.application.database).put(identity.user_id, "upload")


@router.get("/uploads")
def uploads(identity: Adult, here: Here) -> list[UploadShape]:
    """What one handed in, the newest first."""
    return [UploadShape.of(upload) for upload in Uploads(here.application.database, identity.user_id).all()]


@router.get("/uploads/{upload_id}", responses=troubles(404))
def upload(upload_id: Id, identity: Adult, here: Here) -> UploadShape:
    """How far the reading of a file is, and what became of it."""
    return UploadShape.of(Uploads(here.application.database, identity.user_id).get(upload_id))


@router.delete("/uploads/{upload_id}", status_code=204, responses=troubles(404))
def take_back(upload_id: Id, identity: Adult, here: Here) -> Response:
    """Take a file back, or strike it from the list; what was made of it stays."""
    Uploads(here.application.database, identity.user_id).delete(upload_id)
    return Response(status_code=204)
