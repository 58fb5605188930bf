"""Enough for any use, an end to any abuse, and a clear answer in both cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stoic_emperor.config import WebSettings
from stoic_emperor.hosting.uploads import Uploads
from stoic_emperor.memory.portraying import Portraying
from stoic_emperor.testing.house import House, running_house
from stoic_emperor.testing.talker import Talker
from stoic_emperor.web.limits import MOST_BODY, Buckets, Limits


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_bucket_gives_half_of_a_minutes_at_once_and_the_others_as_they_come() -> None:
    clock = Clock()
    buckets = Buckets(60, clock)
    assert [buckets.take("anna") for _ in range(30)] == [0.0] * 30
    assert buckets.take("anna") == pytest.approx(1.0)
    assert buckets.take("boris") == 0
    clock.at = 2.0
    assert [buckets.take("anna") for _ in range(3)] == [0, 0, pytest.approx(1.0)]


def test_without_a_limit_it_never_empties() -> None:
    buckets = Buckets(0)
    assert {buckets.take("anna") for _ in range(1_000)} == {0}


def test_however_many_ask_what_is_remembered_of_them_stays_small_and_who_asked_much_is_not_forgotten() -> None:
    clock = Clock()
    buckets = Buckets(60, clock)
    for _ in range(30):
        buckets.take("anna")
    for number in range(50_000):
        buckets.take(f"nobody {number}")
    assert len(buckets._left) <= 20_000
    assert buckets.take("anna") > 0


@pytest.mark.parametrize(
    ("proxies", "passed", "believed"),
    [
        (0, b"198.51.100.7", "10.0.0.1"),
        (1, b"198.51.100.7", "198.51.100.7"),
        (1, b"203.0.113.1, 198.51.100.7", "198.51.100.7"),
        (2, b"203.0.113.1, 198.51.100.7, 192.0.2.1", "198.51.100.7"),
        (2, b"198.51.100.7", "10.0.0.1"),
        (1, b"", "10.0.0.1"),
    ],
)
def test_of_what_proxies_say_so_much_is_believed_as_there_are_proxies(
    proxies: int, passed: bytes, believed: str
) -> None:
    scope = {"type": "http", "client": ("10.0.0.1", 5), "headers": [(b"x-forwarded-for", passed)]}
    assert Limits(WebSettings(trust_proxy=proxies)).client(scope)[0] == believed


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[House]:
    """A house with little of everything."""
    web = {"requests_per_minute": 20, "address_requests_per_minute": 60, "daily_replies": 2, "upload_megabytes": 1}
    with running_house(tmp_path, f"sqlite:///{tmp_path / 'memory.db'}", Talker(words=3), web=web) as house:
        yield house


def test_a_person_who_asks_too_often_is_told_when_to_come_back_and_others_are_not_kept(narrow: House) -> None:
    _, anna = narrow.somebody()
    _, boris = narrow.somebody()
    answers = [anna.get("/api/sessions") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3
    assert "try again" in answers[-1].json()["detail"]
    assert boris.get("/api/sessions").status_code == 200


def test_an_address_that_asks_too_often_is_refused_before_anything_is_looked_at(narrow: House) -> None:
    _, anna = narrow.somebody()
    statuses = [anna.get("/static/none").status_code for _ in range(60)]
    assert statuses.index(429) >= 30
    assert narrow.main.get("/health").status_code == 200, "another address is another matter"


def test_the_days_replies_are_counted_and_what_was_refused_is_not(narrow: House) -> None:
    user_id, anna = narrow.somebody()
    told = [anna.post("/api/chat", json={"message": "Hello"}) for _ in range(3)]
    assert [answer.status_code for answer in told] == [200, 200, 429]
    assert "2 replies are used up" in told[-1].json()["detail"]
    assert 0 < int(told[-1].headers["Retry-After"]) <= 86_400
    assert narrow.talker.asked == 2
    assert len(narrow.person(user_id).sessions()) == 1
    assert anna.get("/api/sessions").status_code == 200, "the rest goes on"


def test_contacts_are_shown_also_where_the_message_itself_is_refused(narrow: House) -> None:
    _, anna = narrow.somebody()
    for _ in range(2):
        anna.post("/api/chat", json={"message": "Hello"})
    for path in ("/api/chat", "/api/chat/stream"):
        refused = anna.post(path, json={"message": "I want to die. I have the pills here."})
        assert refused.status_code == 429
        detail = refused.json()["detail"]
        assert "may be in danger right now" in detail
        assert detail.index("danger") < detail.index("replies are used up"), "first of all"
        told = refused.json()
        assert 'href="https://' in told["help"], "and to be followed, where that can be shown"
        assert told["reason"].startswith("today's 2 replies are used up")
    assert anna.post("/api/chat", json={"message": "Hello"}).json().keys() == {"detail"}


def test_they_are_those_of_the_persons_country(narrow: House) -> None:
    user_id, anna = narrow.somebody()
    narrow.person(user_id).change(country="US")
    for _ in range(2):
        anna.post("/api/chat", json={"message": "Hello"})
    refused = anna.post("/api/chat/stream", json={"message": "I want to die. I have the pills here."})
    assert refused.status_code == 429
    assert 'href="tel:988"' in refused.json()["help"]
    assert "988" in refused.json()["detail"]


def test_what_takes_several_calls_is_refused_by_how_many(narrow: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _, anna = narrow.somebody()
    anna.post("/api/chat", json={"message": "Hello"})
    monkeypatch.setattr(Portraying, "most_calls", 2)
    refused = anna.post("/api/profiles")
    assert refused.status_code == 429
    assert "may take 2 calls of the model, and of today's 2 replies 1 are left" in refused.json()["detail"]
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400
    monkeypatch.setattr(Portraying, "most_calls", 3)
    refused = anna.post("/api/profiles")
    assert refused.status_code == 409
    assert "a day has 2 replies here" in refused.json()["detail"]


def test_a_body_that_says_it_is_too_large_is_not_read(narrow: House) -> None:
    _, anna = narrow.somebody()
    refused = anna.post("/api/chat", content=b"x" * (MOST_BODY + 1), headers={"Content-Type": "application/json"})
    assert refused.status_code == 413
    assert (
        refused.json()["detail"] == "this is larger than the 256 KB that are taken here: send less, or in several parts"
    )


def test_a_body_that_does_not_say_how_large_it_is_is_read_no_further_than_allowed(narrow: House) -> None:
    _, anna = narrow.somebody()
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b"x" * 64_000

    refused = anna.post("/api/chat", content=pieces(), headers={"Content-Type": "application/json"})
    assert refused.status_code == 413
    assert isinstance(refused.json()["detail"], str)


def test_a_file_may_be_larger_than_a_message_but_not_any_size(narrow: House) -> None:
    user_id, anna = narrow.somebody()
    kind = {"Content-Type": "application/octet-stream"}
    url = "/api/uploads?kind=journal&name=a.md"
    assert anna.post(url, content=b"rain " * 100_000, headers=kind).status_code == 202
    assert anna.post(url, content=b"x" * ((1 << 20) + 1), headers=kind).status_code == 413
    broken_off = anna.post(url, content=iter([b"x" * 800_000] * 2), headers=kind)
    assert broken_off.status_code == 413
    assert len(anna.get("/api/uploads").json()) == 1, "of what was refused nothing stays"
    assert Uploads(narrow.hosted.application.database, user_id).unread() in {0, 500_000}
