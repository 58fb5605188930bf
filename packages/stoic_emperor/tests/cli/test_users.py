"""``stoic users``: letting people in where they cannot make an account by themselves."""

from __future__ import annotations

from pathlib import Path

from stoic_emperor.hosting.accounts import Accounts
from stoic_emperor.hosting.recovery import Recovery
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.web.auth.passwords import Argon2

from .conftest import Stoic

PASSWORD = "oxen graze by the tiber"
NEW = "marble under the autumn rain"


def test_whoever_is_added_can_sign_in_and_gets_codes(stoic: Stoic, store_url: str) -> None:
    ran = stoic("users", "add", "Anna@example.org", "--name", "Anna", "--json", said=f"{PASSWORD}\n")
    assert ran.status == 0, ran.err
    assert PASSWORD not in ran.out + ran.err
    with Database(store_url) as database:
        anna = Accounts(database, Argon2()).recognise("anna@example.org", PASSWORD)
        assert anna.user_id == ran.json["id"]
        assert Recovery(database).use(anna.user_id, ran.json["codes"][7])
    assert [user["name"] for user in stoic("users", "--json").json] == ["Anna"]
    again = stoic("users", "add", "anna@EXAMPLE.org", said=f"{PASSWORD}\n")
    assert again.status == 1
    assert "somebody has the name" in again.err


def test_what_cannot_be_an_account_is_refused_with_what_to_do(stoic: Stoic) -> None:
    for login, password, told in (("anna", "short", "12 to 1000"), ("a b", PASSWORD, "without spaces")):
        ran = stoic("users", "add", login, said=f"{password}\n")
        assert (ran.status, ran.out) == (1, "")
        assert told in ran.err
    assert stoic("users", "--json").json == []


def test_who_lost_everything_is_given_another_password(stoic: Stoic, store_url: str) -> None:
    stoic("users", "add", "anna", said=f"{PASSWORD}\n")
    assert stoic("users", "password", "anna", said=f"{NEW}\n").status == 0
    with Database(store_url) as database:
        assert Accounts(database, Argon2()).recognise("anna", NEW).login == "anna"
    assert "nobody signs in" in stoic("users", "password", "boris", said=f"{NEW}\n").err


def test_erasing_from_the_terminal_counts_the_account_too(stoic: Stoic, home: Path) -> None:
    made = stoic("users", "add", "anna", "--json", said=f"{PASSWORD}\n").json
    receipt = stoic("erase", "--user", made["id"], "--yes", "--json").json
    kept = {table: count for table, count in receipt["erased"].items() if count}
    assert kept == {"logins": 1, "accounts": 1, "recovery_codes": 8, "users": 1}
