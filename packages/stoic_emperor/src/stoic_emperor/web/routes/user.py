"""The person: what they are called, what they allow, all that is kept of them, and the end of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from stoic_emperor.errors import NotRecognised
from stoic_emperor.hosting.accounts import NOT_YOURS
from stoic_emperor.hosting.tallies import Tallies
from stoic_emperor.hosting.waiting import Waiting
from stoic_emperor.memory.exporting import export_json, export_markdown
from stoic_emperor.models import User, now
from stoic_emperor.web.access import Adult, Caller
from stoic_emperor.web.auth import cookies
from stoic_emperor.web.identity import Identity
from stoic_emperor.web.routes.common import Here, Trouble, erasing, for_persons, person_of, troubles, visible
from stoic_emperor.web.routes.shapes import ReceiptShape
from stoic_emperor.web.state import Hosted

# The one place that describes the shape itself.
open_to_all = APIRouter(
    prefix="/api", tags=["configuration"], responses={429: {"model": Trouble, **troubles(429)[429]}}
)
router = for_persons("person")

#: What one may type instead of a login to erase everything.
_WORD = "erase"
_CHUNK = 64 << 10

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(visible)]
Country = Annotated[str, Field(pattern=r"^([A-Za-z]{2})?$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Named(_Body):
    """What somebody wants to be called."""

    name: Name


class Changes(_Body):
    """What is to be different; what is left out stays."""

    name: Name | None = None
    #: ISO 3166-1 alpha-2; empty for none.
    country: Country | None = None
    consent: bool | None = None
    paused: bool | None = None
    adult: Literal[True] | None = None


class Farewell(_Body):
    """That everything is to be erased."""

    #: One's login, or the word "erase".
    confirm: Annotated[str, Field(max_length=1_000)]
    #: Where one has one.
    password: Annotated[str, Field(max_length=2_000)] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigShape:
    """What a page needs to know before anybody signs in."""

    environment: str
    supabase_url: str | None
    supabase_anon_key: str | None
    #: How one signs in: "single", "local", "supabase".
    sign_in: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class UserShape:
    """Who asks."""

    id: str
    name: str | None
    created_at: dt.datetime
    #: ISO 3166-1 alpha-2.
    country: str | None
    #: Whether what they write may be analysed.
    consent: bool
    #: Whether they were asked.
    asked: bool
    #: Whether nothing new is remembered for now.
    paused: bool
    #: Whether they said that they are 18 or older.
    adult: bool
    #: "local", "supabase" or "single".
    provider: str
    operator: bool


@open_to_all.get("/config")
def config(here: Here) -> ConfigShape:
    """What a page needs to know before anybody signs in."""
    auth = here.configuration.settings.auth
    return ConfigShape(
        environment=here.configuration.environment,
        supabase_url=auth.supabase_url,
        supabase_anon_key=auth.supabase_anon_key,
        sign_in=here.configuration.ways_in,
    )


@router.get("/user")
def user(identity: Caller, here: Here) -> UserShape:
    """Who asks; made known at the first call."""
    return _shown(_known(here, identity), identity)


@router.put("/user/name")
def rename(named: Named, identity: Caller, here: Here) -> UserShape:
    """Be called something else."""
    _known(here, identity)
    return _shown(person_of(here, identity).change(name=named.name), identity)


@router.put("/user")
def change(changes: Changes, identity: Caller, here: Here) -> UserShape:
    """Change name or country; allow, stop or pause the analysis; say that one is of age, once and for all."""
    known = _known(here, identity)
    values: dict[str, Any] = {}
    if changes.name is not None:
        values["name"] = changes.name
    if changes.country is not None:
        values["country"] = changes.country.upper() or None
    if changes.consent is not None:
        values |= {"asked_at": now(), "consent_at": (known.consent_at or now()) if changes.consent else None}
    if changes.paused is not None:
        values["paused_at"] = (known.paused_at or now()) if changes.paused else None
    changed = person_of(here, identity).change(**values) if values else known
    if changes.adult:
        here.accounts.confirm_adult(identity.user_id, identity.provider)
    if changed.remembers and not known.remembers:
        Waiting(here.application.database).put(identity.user_id, "reflect")
    return _shown(changed, identity, adult=identity.adult or bool(changes.adult))


_FILES: Any = {
    200: {
        "description": "A file.",
        "content": {"text/markdown": {"schema": {"type": "string"}}, "application/json": {"schema": {}}},
    }
}


@router.get("/export", response_class=Response, responses=_FILES)
async def export(identity: Adult, here: Here, format: Literal["json", "markdown"] = "json") -> Response:
    """All that is kept of one, as a file."""
    file = await asyncio.to_thread(_written, here, identity, format)
    kind, suffix = ("application/json", "json") if format == "json" else ("text/markdown; charset=utf-8", "md")
    headers = {
        "Content-Disposition": f'attachment; filename="stoic-emperor-{now():%Y-%m-%d}.{suffix}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_read(file), media_type=kind, headers=headers)


@router.delete("/user", responses=troubles(409))
async def erase(farewell: Farewell, identity: Caller, request: Request, response: Response, here: Here) -> ReceiptShape:
    """Erase everything of oneself, the account included; the receipt counts it, table by table."""
    typed = farewell.confirm.strip().casefold()
    if typed not in {_WORD, (identity.login or _WORD).casefold()}:
        raise HTTPException(409, f'nothing was erased: to confirm, type your login, or the word "{_WORD}"')
    if identity.provider == "local" and identity.login is not None:
        await _check(here, identity.login, farewell.password)
    await here.talking.erase(identity.user_id)
    receipt = await erasing(here, here.application.forgetting(person_of(here, identity)).everything)
    await asyncio.to_thread(Tallies(here.application.database).count, "erasures")
    if identity.sign_in_id is not None:
        cookies.take(request, cookies.SIGN_IN)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return ReceiptShape.of(receipt)


async def _check(here: Hosted, login: str, password: str | None) -> None:
    """That it is really they who want everything erased."""
    if not password:
        raise HTTPException(403, "nothing was erased: give your password too, so that nobody else can do this")
    try:
        await here.with_passwords(here.accounts.recognise, login, password)
    except NotRecognised:
        raise HTTPException(403, f"nothing was erased: {NOT_YOURS}") from None


def _known(here: Hosted, identity: Identity) -> User:
    here.accounts.ensure(identity.user_id, identity.provider)
    return person_of(here, identity).ensure()


def _shown(user: User, identity: Identity, *, adult: bool | None = None) -> UserShape:
    return UserShape(
        id=user.id,
        name=user.name,
        created_at=user.created_at,
        country=user.country,
        consent=user.consent_at is not None,
        asked=user.asked_at is not None,
        paused=user.paused_at is not None,
        adult=identity.adult if adult is None else adult,
        provider=identity.provider,
        operator=identity.operator,
    )


def _written(here: Hosted, identity: Identity, format: str) -> IO[bytes]:
    """The export in a file without a name: whoever reads it slowly holds no connection to the database."""
    person = person_of(here, identity)
    recall = here.application.recall(identity.user_id)
    pieces: Iterator[str] = export_json(person, recall) if format == "json" else export_markdown(person)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it was read
    try:
        for piece in pieces:
            file.write(piece.encode("utf-8", "replace"))
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


async def _read(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
