"""A server on this machine that vouches for people as a Supabase project's auth server does, with real keys."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_ROOT = "/auth/v1"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair, as the project has several."""

    kid: str
    algorithm: str
    private: Any

    @classmethod
    def make(cls, algorithm: str = "ES256") -> Self:
        """A new one, of ES256 or RS256."""
        private: Any = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )
        return cls(str(uuid.uuid4()), algorithm, private)

    def public(self) -> dict[str, Any]:
        """As the server publishes it."""
        make = jwt.algorithms.ECAlgorithm if self.algorithm == "ES256" else jwt.algorithms.RSAAlgorithm
        described: dict[str, Any] = make.to_jwk(self.private.public_key(), as_dict=True)
        return {**described, "kid": self.kid, "alg": self.algorithm, "use": "sig"}


class FakeAuthServer:
    """The auth server of a project. Tokens need it to run only when somebody checks them.

    ``with FakeAuthServer() as server: server.token("…")``.
    """

    def __init__(self) -> None:
        """It answers inside ``with``."""
        self._server: ThreadingHTTPServer | None = None
        self._key = SigningKey.make()
        #: Published, by name; `rotate` adds to them.
        self.keys: dict[str, SigningKey] = {self._key.kid: self._key}
        #: Published beside them, as they are.
        self.strange_keys: list[Any] = []
        self.shared_secret = secrets.token_urlsafe(48)
        self.anon_key = "sb_publishable_of_a_test"
        self.service_key = "sb_secret_of_a_test"
        #: Address -> password and id.
        self.people: dict[str, tuple[str, str]] = {}
        #: Anonymous or otherwise unusual people: id -> what `/user` says of them beside.
        self.unusual: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []
        #: Method and path of every question, in order.
        self.asked: list[tuple[str, str]] = []
        #: Every question is answered with this status, if it is not 0.
        self.failing = 0
        #: Seconds before every answer.
        self.delay = 0.0
        #: Code of a sign-in with another service, or of a link -> challenge and id.
        self._codes: dict[str, tuple[str, str]] = {}
        #: Links that were mailed: address and link, in order.
        self.mailed: list[tuple[str, str]] = []
        #: Whether a link is mailed before somebody new may sign in, and whether anybody may sign up.
        self.confirms = self.takes_people = True

    def __enter__(self) -> Self:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _handle(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                status, headers, answer = fake._answer(
                    self.command, self.path, dict(self.headers.items()), self.rfile.read(length)
                )
                content = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815 - the library's names

            def log_message(self, *_: Any) -> None:
                """Nothing on the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def url(self) -> str:
        """The project's address, for ``SUPABASE_URL``."""
        assert self._server is not None, "use it in a with statement"
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def issuer(self) -> str:
        """As its tokens name it."""
        return f"{self.url}{_ROOT}"

    # People and keys

    def add(self, email: str, password: str) -> str:
        """Somebody with an account of the project; their id."""
        user_id = str(uuid.uuid4())
        self.people[email] = (password, user_id)
        return user_id

    def rotate(self, algorithm: str = "ES256") -> SigningKey:
        """Sign by a new key from now on; those before stay published. Gives the new one."""
        self._key = SigningKey.make(algorithm)
        self.keys[self._key.kid] = self._key
        return self._key

    def revoke(self, kid: str) -> None:
        """Publish a key no longer."""
        del self.keys[kid]

    # Tokens

    def claims(self, sub: str, **claims: Any) -> dict[str, Any]:
        """What a token of the server says; what is given as None is left out."""
        now = int(time.time())
        usual = {
            "iss": self.issuer,
            "aud": "authenticated",
            "role": "authenticated",
            "sub": sub,
            "iat": now,
            "exp": now + 3600,
            "aal": "aal1",
            "session_id": str(uuid.uuid4()),
            "email": "",
            "phone": "",
            "is_anonymous": False,
        }
        return {name: value for name, value in (usual | claims).items() if value is not None}

    def token(
        self, sub: str, *, key: SigningKey | None = None, header: Mapping[str, Any] | None = None, **claims: Any
    ) -> str:
        """A token for somebody, signed by the present key or by ``key``; claims replace or (None) remove its own."""
        key = key or self._key
        return jwt.encode(
            self.claims(sub, **claims), key.private, key.algorithm, headers={"kid": key.kid, **(header or {})}
        )

    def old_token(self, sub: str, *, secret: str | None = None, **claims: Any) -> str:
        """A token of a project that signs by a shared secret (HS256)."""
        return jwt.encode(self.claims(sub, **claims), secret or self.shared_secret, "HS256")

    # Answers

    def _answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], Any]:
        self.asked.append((method, target))
        if self.delay:
            time.sleep(self.delay)
        if self.failing:
            return self.failing, {}, {"message": "out of order"}
        parts = urlsplit(target)
        path, query = parts.path.removeprefix(_ROOT), {k: v[0] for k, v in parse_qs(parts.query).items()}
        if path == "/.well-known/jwks.json":
            return 200, {}, {"keys": [*(key.public() for key in self.keys.values()), *self.strange_keys]}
        if path == "/authorize":
            return self._authorize(query)
        if path.startswith("/admin/users/"):
            return self._admin(method, headers, path.rpartition("/")[2])
        if headers.get("apikey", headers.get("Apikey")) != self.anon_key:
            return 401, {}, {"message": "No API key found in request"}
        return self._answer_anybody(method, path, query, headers.get("Authorization", "").removeprefix("Bearer "), body)

    def _answer_anybody(
        self, method: str, path: str, query: Mapping[str, str], token: str, body: bytes
    ) -> tuple[int, dict[str, str], Any]:
        asked = json.loads(body) if body else {}
        match method, path:
            case "GET", "/user":
                return self._user(token)
            case "PUT", "/user":
                return self._change(token, asked)
            case "POST", "/token":
                return self._token(query.get("grant_type", ""), asked)
            case "POST", "/signup":
                return self._sign_up(asked, query["redirect_to"])
            case "POST", "/recover":
                return self._recover(asked, query["redirect_to"])
        return 404, {}, {"message": "no such path"}

    def _authorize(self, query: Mapping[str, str]) -> tuple[int, dict[str, str], Any]:
        code = secrets.token_urlsafe(16)
        self._codes[code] = (query["code_challenge"], str(uuid.uuid4()))
        return 302, {"Location": f"{query['redirect_to']}?{urlencode({'code': code})}"}, None

    def _admin(self, method: str, headers: Mapping[str, str], user_id: str) -> tuple[int, dict[str, str], Any]:
        if headers.get("Authorization") != f"Bearer {self.service_key}" or method != "DELETE":
            return 403, {}, {"message": "not allowed"}
        self.deleted.append(user_id)
        return 200, {}, {}

    def _sign_up(self, asked: Mapping[str, str], back: str) -> tuple[int, dict[str, str], Any]:
        if not self.takes_people:
            return 422, {}, {"error_code": "signup_disabled", "msg": "Signups not allowed for this instance"}
        if "@" not in asked["email"]:
            return 400, {}, {"error_code": "validation_failed", "msg": "Unable to validate email address"}
        if asked["email"] in self.people:
            # While links are mailed, that somebody is known is told to nobody.
            known = {"error_code": "user_already_exists", "msg": "User already registered"}
            return (200, {}, {"id": str(uuid.uuid4()), "identities": []}) if self.confirms else (422, {}, known)
        user_id = self.add(asked["email"], asked["password"])
        if self.confirms:
            self._mail(asked, back, user_id)
            return 200, {}, {"id": user_id, "email": asked["email"], "confirmation_sent_at": "2026-01-01T00:00:00Z"}
        return 200, {}, {"access_token": self.token(user_id), "token_type": "bearer", "expires_in": 3600}

    def _recover(self, asked: Mapping[str, str], back: str) -> tuple[int, dict[str, str], Any]:
        if asked["email"] in self.people:
            self._mail(asked, back, self.people[asked["email"]][1])
        return 200, {}, {}

    def _mail(self, asked: Mapping[str, str], back: str, user_id: str) -> None:
        assert asked["code_challenge_method"] == "s256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = (asked["code_challenge"], user_id)
        self.mailed.append((asked["email"], f"{back}?{urlencode({'code': code})}"))

    def _change(self, token: str, asked: Mapping[str, str]) -> tuple[int, dict[str, str], Any]:
        user_id = jwt.decode(token, options={"verify_signature": False})["sub"]
        if len(asked["password"]) < 6:
            return 422, {}, {"error_code": "weak_password", "msg": "Password should be at least 6 characters."}
        for email, (_, known) in list(self.people.items()):
            if known == user_id:
                self.people[email] = (asked["password"], known)
        return 200, {}, {"id": user_id}

    def _user(self, token: str) -> tuple[int, dict[str, str], Any]:
        try:
            claims = jwt.decode(token, self.shared_secret, ["HS256"], audience="authenticated", leeway=0)
        except jwt.PyJWTError:
            return 403, {}, {"error_code": "bad_jwt", "msg": "invalid JWT"}
        user_id = claims["sub"]
        known = {"id": user_id, "aud": "authenticated", "role": "authenticated", "is_anonymous": False}
        return 200, {}, known | self.unusual.get(user_id, {})

    def _token(self, grant: str, proof: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        user_id = None
        if grant == "password":
            password, found = self.people.get(proof["email"], (None, None))
            user_id = found if password == proof["password"] else None
        elif grant == "pkce":
            challenge, found = self._codes.pop(proof["auth_code"], ("", ""))
            digest = hashlib.sha256(proof["code_verifier"].encode()).digest()
            made = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            user_id = found if made == challenge else None
        if user_id is None:
            return 400, {}, {"error_code": "invalid_credentials", "msg": "Invalid login credentials"}
        return 200, {}, {"access_token": self.token(user_id), "token_type": "bearer", "expires_in": 3600}
