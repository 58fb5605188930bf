"""Tokens: only those that the project signed, for us, for somebody, for now."""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI

from stoic_emperor.errors import AuthServerUnavailable, NotRecognised
from stoic_emperor.hosting.auth_server import AuthServer
from stoic_emperor.testing.auth_server import FakeAuthServer, SigningKey
from stoic_emperor.testing.web import browser, configured, hosted_by, signed_in, web_app, with_token
from stoic_emperor.web.auth.bearer import (
    KEY_COOLDOWN,
    KEY_LIFE,
    KEY_LIFE_ALONE,
    NOT_BELIEVED,
    REFUSED,
    REFUSED_AT_ONCE,
    TokenRefused,
    TooManyRefused,
    Verifier,
)
from stoic_emperor.web.auth.supabase import account_of_token

from .conftest import with_probes

ANNA = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(server: FakeAuthServer, clock: Clock) -> Verifier:
    return Verifier(AuthServer(server.url, server.anon_key), clock)


def part(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_token_of_the_project_says_who_is_there(server: FakeAuthServer, verifier: Verifier, algorithm: str) -> None:
    server.rotate(algorithm)
    found = verifier.verify(server.token(ANNA, email="anna@example.org"))
    assert (found.user_id, found.email) == (ANNA, "anna@example.org")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "anon"},
        {"aud": ["authenticated", "other"]},
        {"aud": None},
        {"iss": "https://evil.test/auth/v1"},
        {"iss": None},
        {"role": "anon"},
        {"role": "service_role"},
        {"role": None},
        {"role": ["authenticated"]},
        {"sub": None},
        {"sub": ""},
        {"sub": "anna"},
        {"sub": "@house"},
        {"sub": "default_user"},
        {"sub": "{1b4e28ba-2fa1-41d2-883f-0016d3cca427}"},
        {"sub": "urn:uuid:1b4e28ba-2fa1-41d2-883f-0016d3cca427"},
        {"sub": "1b4e28ba2fa141d2883f0016d3cca427"},
        {"is_anonymous": True},
        {"is_anonymous": "false"},
        {"is_anonymous": 1},
        {"exp": None},
        {"exp": 1},
        {"exp": 0},
        {"exp": -1},
        {"exp": True},
        {"exp": "9999999999"},
        {"exp": [9999999999]},
        {"nbf": 9_999_999_999},
        {"nbf": "0"},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_or_for_nobody_or_not_for_now_is_refused(
    server: FakeAuthServer, verifier: Verifier, claims: dict[str, Any]
) -> None:
    merged = {"sub": ANNA} | claims
    sub = merged.pop("sub")
    made = server.claims("x", **merged)
    if sub is None:
        del made["sub"]
    else:
        made["sub"] = sub
    key = next(iter(server.keys.values()))
    with pytest.raises(TokenRefused):
        verifier.verify(jwt.encode(made, key.private, key.algorithm, headers={"kid": key.kid}))


@pytest.mark.parametrize("exp", ["1e400", "-1e400", "NaN", "99999999999999999999", "1.5e9"])
def test_a_strange_number_is_no_time(server: FakeAuthServer, verifier: Verifier, exp: str) -> None:
    key = next(iter(server.keys.values()))
    written = json.dumps(server.claims(ANNA, exp=7777777)).replace("7777777", exp)
    token = jwt.PyJWS().encode(written.encode(), key.private, key.algorithm, headers={"kid": key.kid})
    if exp == "99999999999999999999":
        verifier.verify(token)
        return
    with pytest.raises(TokenRefused):
        verifier.verify(token)


def test_the_clocks_of_two_servers_may_differ_by_seconds(server: FakeAuthServer, verifier: Verifier) -> None:
    at = time.time()
    assert verifier.verify(server.token(ANNA, exp=at - 8)).user_id == ANNA
    assert verifier.verify(server.token(ANNA, exp=at + 60.5, nbf=at + 8)).user_id == ANNA
    with pytest.raises(TokenRefused, match="expired"):
        verifier.verify(server.token(ANNA, exp=at - 12))
    with pytest.raises(TokenRefused):
        verifier.verify(server.token(ANNA, nbf=at + 15))


def unsigned(server: FakeAuthServer) -> str:
    kid = next(iter(server.keys))
    return f"{part({'alg': 'none', 'kid': kid})}.{part(server.claims(ANNA))}."


def signed_by_the_public_key(server: FakeAuthServer) -> str:
    """Who mixes algorithms up takes the public key, which everybody has, for a shared secret."""
    import hashlib
    import hmac

    key = server.rotate("RS256")
    public = key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = f"{part({'alg': 'HS256', 'kid': key.kid})}.{part(server.claims(ANNA))}"
    signature = base64.urlsafe_b64encode(hmac.new(public, signed.encode(), hashlib.sha256).digest()).decode()
    return f"{signed}.{signature.rstrip('=')}"


def by_a_strangers_key(server: FakeAuthServer) -> str:
    stranger = SigningKey.make()
    return server.token(ANNA, key=SigningKey(next(iter(server.keys)), "ES256", stranger.private))


def by_a_key_it_brings(server: FakeAuthServer) -> str:
    stranger = SigningKey.make()
    brought = {"jwk": stranger.public(), "jku": "http://127.0.0.1:1/jwks", "x5u": "http://127.0.0.1:1/"}
    return server.token(ANNA, key=stranger, header=brought)


def with_another_algorithm_than_its_key(server: FakeAuthServer) -> str:
    ec, rs = server.rotate("ES256"), server.rotate("RS256")
    return server.token(ANNA, key=rs, header={"kid": ec.kid})


def by_a_short_key(server: FakeAuthServer) -> str:
    short = SigningKey("short", "RS256", rsa.generate_private_key(public_exponent=65537, key_size=1024))
    server.keys["short"] = short
    return server.token(ANNA, key=short)


def by_a_published_secret(server: FakeAuthServer) -> str:
    server.strange_keys.append({"kty": "oct", "kid": "oct", "alg": "HS256", "k": part("s" * 40)})
    return jwt.encode(server.claims(ANNA), "s" * 40, "HS384", headers={"kid": "oct"})


def with_claims_changed(server: FakeAuthServer) -> str:
    header, _, signature = server.token(str(uuid.uuid4())).split(".")
    return f"{header}.{part(server.claims(ANNA))}.{signature}"


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        signed_by_the_public_key,
        by_a_strangers_key,
        by_a_key_it_brings,
        with_another_algorithm_than_its_key,
        by_a_short_key,
        by_a_published_secret,
        with_claims_changed,
    ],
)
@pytest.mark.filterwarnings("ignore:The RSA key is")
@pytest.mark.filterwarnings("ignore:The HMAC key is")
def test_a_forged_token_is_refused(
    server: FakeAuthServer, verifier: Verifier, forge: Callable[[FakeAuthServer], str]
) -> None:
    with pytest.raises(TokenRefused):
        verifier.verify(forge(server))


@pytest.mark.parametrize(
    "kid", ["../../etc/passwd", "' OR 1=1", "", None, 7, ["x"], "http://evil.test/jwks", "k" * 4000]
)
def test_the_name_of_a_key_is_a_name_and_nothing_else(server: FakeAuthServer, verifier: Verifier, kid: Any) -> None:
    claims = part(server.claims(ANNA))
    with pytest.raises(TokenRefused):
        verifier.verify(f"{part({'alg': 'ES256', 'kid': kid})}.{claims}.{part('x' * 48)}")
    assert {path for _, path in server.asked} <= {"/auth/v1/.well-known/jwks.json"}


@pytest.mark.parametrize(
    "token",
    [
        *("", ".", "..", "...", "a.b.c", "é.é.é", "null.null.null", "a" * 10_000, "\x00.\x00.\x00"),
        f"{part('[' * 3000)}.{part({})}.x",
        f"{part({'alg': 'ES256', 'kid': 'x', 'crit': ['b64'], 'b64': False})}.{part({})}.x",
        f"{part({'alg': ['ES256'], 'kid': 'x'})}.{part({})}.x",
        f"{part({'alg': {}, 'kid': 'x'})}.{part({})}.x",
        f"{part([])}.{part({})}.x",
    ],
    ids=lambda token: token[:20],
)
def test_what_is_no_token_is_refused(verifier: Verifier, token: str) -> None:
    with pytest.raises(TokenRefused):
        verifier.verify(token)


def test_what_a_deep_token_says_is_not_read(server: FakeAuthServer, verifier: Verifier) -> None:
    key = next(iter(server.keys.values()))
    token = jwt.PyJWS().encode(b"[" * 3000, key.private, key.algorithm, headers={"kid": key.kid})
    with pytest.raises(TokenRefused):
        verifier.verify(token)


# Keys


def questions(server: FakeAuthServer) -> int:
    return sum(path.endswith("jwks.json") for _, path in server.asked)


def test_keys_are_asked_for_once_in_ten_minutes(server: FakeAuthServer, verifier: Verifier, clock: Clock) -> None:
    for _ in range(5):
        verifier.verify(server.token(ANNA))
    assert questions(server) == 1
    clock.at += KEY_LIFE
    verifier.verify(server.token(ANNA))
    assert questions(server) == 2


def test_a_new_key_is_asked_for_at_once_but_not_for_every_name_that_a_token_brings(
    server: FakeAuthServer, verifier: Verifier, clock: Clock
) -> None:
    verifier.verify(server.token(ANNA))
    clock.at += KEY_COOLDOWN
    server.rotate("RS256")
    assert verifier.verify(server.token(ANNA)).user_id == ANNA
    for _ in range(20):
        with pytest.raises(TokenRefused):
            verifier.verify(server.token(ANNA, header={"kid": str(uuid.uuid4())}))
    assert questions(server) == 2


def test_a_revoked_key_is_believed_for_ten_minutes_at_most(
    server: FakeAuthServer, verifier: Verifier, clock: Clock
) -> None:
    old = next(iter(server.keys.values()))
    token = server.token(ANNA)
    verifier.verify(token)
    server.rotate()
    server.revoke(old.kid)
    clock.at += KEY_LIFE
    with pytest.raises(TokenRefused):
        verifier.verify(token)


@pytest.mark.parametrize("status", [500, 503, 404, 302])
def test_while_the_auth_server_is_away_known_keys_go_on_and_others_cannot_be_told(
    server: FakeAuthServer, verifier: Verifier, clock: Clock, status: int
) -> None:
    token = server.token(ANNA)
    verifier.verify(token)
    server.failing = status
    clock.at += KEY_LIFE + 1
    assert verifier.verify(token).user_id == ANNA
    server.rotate()
    clock.at += KEY_COOLDOWN
    for _ in range(3):
        with pytest.raises(AuthServerUnavailable):
            verifier.verify(server.token(ANNA))
    assert questions(server) == 3, "it is not asked again for every token"
    clock.at += KEY_LIFE_ALONE
    with pytest.raises(AuthServerUnavailable):
        verifier.verify(token)
    server.failing = 0
    clock.at += KEY_COOLDOWN
    assert verifier.verify(token).user_id == ANNA


def test_who_has_a_key_does_not_wait_for_an_answer_that_does_not_come(
    server: FakeAuthServer, verifier: Verifier, clock: Clock
) -> None:
    token = server.token(ANNA)
    verifier.verify(token)
    clock.at += KEY_LIFE
    server.delay = 2.0
    asking = threading.Thread(target=verifier.verify, args=(token,))
    asking.start()
    while questions(server) < 2:
        time.sleep(0.01)
    begun = time.monotonic()
    verifier.verify(token)
    assert time.monotonic() - begun < 1.0
    asking.join()


@pytest.mark.parametrize(
    "keys",
    [[], [7], [{}], [{"kid": "a"}], [{"kid": "a", "kty": "EC", "crv": "P-256", "x": "!", "y": "!"}], [{"kty": "OKP"}]],
)
def test_keys_that_are_none_are_left_out(server: FakeAuthServer, verifier: Verifier, keys: list[Any]) -> None:
    server.strange_keys = keys
    assert verifier.verify(server.token(ANNA)).user_id == ANNA


# HS256: the auth server's word


def words(server: FakeAuthServer) -> int:
    return sum(path == "/auth/v1/user" for _, path in server.asked)


def test_a_token_by_a_shared_secret_is_shown_to_the_auth_server_once_a_minute(
    server: FakeAuthServer, verifier: Verifier, clock: Clock
) -> None:
    token = server.old_token(ANNA)
    for _ in range(5):
        assert verifier.verify(token).user_id == ANNA
    assert words(server) == 1
    clock.at += 60
    verifier.verify(token)
    assert words(server) == 2
    assert questions(server) == 0


def test_its_word_is_not_believed_past_the_end_of_the_token(
    server: FakeAuthServer, verifier: Verifier, clock: Clock
) -> None:
    token = server.old_token(ANNA, exp=time.time() + 5)
    verifier.verify(token)
    clock.at += 6
    verifier.verify(token)
    assert words(server) == 2


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "anon"},
        {"iss": "https://evil.test/auth/v1"},
        {"exp": 1},
        {"role": "service_role"},
        {"is_anonymous": True},
    ],
    ids=str,
)
def test_what_such_a_token_says_must_be_right_too(
    server: FakeAuthServer, verifier: Verifier, claims: dict[str, Any]
) -> None:
    with pytest.raises(TokenRefused):
        verifier.verify(server.old_token(ANNA, **claims))


def test_a_token_that_the_auth_server_does_not_know_is_refused_and_remembered(
    server: FakeAuthServer, verifier: Verifier
) -> None:
    token = server.old_token(ANNA, secret="x" * 40)
    for _ in range(3):
        with pytest.raises(TokenRefused):
            verifier.verify(token)
    assert words(server) == 1


@pytest.mark.parametrize("known", [{"id": str(uuid.uuid4())}, {"is_anonymous": True}, {"role": "banned"}])
def test_what_the_auth_server_knows_goes_before_what_the_token_says(
    server: FakeAuthServer, verifier: Verifier, known: dict[str, Any]
) -> None:
    server.unusual[ANNA] = known
    with pytest.raises(TokenRefused):
        verifier.verify(server.old_token(ANNA))


def test_of_many_forged_tokens_of_one_address_few_are_passed_on_and_others_are_not_kept_waiting(
    server: FakeAuthServer, verifier: Verifier, clock: Clock
) -> None:
    known = server.old_token(ANNA)
    verifier.verify(known, "203.0.113.1")
    answers = [forged(server, verifier, "203.0.113.1") for _ in range(REFUSED_AT_ONCE + 20)]
    assert answers == [TokenRefused] * REFUSED_AT_ONCE + [TooManyRefused] * 20
    assert words(server) == 1 + REFUSED_AT_ONCE
    assert verifier.verify(known, "203.0.113.1").user_id == ANNA, "what is known already needs no question"
    other = str(uuid.uuid4())
    assert verifier.verify(server.old_token(other), "203.0.113.2").user_id == other
    clock.at += 60 / REFUSED
    assert forged(server, verifier, "203.0.113.1") is TokenRefused


def forged(server: FakeAuthServer, verifier: Verifier, address: str) -> type[Exception]:
    with pytest.raises((TokenRefused, TooManyRefused)) as refused:
        verifier.verify(server.old_token(str(uuid.uuid4()), secret="x" * 40), address)
    return refused.type


def test_through_the_application_they_are_told_when_to_come_back(supabase_app: FastAPI, server: FakeAuthServer) -> None:
    answers = [
        with_token(supabase_app, server.old_token(str(uuid.uuid4()), secret="x" * 40)).get("/probe")
        for _ in range(REFUSED_AT_ONCE + 1)
    ]
    assert [answer.status_code for answer in answers] == [401] * REFUSED_AT_ONCE + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60 / REFUSED


def test_without_the_auth_server_such_a_token_cannot_be_told(server: FakeAuthServer, verifier: Verifier) -> None:
    server.failing = 500
    with pytest.raises(AuthServerUnavailable):
        verifier.verify(server.old_token(ANNA))


# Through the application


def test_a_bearer_is_known_by_their_id_and_needs_no_word(supabase_app: FastAPI, server: FakeAuthServer) -> None:
    client = with_token(supabase_app, server.token(ANNA, email="anna@example.org"))
    assert client.post("/probe").json() == {
        "id": ANNA,
        "login": "anna@example.org",
        "provider": "supabase",
        "operator": False,
    }
    assert client.get("/probe/adult").status_code == 403
    assert with_token(supabase_app, server.token(ANNA), adult=ANNA).get("/probe/adult").status_code == 200


def test_what_is_wrong_with_a_token_is_said_shortly(supabase_app: FastAPI, server: FakeAuthServer) -> None:
    refused = with_token(supabase_app, server.token(ANNA, exp=1)).get("/probe")
    assert refused.status_code == 401
    assert "expired" in refused.json()["detail"]
    assert "invalid_token" in refused.headers["WWW-Authenticate"]


def test_that_the_auth_server_is_away_is_no_fault_of_the_token(supabase_app: FastAPI, server: FakeAuthServer) -> None:
    server.failing = 500
    away = with_token(supabase_app, server.token(ANNA)).get("/probe")
    assert (away.status_code, away.headers["Retry-After"]) == (503, "30")


def test_two_tokens_are_none(supabase_app: FastAPI, server: FakeAuthServer) -> None:
    client = with_token(supabase_app, "")
    del client.headers["Authorization"]
    twice = [(b"authorization", f"Bearer {server.token(ANNA)}".encode())] * 2
    assert client.get("/probe", headers=twice).status_code == 401


def test_a_cookie_does_not_help_a_bad_token(supabase_app: FastAPI) -> None:
    hosted_by(supabase_app).accounts.ensure(ANNA, "supabase")
    client = signed_in(supabase_app, ANNA)
    assert client.get("/probe").status_code == 200
    assert client.get("/probe", headers={"Authorization": "Bearer x"}).status_code == 401


def test_an_account_of_our_own_is_opened_by_no_token_that_names_its_id(
    home: Path, store_url: str, server: FakeAuthServer
) -> None:
    app = with_probes(web_app(configured(home, store_url, server=server, auth={"local": True})))
    hosted = hosted_by(app)
    mine = hosted.accounts.register("anna", "a long enough password")
    for token in (server.token(mine.user_id), server.old_token(mine.user_id)):
        refused = with_token(app, token).get("/probe")
        assert (refused.status_code, refused.json()["detail"]) == (401, NOT_BELIEVED)
    with pytest.raises(NotRecognised):
        account_of_token(hosted, server.token(mine.user_id))
    kept = hosted.accounts.account(mine.user_id)
    assert kept is not None
    assert kept.provider == "local"
    assert browser(app).get("/probe", headers={"Authorization": f"Bearer {server.token(ANNA)}"}).json()["id"] == ANNA
    hosted.application.close()


def test_an_account_of_the_project_is_opened_by_no_password_or_code_of_ours(
    home: Path, store_url: str, server: FakeAuthServer
) -> None:
    app = with_probes(web_app(configured(home, store_url, server=server, auth={"local": True})))
    accounts = hosted_by(app).accounts
    accounts.ensure(ANNA, "supabase")
    accounts.set_password(ANNA, "a long enough password")
    for asked in ({"login": ANNA, "password": "a long enough password"}, {"login": "", "password": ""}):
        assert browser(app).post("/auth/sign-in", json=asked).status_code == 401
    code = hosted_by(app).recovery.renew(ANNA)[0]
    asked = {"login": ANNA, "code": code, "password": "another long password"}
    assert browser(app).post("/auth/recover", json=asked).status_code == 401
    hosted_by(app).application.close()


def test_what_an_earlier_program_kept_under_an_id_of_the_project_is_still_theirs(
    supabase_app: FastAPI, server: FakeAuthServer
) -> None:
    hosted_by(supabase_app).application.database.person(ANNA).begin_session(title="From before")
    anna = with_token(supabase_app, server.token(ANNA), adult=ANNA)
    assert [one["title"] for one in anna.get("/api/sessions").json()] == ["From before"]


def test_an_address_in_a_token_makes_nobody_an_operator(supabase_app: FastAPI, server: FakeAuthServer) -> None:
    hosted_by(supabase_app)._operators = ("anna@example.org",)
    assert (
        with_token(supabase_app, server.token(ANNA, email="anna@example.org")).get("/probe/operator").status_code == 403
    )
    hosted_by(supabase_app)._operators = (ANNA,)
    assert with_token(supabase_app, server.token(ANNA)).get("/probe/operator").status_code == 200
