"""Through PgBouncer in transaction mode, whose few connections many people share, nobody sees what is another's."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from stoic_emperor.testing.web import configured, signed_in, web_app

PEOPLE = 6
TURNS = 3


@pytest.mark.slow
def test_many_people_talk_through_two_connections_and_each_sees_their_own(pooled_postgres_url: str, home: Path) -> None:
    app = web_app(configured(home, pooled_postgres_url))
    wrong: list[str] = []

    def talk(name: str) -> None:
        client = signed_in(app, name)
        for turn in range(TURNS):
            answer = client.post("/api/chat", json={"message": f"{name} says {turn}"})
            if answer.status_code != 200:
                wrong.append(f"{name}: {answer.status_code} {answer.text}")
                return
        (listed,) = client.get("/api/sessions").json()
        messages = client.get(f"/api/sessions/{listed['id']}/messages").json()
        said = [message["content"] for message in messages if message["role"] == "user"]
        if said != [f"{name} says {turn}" for turn in range(TURNS)]:
            wrong.append(f"{name} sees {said}")

    with signed_in(app, "somebody"):
        people = [threading.Thread(target=talk, args=(f"person{number}",)) for number in range(PEOPLE)]
        for person in people:
            person.start()
        for person in people:
            person.join()
    assert wrong == []
