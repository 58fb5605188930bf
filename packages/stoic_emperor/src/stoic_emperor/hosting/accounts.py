"""Who has an account, and whether a password is theirs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

import capsa
from stoic_emperor.errors import LoginTaken, NotRecognised, RegistrationClosed
from stoic_emperor.hosting import HOUSE
from stoic_emperor.hosting.bound import Bound
from stoic_emperor.hosting.logins import check_login, login_key
from stoic_emperor.models import new_id, now
from stoic_emperor.text import plain_line

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.database import Database

#: Who vouches for a person: we, a Supabase project, or that they sit at this machine.
Provider = Literal["local", "supabase", "single"]

#: From so many wrong tries on, one has to wait: a minute, and each time twice as long, but never longer than
#: `LONGEST_LOCK`, for whoever locks a login is not always its owner.
TRIES = 5
LONGEST_LOCK = dt.timedelta(minutes=30)

#: Told in every case, so that it tells nobody which logins there are, nor which of them is locked.
NOT_RECOGNISED = (
    "this name and password do not belong together; after five wrong tries one has to wait before the next, "
    "a minute and then longer: check both, or use a recovery code"
)

_CLOSED = "this house is closed: whoever keeps it can let you in with `stoic users add`, and is to be asked"

#: The same of somebody who is signed in, and whose login nobody asks for.
NOT_YOURS = (
    "this is not your password, or there were five wrong tries in a row: then one has to wait a minute before the "
    "next, and later longer"
)

#: An id alone makes nobody the person who has it here: who vouches for them is part of who they are.
NOT_THEIRS = (
    "this sign-in belongs to no account here, for the account with its id signs in another way: sign in that way"
)

#: Stands for whoever has no login: their tries are written down too, so that they take as long.
_NOBODY = login_key("")


class Hasher(Protocol):
    """Turns passwords into what may be kept."""

    def hash(self, password: str) -> str:
        """What is kept of a password."""

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether it is of this password; as slow where there is none."""

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it should be made anew, for what it was made with is no longer thought strong enough."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A person as this house knows them."""

    user_id: str
    #: As it was typed; None where nothing is.
    login: str | None
    provider: Provider
    created_at: dt.datetime
    #: When they said that they are 18 or older and accept the terms; None: not yet.
    adult_at: dt.datetime | None


class Accounts:
    """The accounts of one house. Checking a password takes a tenth of a second and 64 MB: not for every request."""

    def __init__(self, database: Database, hasher: Hasher, clock: Callable[[], dt.datetime] = now) -> None:
        """Nothing is read yet."""
        self._database = database
        self._hasher = hasher
        self._now = clock

    def account(self, user_id: str) -> Account | None:
        """The account of a person, if they have one."""
        rows = self._of(user_id).read("account")
        return account_of(self._database, rows[0]) if rows else None

    def ensure(self, user_id: str, provider: Provider) -> Account:
        """The account of a person whom another vouches for, made if there is none.

        Raises:
            NotRecognised: somebody else vouches for the person who has this id.
        """
        if (known := self.account(user_id)) is not None:
            if known.provider != provider:
                raise NotRecognised(NOT_THEIRS)
            return known
        mine = self._of(user_id)
        with mine.writing() as tx:
            self._add(tx, mine, login=None, password_hash=None, provider=provider, name=None)
            return account_of(self._database, mine.run(tx, "account")[0])

    def confirm_adult(self, user_id: str, provider: Provider) -> None:
        """Keep that somebody said they are of age; they have an account then. It cannot be unsaid."""
        self.ensure(user_id, provider)
        self._of(user_id).write("confirm_adult", at=self._now())

    # Accounts of our own

    def register(self, login: str, password: str, *, name: str | None = None, only_first: bool = False) -> Account:
        """A new account with a login and a password, which the caller has found good enough.

        Args:
            name: how they want to be called.
            only_first: whether only the first account of the house may be made so.

        Raises:
            Unacceptable: the login cannot be one.
            LoginTaken: somebody has it.
            RegistrationClosed: it is not the first account.
        """
        shown = check_login(login)
        if only_first and self.has_first():
            raise RegistrationClosed(_CLOSED)
        password_hash = self._hasher.hash(password)
        if only_first:
            return self._register_first(shown, password_hash, name)
        # Before the account: from here on nobody can be the first any more.
        Bound(self._database, HOUSE).write("claim_first_account")
        mine = self._of(new_id())
        # The login last: an account without one is nobody's, a login without an account could be nobody's again.
        with mine.writing() as tx:
            self._add(tx, mine, login=shown, password_hash=password_hash, provider="local", name=name)
            account = account_of(self._database, mine.run(tx, "account")[0])
        if not self._take_login(login_key(login), account.user_id):
            with mine.writing() as tx:
                mine.run(tx, "delete_account")
                mine.run(tx, "delete_known_user")
            raise _taken(shown)
        return account

    def has_first(self) -> bool:
        """Whether the first account of the house was made, so that nobody else can make it."""
        return bool(Bound(self._database, HOUSE).read("first_account"))

    def recognise(self, login: str, password: str) -> Account:
        """The account that this login and password open.

        Raises:
            NotRecognised: they open none, or one has to wait.
        """
        user_id = self._count_try(login)
        mine = self._of(user_id or HOUSE)
        rows = mine.read("password_hash")
        password_hash = rows[0][0] if rows and user_id else None
        account = self.account(mine.owner)
        if not self._hasher.verify(password_hash, password) or account is None or user_id is None:
            raise NotRecognised(NOT_RECOGNISED)
        Bound(self._database, login_key(login)).write("unlock_login")
        if self._hasher.is_outdated(cast("str", password_hash)):
            self.set_password(user_id, password)
        return account

    def user_of(self, login: str) -> str | None:
        """Whom a login means, if anybody."""
        rows = Bound(self._database, login_key(login)).read("login")
        return str(rows[0][0]) if rows else None

    def set_password(self, user_id: str, password: str) -> None:
        """Give an account of our own another password; one of others stays without."""
        self.set_hash(user_id, self._hasher.hash(password))

    def set_hash(self, user_id: str, password_hash: str) -> None:
        """The same, with a password that was hashed already."""
        self._of(user_id).write("set_password_hash", password_hash=password_hash)

    def unlock(self, login: str) -> None:
        """Forget the wrong tries at a login: its owner has proved who they are in another way."""
        Bound(self._database, login_key(login)).write("unlock_login")

    # Steps

    def _register_first(self, shown: str, password_hash: str, name: str | None) -> Account:
        """All at once or not at all, so that neither two get in nor, after a crash, nobody ever.

        Place, account and login are rows of three owners, so this one transaction, once in the life of a house, is
        bound to none of them.
        """
        house, mine, row = (Bound(self._database, owner) for owner in (HOUSE, new_id(), login_key(shown)))
        with self._database.engine.maintain() as tx:
            if not house.run(tx, "claim_first_account"):
                raise RegistrationClosed(_CLOSED)
            self._add(tx, mine, login=shown, password_hash=password_hash, provider="local", name=name)
            if not row.run(tx, "add_login", user_id=mine.owner):
                raise _taken(shown)
            return account_of(self._database, mine.run(tx, "account")[0])

    def _of(self, user_id: str) -> Bound:
        return Bound(self._database, user_id)

    def _add(
        self,
        tx: capsa.Transaction,
        mine: Bound,
        *,
        login: str | None,
        password_hash: str | None,
        provider: Provider,
        name: str | None,
    ) -> None:
        at = self._now()
        mine.run(tx, "add_known_user", name=plain_line(name or "") or None, at=at)
        mine.run(tx, "add_account", login=login, password_hash=password_hash, provider=provider, at=at)

    def _take_login(self, key: str, user_id: str) -> bool:
        row = Bound(self._database, key)
        if row.write("add_login", user_id=user_id):
            return True
        rows = row.read("login")
        if not rows:
            return bool(row.write("add_login", user_id=user_id))
        holder = str(rows[0][0])
        if self.account(holder) is not None:
            return False
        return bool(row.write("take_over_login", user_id=user_id, gone=holder))

    def _count_try(self, login: str) -> str | None:
        """Whom a login means, once the try is written down; None: nobody, or one has to wait."""
        at = self._now()
        row = Bound(self._database, login_key(login))
        with row.writing() as tx:
            found = row.run(tx, "count_try", at=at)
            if found and found[0][1] >= TRIES:
                row.run(tx, "lock_login", until=at + _lock(found[0][1]))
        if found and login_key(login) != _NOBODY:
            return str(found[0][0])
        nobody = Bound(self._database, _NOBODY)
        with nobody.writing() as tx:
            if not nobody.run(tx, "count_try", at=at):
                nobody.run(tx, "add_login", user_id="")
        return None


def _taken(shown: str) -> LoginTaken:
    return LoginTaken(f"somebody has the name {shown!r} already: choose another, or sign in")


def account_of(database: Database, row: Sequence[Any]) -> Account:
    """A row of accounts as a value."""
    user_id, login, provider, created_at, adult_at = row
    return Account(
        user_id=capsa.from_stored(user_id),
        login=None if login is None else capsa.from_stored(login),
        provider=provider,
        created_at=database.engine.datetime(created_at),
        adult_at=database.rows.time(adult_at),
    )


def _lock(failures: int) -> dt.timedelta:
    return min(LONGEST_LOCK, dt.timedelta(minutes=2 ** min(failures - TRIES, 20)))
