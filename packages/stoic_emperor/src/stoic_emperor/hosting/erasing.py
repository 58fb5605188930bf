"""Forgetting somebody's account: what of hosting is theirs, and what is about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import capsa
from stoic_emperor.hosting import HOUSE
from stoic_emperor.hosting.bound import Bound
from stoic_emperor.hosting.logins import login_key

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.database import Database

#: Table -> the statement that erases one person's rows of it, in an order that no reference forbids.
_OWN = {
    "upload_parts": "erase_upload_parts",
    "uploads": "erase_uploads",
    "usage": "erase_usage",
    "sign_ins": "end_sign_ins",
    "recovery_codes": "delete_recovery_codes",
    "accounts": "delete_account",
}


def erase_about(database: Database, user_id: str) -> dict[str, int]:
    """Erase what is not a person's own row: their login, and that something waits for them; how many of each.

    Comes first and on its own: until the rest is erased they are still signed in, and can ask for it again.
    """
    rows = Bound(database, user_id).read("account")
    login = capsa.from_stored(rows[0][1]) if rows and rows[0][1] is not None else None
    row = None if login is None else Bound(database, login_key(login))
    return {
        "logins": 0 if row is None else len(row.write("delete_login", user_id=user_id)),
        "waiting": len(Bound(database, HOUSE).write("erase_waiting", user_id=user_id)),
    }


def erase_own(database: Database, user_id: str, tx: capsa.Transaction) -> dict[str, int]:
    """Erase a person's own rows, inside ``tx``; how many of each table."""
    mine = Bound(database, user_id)
    return {table: len(mine.run(tx, statement)) for table, statement in _OWN.items()}


def provider_of(database: Database, user_id: str) -> str | None:
    """Who vouches for a person; None if they have no account."""
    rows = Bound(database, user_id).read("account")
    return str(rows[0][2]) if rows else None
