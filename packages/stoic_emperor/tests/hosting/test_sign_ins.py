"""Sign-ins: a secret that changes while it is used, so that a copy is noticed and a lost answer is not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from stoic_emperor.hosting.accounts import Accounts
from stoic_emperor.hosting.bound import Bound
from stoic_emperor.hosting.sign_ins import Begun, SignIns
from stoic_emperor.infrastructure.database import Database

from .conftest import Clock


@pytest.fixture
def anna(accounts: Accounts) -> str:
    return accounts.register("anna", "oxen graze by the tiber").user_id


@pytest.fixture
def begun(sign_ins: SignIns, anna: str) -> Begun:
    return sign_ins.begin(anna, "Firefox on Linux")


def rotated(sign_ins: SignIns, anna: str, begun: Begun, clock: Clock) -> str:
    """Use a sign-in until its secret changes; the new one."""
    clock.move(minutes=15)
    found = sign_ins.recognise(anna, begun.id, begun.secret)
    assert found is not None
    assert found.secret is not None
    return found.secret


def test_the_secret_says_who_is_there(sign_ins: SignIns, anna: str, begun: Begun) -> None:
    found = sign_ins.recognise(anna, begun.id, begun.secret)
    assert found is not None
    assert (found.account.user_id, found.account.login, found.secret) == (anna, "anna", None)


def test_only_hashes_are_kept(sign_ins: SignIns, anna: str, begun: Begun, database: Database) -> None:
    with Bound(database, anna).writing() as tx:
        assert begun.secret not in str(tx.execute("SELECT * FROM sign_ins"))


def test_the_id_of_another_persons_sign_in_opens_nothing_and_harms_nobody(
    sign_ins: SignIns, accounts: Accounts, anna: str, begun: Begun
) -> None:
    boris = accounts.register("boris", "oxen graze by the tiber").user_id
    his = sign_ins.begin(boris, "")
    assert sign_ins.recognise(anna, his.id, his.secret) is None
    assert sign_ins.recognise(boris, begun.id, begun.secret) is None
    assert not sign_ins.end(boris, begun.id)
    assert sign_ins.recognise(anna, begun.id, begun.secret) is not None
    assert sign_ins.recognise(boris, his.id, his.secret) is not None


def test_the_secret_changes_after_a_quarter_of_an_hour_of_use(
    sign_ins: SignIns, anna: str, begun: Begun, clock: Clock
) -> None:
    clock.move(minutes=14)
    found = sign_ins.recognise(anna, begun.id, begun.secret)
    assert found is not None
    assert found.secret is None
    new = rotated(sign_ins, anna, begun, clock)
    assert new != begun.secret
    assert sign_ins.recognise(anna, begun.id, new) is not None


def test_requests_under_way_when_it_changes_all_succeed_and_are_given_the_same_new_secret(
    sign_ins: SignIns, anna: str, begun: Begun, clock: Clock
) -> None:
    sign_ins.recognise(anna, begun.id, begun.secret)
    clock.move(minutes=15)
    with ThreadPoolExecutor(10) as threads:
        found = list(threads.map(lambda _: sign_ins.recognise(anna, begun.id, begun.secret), range(20)))
    assert None not in found
    given = {one.secret for one in found if one is not None}
    assert len(given) == 1
    assert sign_ins.recognise(anna, begun.id, str(given.pop())) is not None


def test_the_one_before_is_good_for_another_minute_once_the_new_one_was_brought(
    sign_ins: SignIns, anna: str, begun: Begun, clock: Clock
) -> None:
    new = rotated(sign_ins, anna, begun, clock)
    assert sign_ins.recognise(anna, begun.id, new) is not None
    clock.move(seconds=59)
    assert sign_ins.recognise(anna, begun.id, begun.secret) is not None
    clock.move(seconds=1)
    assert sign_ins.recognise(anna, begun.id, begun.secret) is None


def test_who_brings_a_replaced_secret_ends_the_sign_in_for_everybody(
    sign_ins: SignIns, anna: str, begun: Begun, clock: Clock
) -> None:
    new = rotated(sign_ins, anna, begun, clock)
    assert sign_ins.recognise(anna, begun.id, new) is not None
    clock.move(minutes=2)
    assert sign_ins.recognise(anna, begun.id, begun.secret) is None
    assert sign_ins.recognise(anna, begun.id, new) is None
    assert sign_ins.all(anna) == []


def test_an_answer_that_was_lost_signs_nobody_out(sign_ins: SignIns, anna: str, begun: Begun, clock: Clock) -> None:
    lost = rotated(sign_ins, anna, begun, clock)
    clock.move(hours=3)
    again = sign_ins.recognise(anna, begun.id, begun.secret)
    assert again is not None
    assert again.secret == lost
    assert sign_ins.recognise(anna, begun.id, lost) is not None


def test_a_secret_two_changes_old_is_a_theft_even_if_nothing_else_is_late(
    sign_ins: SignIns, anna: str, begun: Begun, clock: Clock
) -> None:
    second = Begun(id=begun.id, secret=rotated(sign_ins, anna, begun, clock))
    sign_ins.recognise(anna, begun.id, second.secret)
    third = rotated(sign_ins, anna, second, clock)
    assert sign_ins.recognise(anna, begun.id, begun.secret) is None
    assert sign_ins.recognise(anna, begun.id, third) is None


def test_a_sign_in_ends_after_two_weeks_without_use(sign_ins: SignIns, anna: str, begun: Begun, clock: Clock) -> None:
    clock.move(days=14, seconds=-1)
    new = sign_ins.recognise(anna, begun.id, begun.secret)
    assert new is not None
    clock.move(days=14)
    assert sign_ins.all(anna) == []
    assert sign_ins.recognise(anna, begun.id, str(new.secret)) is None


def test_a_sign_in_ends_after_ninety_days_however_much_it_was_used(
    sign_ins: SignIns, anna: str, begun: Begun, clock: Clock
) -> None:
    secret = begun.secret
    for _ in range(9):
        clock.move(days=9.9)
        found = sign_ins.recognise(anna, begun.id, secret)
        assert found is not None
        secret = str(found.secret)
    clock.move(days=1)
    assert sign_ins.recognise(anna, begun.id, secret) is None


def test_sign_ins_are_listed_and_ended_one_by_one_or_all_but_one(sign_ins: SignIns, anna: str, clock: Clock) -> None:
    phone = sign_ins.begin(anna, "Safari on iPhone")
    clock.move(minutes=1)
    desk, old = sign_ins.begin(anna, "Firefox on Linux"), sign_ins.begin(anna, "Edge on Windows")
    assert {one.browser for one in sign_ins.all(anna)} == {"Safari on iPhone", "Firefox on Linux", "Edge on Windows"}
    assert sign_ins.end(anna, old.id)
    assert not sign_ins.end(anna, old.id)
    assert sign_ins.end_all(anna, but=desk.id) == 1
    assert sign_ins.recognise(anna, phone.id, phone.secret) is None
    assert sign_ins.recognise(anna, desk.id, desk.secret) is not None
    assert sign_ins.end_all(anna) == 1


def test_not_every_request_writes(
    sign_ins: SignIns, anna: str, begun: Begun, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_ins.recognise(anna, begun.id, begun.secret)
    writes = []
    monkeypatch.setattr(Bound, "write", lambda *_, **__: writes.append(1))
    for _ in range(10):
        clock.move(seconds=29)
        assert sign_ins.recognise(anna, begun.id, begun.secret) is not None
    assert writes == []
    clock.move(seconds=10)
    sign_ins.recognise(anna, begun.id, begun.secret)
    assert writes == [1]
