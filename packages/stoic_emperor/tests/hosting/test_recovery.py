"""Recovery codes: eight, each good once, void when there are new ones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from stoic_emperor.hosting.bound import Bound
from stoic_emperor.hosting.recovery import CODES, Recovery
from stoic_emperor.infrastructure.database import Database


def test_each_code_is_good_once_and_only_for_its_person(recovery: Recovery) -> None:
    codes = recovery.renew("anna")
    assert len(set(codes)) == CODES == recovery.left("anna")
    assert not recovery.use("boris", codes[0])
    assert recovery.use("anna", codes[0])
    assert not recovery.use("anna", codes[0])
    assert recovery.left("anna") == CODES - 1


def test_a_code_is_read_as_it_was_meant(recovery: Recovery) -> None:
    for code in recovery.renew("anna"):
        copied = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
        assert recovery.use("anna", f" {copied} ")


def test_new_codes_make_the_old_ones_void(recovery: Recovery) -> None:
    old = recovery.renew("anna")
    new = recovery.renew("anna")
    assert not recovery.use("anna", old[0])
    assert recovery.use("anna", new[0])


def test_a_code_brought_by_many_at_once_lets_one_in(recovery: Recovery) -> None:
    code = recovery.renew("anna")[0]
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(lambda _: recovery.use("anna", code), range(8))) == 1


def test_codes_are_kept_as_hashes(recovery: Recovery, database: Database) -> None:
    codes = recovery.renew("anna")
    with Bound(database, "anna").writing() as tx:
        kept = str(tx.execute("SELECT * FROM recovery_codes"))
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)
