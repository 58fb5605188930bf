"""What a page's form or a program's JSON says: the same fields, read once, and never long."""

from __future__ import annotations

import json
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request
from pydantic import BaseModel, ConfigDict, ValidationError

_LONGEST = 16_384
_FORM = "application/x-www-form-urlencoded"
_KEPT = "stoic_fields"


class Fields(BaseModel):
    """What a route reads; what a page adds for itself is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, str_max_length=2_000)


F = TypeVar("F", bound=Fields)


def is_form(request: Request) -> bool:
    """Whether a page sent it, whose person sees the next page; a program gets JSON."""
    return _kind(request) == _FORM


def is_json(request: Request) -> bool:
    """Whether a program sent it; a form of another site cannot."""
    return _kind(request) == "application/json"


async def read(request: Request, model: type[F]) -> F:
    """The fields of a request.

    Raises:
        HTTPException: 413, 415 or 422: it cannot be read; what stood in it is not repeated.
    """
    try:
        return model.model_validate(await fields(request))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False)]
        raise HTTPException(422, f"this was not understood: {'; '.join(faults)}") from None


async def fields(request: Request) -> dict[str, Any]:
    """All fields, unchecked. May be asked for more than once.

    Raises:
        HTTPException: as of `read`.
    """
    kept: dict[str, Any] | None = request.scope.get(_KEPT)
    if kept is None:
        kept = request.scope[_KEPT] = _parsed(_kind(request), await _body(request))
    return kept


def openapi(model: type[Fields]) -> dict[str, Any]:
    """How such a body is described, for ``openapi_extra``."""
    schema = model.model_json_schema()
    return {"requestBody": {"required": True, "content": {k: {"schema": schema} for k in ("application/json", _FORM)}}}


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > _LONGEST:
            raise HTTPException(413, f"this form is longer than {_LONGEST} bytes, and was not read")
    return bytes(content)


def _parsed(kind: str, body: bytes) -> dict[str, Any]:
    if kind == _FORM:
        try:
            return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50))
        except ValueError:
            raise HTTPException(422, "this form has too many fields, and was not read") from None
    if kind == "application/json":
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return found
        raise HTTPException(422, "this is no JSON object: send one, such as {}")
    raise HTTPException(415, f"send application/json or {_FORM}")
