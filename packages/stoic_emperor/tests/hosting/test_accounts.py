"""Accounts: whose they are, and what wrong tries cost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from stoic_emperor.errors import LoginTaken, NotRecognised, RegistrationClosed
from stoic_emperor.hosting.accounts import Accounts
from stoic_emperor.hosting.bound import Bound
from stoic_emperor.hosting.logins import login_key
from stoic_emperor.infrastructure.database import Database

from .conftest import Clock, PlainHasher

PASSWORD = "oxen graze by the tiber"


def test_who_registers_is_recognised_by_login_and_password_however_the_login_is_spelled(accounts: Accounts) -> None:
    anna = accounts.register("Anna@Example.org", PASSWORD, name="Anna")
    assert (anna.login, anna.provider, anna.adult_at) == ("Anna@Example.org", "local", None)
    assert accounts.recognise(" aNNa@example.ORG ", PASSWORD) == anna
    assert accounts.account(anna.user_id) == anna


def test_nobody_can_take_a_login_that_somebody_has(accounts: Accounts) -> None:
    anna = accounts.register("anna", PASSWORD)
    with pytest.raises(LoginTaken):
        accounts.register("ＡＮＮＡ", "another password")
    assert accounts.recognise("anna", PASSWORD) == anna
    with pytest.raises(NotRecognised):
        accounts.recognise("anna", "another password")


def test_who_fails_to_register_leaves_no_trace(accounts: Accounts, database: Database) -> None:
    accounts.register("anna", PASSWORD)
    with pytest.raises(LoginTaken):
        accounts.register("Anna", PASSWORD)
    assert len(database.users()) == 1


def test_of_many_who_want_a_login_at_once_one_gets_it(accounts: Accounts, database: Database) -> None:
    def register(_: int) -> bool:
        try:
            accounts.register("anna", PASSWORD)
        except LoginTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(register, range(8)))[-2:] == [False, True]
    assert len(database.users()) == 1


def test_of_many_who_want_to_be_the_first_one_is(accounts: Accounts, database: Database) -> None:
    def register(number: int) -> bool:
        try:
            accounts.register(f"person{number}", PASSWORD, only_first=True)
        except RegistrationClosed:
            return False
        return True

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(register, range(6))) == 1
    assert len(database.users()) == 1


def test_of_two_who_want_the_first_place_and_one_login_one_gets_in(accounts: Accounts, database: Database) -> None:
    def register(_: int) -> bool:
        try:
            accounts.register("anna", PASSWORD, only_first=True)
        except (RegistrationClosed, LoginTaken):
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sum(threads.map(register, range(2))) == 1
    assert accounts.has_first()
    assert len(database.users()) == 1


def test_a_crash_while_the_first_account_is_made_leaves_the_place_free(
    accounts: Accounts, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Accounts, "_add", broken)
        with pytest.raises(KeyboardInterrupt):
            accounts.register("anna", PASSWORD, only_first=True)
    assert not accounts.has_first()
    assert database.users() == []
    anna = accounts.register("anna", PASSWORD, only_first=True)
    assert accounts.recognise("anna", PASSWORD) == anna


def broken(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_name_is_kept_as_it_is_seen(accounts: Accounts, database: Database) -> None:
    accounts.register("anna", PASSWORD, name="\u202eAnna\x00")
    assert [user.name for user in database.users()] == ["Anna"]


def test_somebody_added_by_the_keeper_counts_as_the_first(accounts: Accounts) -> None:
    accounts.register("anna", PASSWORD)
    with pytest.raises(RegistrationClosed, match="stoic users add"):
        accounts.register("boris", PASSWORD, only_first=True)


@pytest.mark.parametrize("login", ["anna", "nobody"])
def test_a_wrong_try_is_answered_alike_whether_or_not_there_is_such_a_login(
    accounts: Accounts, hasher: PlainHasher, login: str
) -> None:
    accounts.register("anna", PASSWORD)
    said = set()
    for _ in range(8):
        with pytest.raises(NotRecognised) as raised:
            accounts.recognise(login, "not the password")
        said.add(str(raised.value))
    assert len(said) == 1
    assert hasher.looks == 8, "a password was not looked at, which is faster, which tells"


def test_after_five_wrong_tries_one_waits_longer_each_time_and_never_longer_than_half_an_hour(
    accounts: Accounts, clock: Clock
) -> None:
    accounts.register("anna", PASSWORD)

    def fail() -> None:
        with pytest.raises(NotRecognised):
            accounts.recognise("anna", "not the password")

    for _ in range(5):
        fail()
    for minutes in (1, 2, 4, 8, 16, 30, 30):
        clock.move(minutes=minutes, seconds=-1)
        with pytest.raises(NotRecognised):
            accounts.recognise("anna", PASSWORD)
        clock.move(seconds=1)
        fail()
    clock.move(minutes=30)
    accounts.recognise("anna", PASSWORD)
    for _ in range(4):
        fail()
    accounts.recognise("anna", PASSWORD)


def test_tries_at_the_same_time_are_not_more_tries(accounts: Accounts, hasher: PlainHasher) -> None:
    accounts.register("anna", PASSWORD)
    right = []

    class Watching(PlainHasher):
        def verify(self, password_hash: str | None, password: str) -> bool:
            right.append(password_hash is not None)
            return super().verify(password_hash, password)

    watched = Accounts(accounts._database, Watching())

    def guess(number: int) -> None:
        with pytest.raises(NotRecognised):
            watched.recognise("anna", f"guess {number}")

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(guess, range(20)))
    assert sum(right) == 5


def test_a_password_kept_in_an_old_way_is_kept_anew_when_it_is_used(accounts: Accounts, hasher: PlainHasher) -> None:
    anna = accounts.register("anna", PASSWORD)
    hasher.version = 2
    accounts.recognise("anna", PASSWORD)
    assert Bound(accounts._database, anna.user_id).read("password_hash") == [(f"2:{PASSWORD}",)]


def test_a_login_of_an_account_that_is_no_more_can_be_had_again(accounts: Accounts, database: Database) -> None:
    gone = accounts.register("anna", PASSWORD)
    mine = Bound(database, gone.user_id)
    with mine.writing() as tx:
        mine.run(tx, "delete_account")
        mine.run(tx, "delete_known_user")
    with pytest.raises(NotRecognised):
        accounts.recognise("anna", PASSWORD)
    again = accounts.register("anna", "marble under the rain")
    assert accounts.recognise("anna", "marble under the rain") == again


def test_whom_another_vouches_for_gets_an_account_once_and_no_password(accounts: Accounts) -> None:
    made = accounts.ensure("1b4e28ba-2fa1-11d2-883f-0016d3cca427", "supabase")
    accounts.set_password(made.user_id, PASSWORD)
    assert accounts.ensure(made.user_id, "supabase") == made
    assert made.login is None
    assert Bound(accounts._database, made.user_id).read("password_hash") == [(None,)]


def test_that_somebody_is_of_age_is_kept_with_its_first_day(accounts: Accounts, clock: Clock) -> None:
    anna = accounts.register("anna", PASSWORD)
    first = clock()
    accounts.confirm_adult(anna.user_id, "local")
    clock.move(days=3)
    accounts.confirm_adult(anna.user_id, "local")
    found = accounts.account(anna.user_id)
    assert found is not None
    assert found.adult_at == first


@pytest.mark.parametrize("login", ["", "login:", "@house", "\x00", "'; DROP TABLE logins; --"])
def test_what_is_no_login_opens_nothing(accounts: Accounts, login: str) -> None:
    for _ in range(2):
        with pytest.raises(NotRecognised):
            accounts.recognise(login, "")


def test_a_login_is_nobody_elses_row(accounts: Accounts, database: Database) -> None:
    anna, boris = accounts.register("anna", PASSWORD), accounts.register("boris", PASSWORD)
    assert accounts.user_of("anna") == anna.user_id
    with database.engine.read(login_key("boris")) as tx:
        rows = tx.execute("SELECT user_id FROM logins WHERE login = :login", {"login": login_key("boris")})
        others = tx.execute("SELECT user_id FROM logins WHERE login = :login", {"login": login_key("anna")})
    assert rows == [(boris.user_id,)]
    assert others == ([] if database.engine.dialect == "postgresql" else [(anna.user_id,)])
