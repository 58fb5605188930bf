"""A person's account, and what they bring along."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from stoic_emperor.hosting.uploads import Uploads
from stoic_emperor.memory.receipts import NAMES
from stoic_emperor.safety import resources_for
from stoic_emperor.web.access import Operator, Visitor
from stoic_emperor.web.cards import card_html
from stoic_emperor.web.pages.contacts import choices
from stoic_emperor.web.pages.templating import page
from stoic_emperor.web.routes.operator import overview
from stoic_emperor.web.state import Hosted, hosted

router = APIRouter()

#: What was just done, as the address that a form leads to names it.
_DONE = {
    "password": "Your password is changed, and every other browser is signed out.",
    "elsewhere": "Every other browser is signed out.",
}


@router.get("/account")
def account(
    request: Request, identity: Visitor, hosted: Annotated[Hosted, Depends(hosted)], *, done: str = ""
) -> Response:
    """Name, consent, copies, sign-ins, and the way to erase everything."""
    user = hosted.application.database.person(identity.user_id).ensure()
    is_local = identity.provider == "local"
    return page(
        request,
        "account.html",
        identity,
        user=user,
        done=_DONE.get(done),
        erased_names=NAMES,
        country_choices=choices(user.country),
        codes_left=hosted.recovery.left(identity.user_id) if is_local else 0,
        sign_ins=hosted.sign_ins.all(identity.user_id) if identity.sign_in_id else [],
    )


@router.get("/operator")
async def operator(request: Request, identity: Operator, hosted: Annotated[Hosted, Depends(hosted)]) -> Response:
    """Health and counts, as the API tells them."""
    told = await overview(identity, hosted)
    checks = [(name, check.detail or ("well" if check.ok else "not well")) for name, check in told.ready.checks.items()]
    days: dict[str, Counter[str]] = {}
    for tally in told.tallies:
        days.setdefault(tally.day, Counter())[tally.what] += tally.count
    for referral in told.referrals:
        days.setdefault(referral.day, Counter())["help shown"] += referral.count
    return page(
        request,
        "operator.html",
        identity,
        groups=[
            ("Health", [("Altogether", told.ready.status), *checks]),
            (
                "Work",
                [
                    ("Replies under way", told.speaking),
                    *((q.task, f"{q.waiting} wait, {q.failed} failed") for q in told.queues),
                ],
            ),
            ("Version", [("Stoic Emperor", told.version)]),
        ],
        kinds=sorted({what for counts in days.values() for what in counts}),
        days=sorted(days.items(), reverse=True),
        here="/account",
    )


@router.get("/import")
def bring(request: Request, identity: Visitor, hosted: Annotated[Hosted, Depends(hosted)]) -> Response:
    """A journal, or texts for the library."""
    database = hosted.application.database
    user = database.person(identity.user_id).ensure()
    return page(
        request,
        "import.html",
        identity,
        user=user,
        card=card_html(resources_for(user.country)),
        uploads=Uploads(database, identity.user_id).all(50),
        limit=f"{hosted.configuration.settings.web.upload_megabytes} MB",
    )
