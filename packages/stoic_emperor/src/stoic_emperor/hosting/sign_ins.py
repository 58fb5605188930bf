"""Browsers that are signed in: each has a secret that changes while it is used, so that a stolen copy is noticed.

What changes is the cookie of a browser that may have many requests under way, and may lose an answer. So the secret
before stays good until the new one was brought for the first time, and a little longer. Each new one is derived from
the one before by a key of the house: whoever brings the one before is given the same new one, however often they ask.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stoic_emperor.hosting.accounts import Account, account_of
from stoic_emperor.hosting.bound import Bound
from stoic_emperor.models import new_id, now

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.database import Database

log = logging.getLogger(__name__)

#: A sign-in ends when it was not used for so long, and in any case when it is so old.
IDLE, OLDEST = dt.timedelta(days=14), dt.timedelta(days=90)
#: How long a secret is used.
ROTATE = dt.timedelta(minutes=15)
#: For how long requests may still bring the one before, once the new one was brought.
GRACE = dt.timedelta(seconds=60)
#: How exactly it is kept when somebody was last here: not every request writes.
SEEN = dt.timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class SignIn:
    """A browser that is signed in, for its person to recognise."""

    id: str
    #: Browser and system in a few words.
    browser: str
    created_at: dt.datetime
    seen_at: dt.datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """A new sign-in, and what the browser is to bring from now on."""

    id: str
    secret: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognised:
    """A browser that brought its secret."""

    id: str
    account: Account
    #: What it is to bring from now on; None: the same.
    secret: str | None


class SignIns:
    """The sign-ins of everybody; only hashes of their secrets are kept."""

    def __init__(
        self, database: Database, derive: Callable[[str, str], str], clock: Callable[[], dt.datetime] = now
    ) -> None:
        """Nothing is read yet.

        Args:
            database: where they are kept.
            derive: a keyed hash of a sign-in's id and its secret, which nobody else can make.
            clock: the present moment.
        """
        self._database = database
        self._derive = derive
        self._now = clock

    def begin(self, user_id: str, browser: str) -> Begun:
        """Sign a browser in, whose person has proved who they are."""
        begun = Begun(id=new_id(), secret=secrets.token_urlsafe(32))
        at = self._now()
        mine = Bound(self._database, user_id)
        with mine.writing() as tx:
            mine.run(tx, "end_old_sign_ins", unseen_since=at - IDLE, older_than=at - OLDEST)
            mine.run(tx, "add_sign_in", id=begun.id, secret_hash=_hash(begun.secret), at=at, browser=browser)
        return begun

    def recognise(self, user_id: str, sign_in_id: str, secret: str) -> Recognised | None:
        """Whose browser brings this secret; None if nobody's, or no longer."""
        mine = Bound(self._database, user_id)
        rows = mine.read("sign_in", id=sign_in_id)
        if not rows:
            return None
        row = rows[0]
        time = self._database.rows.time
        created_at, seen_at, rotated_at = (self._database.engine.datetime(value) for value in row[2:5])
        confirmed_at, current, previous = time(row[5]), row[6], row[7]
        account = account_of(self._database, row[8:13])
        at = self._now()
        if at - created_at >= OLDEST or at - seen_at >= IDLE:
            mine.write("end_sign_in", id=sign_in_id)
            return None
        brought = _hash(secret)
        if hmac.compare_digest(brought, current):
            next_secret = None
            if at - rotated_at >= ROTATE:
                next_secret = self._derive(sign_in_id, secret)
                mine.write("rotate_sign_in", id=sign_in_id, secret_hash=current, next_hash=_hash(next_secret), at=at)
            elif confirmed_at is None:
                mine.write("confirm_sign_in", id=sign_in_id, secret_hash=current, at=at)
            elif at - seen_at >= SEEN:
                mine.write("see_sign_in", id=sign_in_id, at=at)
            return Recognised(id=sign_in_id, account=account, secret=next_secret)
        before = previous is not None and hmac.compare_digest(brought, previous)
        if before and (confirmed_at is None or at - confirmed_at < GRACE):
            again = self._derive(sign_in_id, secret)
            known = hmac.compare_digest(_hash(again), current)
            return Recognised(id=sign_in_id, account=account, secret=again if known else None)
        mine.write("end_sign_in", id=sign_in_id)
        log.warning("a sign-in was ended: somebody brought a secret of it that had been replaced")
        return None

    def all(self, user_id: str) -> list[SignIn]:
        """Where somebody is signed in, the latest first."""
        time = self._database.engine.datetime
        at = self._now()
        found = [
            SignIn(id=id_, browser=browser, created_at=time(created_at), seen_at=time(seen_at))
            for id_, browser, created_at, seen_at in Bound(self._database, user_id).read("sign_ins")
        ]
        return [one for one in found if at - one.created_at < OLDEST and at - one.seen_at < IDLE]

    def end(self, user_id: str, sign_in_id: str) -> bool:
        """Sign a browser out; False if there is no such sign-in of theirs."""
        return bool(Bound(self._database, user_id).write("end_sign_in", id=sign_in_id))

    def end_all(self, user_id: str, but: str | None = None) -> int:
        """Sign out every browser, or all but one; how many."""
        mine = Bound(self._database, user_id)
        return len(mine.write("end_sign_ins") if but is None else mine.write("end_other_sign_ins", id=but))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
