"""Who may do what: the dependencies that every route names.

`Caller` is somebody known; `Adult` has said that they are of age, and is what most of the API asks for; `Visitor` is an
`Adult` on a page, sent to sign in instead of being refused; `Operator` keeps the house. `Anyone` is for what needs
nobody: the person if they are known, else None.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, HTTPException, Request

from capsa import CapsaError
from stoic_emperor.web.auth.cookies import SIGN_IN
from stoic_emperor.web.auth.identifying import identify
from stoic_emperor.web.identity import Identity
from stoic_emperor.web.state import hosted_of

NOT_ADULT = (
    "before talking, say that you are 18 or older and accept the terms: on the page /welcome, or with "
    'PUT /api/user {"adult": true}'
)
NOT_OPERATOR = "this is for whoever keeps this server: web.operators in config/settings.yaml names them"


async def anyone(request: Request) -> Identity | None:
    """The person if they are known; None if nothing says who is asking.

    Raises:
        HTTPException: 401, what says who is asking is wrong; 403, the request was begun elsewhere.
    """
    here = hosted_of(request)
    proof = here.sign("proof", request.headers.get("authorization", ""), request.cookies.get(SIGN_IN, ""))
    try:
        identity = await identify(request, here)
    except CapsaError:
        # Contacts with a refusal are those of the person's country, also while nobody can be recognised.
        request.state.who = here.recognised.of(proof).user_id
        raise
    if identity is not None:
        request.state.who = here.recognised.of(proof).user_id = identity.user_id
    return identity


async def caller(identity: Annotated[Identity | None, Depends(anyone)]) -> Identity:
    """Somebody known.

    Raises:
        HTTPException: 401, nobody is.
    """
    if identity is None:
        raise HTTPException(401, "nobody is signed in: sign in at /sign-in", {"WWW-Authenticate": "Bearer"})
    return identity


async def adult(identity: Annotated[Identity, Depends(caller)]) -> Identity:
    """Somebody known who has said that they are of age.

    Raises:
        HTTPException: 401 as of `caller`; 403, they have not.
    """
    if not identity.adult:
        raise HTTPException(403, NOT_ADULT)
    return identity


async def operator(identity: Annotated[Identity, Depends(caller)]) -> Identity:
    """Somebody who keeps this house.

    Raises:
        HTTPException: 401 as of `caller`; 403, they do not.
    """
    if not identity.operator:
        raise HTTPException(403, NOT_OPERATOR)
    return identity


async def newcomer(request: Request) -> Identity:
    """Somebody known, on a page; who is not is sent to sign in. For /welcome, which comes before `visitor`.

    Raises:
        HTTPException: 303, they are sent on.
    """
    try:
        identity = await anyone(request)
    except HTTPException as refused:
        if refused.status_code != 401:
            raise
        identity = None
    if identity is None:
        raise HTTPException(303, headers={"Location": f"/sign-in?next={_here(request)}"})
    return identity


async def visitor(request: Request, identity: Annotated[Identity, Depends(newcomer)]) -> Identity:
    """An adult on a page; others are sent to sign in or to say so.

    Raises:
        HTTPException: 303, they are sent on.
    """
    if not identity.adult:
        raise HTTPException(303, headers={"Location": f"/welcome?next={_here(request)}"})
    return identity


def _here(request: Request) -> str:
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return quote(here if request.method == "GET" else "/", safe="")


Anyone = Annotated[Identity | None, Depends(anyone)]
Caller = Annotated[Identity, Depends(caller)]
Adult = Annotated[Identity, Depends(adult)]
Operator = Annotated[Identity, Depends(operator)]
Newcomer = Annotated[Identity, Depends(newcomer)]
Visitor = Annotated[Identity, Depends(visitor)]
