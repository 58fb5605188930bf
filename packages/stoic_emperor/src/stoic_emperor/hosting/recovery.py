"""Codes that each let somebody in once who has lost the password. No mail is sent, so none can be read by others."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from stoic_emperor.hosting.bound import Bound
from stoic_emperor.models import now

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.database import Database

CODES = 8

#: Crockford's: without letters that are taken for others when they are copied from paper.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TAKEN_FOR = str.maketrans("OIL", "011", "- \t")
_GROUPS, _GROUP = 4, 4


class Recovery:
    """The recovery codes of everybody; only their hashes are kept."""

    def __init__(self, database: Database, clock: Callable[[], dt.datetime] = now) -> None:
        """Nothing is read yet."""
        self._database = database
        self._now = clock

    def renew(self, user_id: str) -> list[str]:
        """New codes, to be shown once; those before are void."""
        codes = [_new_code() for _ in range(CODES)]
        mine = Bound(self._database, user_id)
        with mine.writing() as tx:
            mine.run(tx, "delete_recovery_codes")
            for code in codes:
                mine.run(tx, "add_recovery_code", code_hash=_hash(code), at=self._now())
        return codes

    def left(self, user_id: str) -> int:
        """How many codes were not used yet."""
        return int(Bound(self._database, user_id).read("count_recovery_codes")[0][0])

    def made_at(self, user_id: str) -> dt.datetime | None:
        """When those that are left were made; None if there are none."""
        return self._database.rows.time(Bound(self._database, user_id).read("recovery_codes_made_at")[0][0])

    def use(self, user_id: str, code: str) -> bool:
        """Whether this was a code of theirs; it is none afterwards."""
        return bool(Bound(self._database, user_id).write("use_recovery_code", code_hash=_hash(code)))


def _new_code() -> str:
    # 80 bits: nobody tries them all, so a plain hash keeps them.
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


def _hash(code: str) -> str:
    """Of the code as it was meant, however it was copied."""
    meant = code.upper().translate(_TAKEN_FOR)
    return hashlib.sha256(meant.encode("utf-8", "replace")).hexdigest()
