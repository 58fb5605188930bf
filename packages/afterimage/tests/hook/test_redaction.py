"""Secrets are taken out, in time, with and without the compiled rules."""

import time
from pathlib import Path

import pytest

from afterimage.hook.redaction import LEFT_OUT, Redactor, compile_rules, compiled_name
from afterimage.hook.redaction_rules import RULES

SECRETS = [
    "AKIA" + "QYLPMN5HHHFPZAM2",
    "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nx8\n-----END RSA PRIVATE KEY-----",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
]
CODE = 'def token(self, secret: str) -> str:\n    password = os.environ["PASSWORD"]\n    return f"{self.token}://{secret}"\n'


@pytest.fixture(params=["compiled", "as needed"])
def redactor(request: pytest.FixtureRequest, tmp_path: Path) -> Redactor:
    if request.param == "compiled":
        compile_rules(str(tmp_path))
    return Redactor(str(tmp_path / compiled_name()))


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_taken_out_and_what_is_around_it_stays(redactor: Redactor, secret: str) -> None:
    cleaned = redactor(f"before = 1\nx = '{secret}'\nafter = 2\n")
    assert secret not in cleaned
    assert cleaned.startswith("before = 1\nx = '[redacted: ")
    assert cleaned.endswith("]'\nafter = 2\n")


def test_of_a_connection_string_only_the_password_goes(redactor: Redactor) -> None:
    assert redactor("postgres://me:s3cr3tpw@host/db") == "postgres://me:[redacted: connection-string]@host/db"


@pytest.mark.parametrize(
    ("before", "secret", "after"),
    [
        ("DB_PASSWORD=", "hunter2secret", ""),
        ("export API_KEY=", "q8Zk2mNv7Lx0Pw", ""),
        ("  password: ", "hunter2-Secret", ""),
        ("password = ", "hunter2secret", "  # mine"),
        ("aws_secret_access_key = ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzq81TKEYab", ""),
        ('os.environ["AWS_SECRET_ACCESS_KEY"] = "', "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzq81TKEYab", '"'),
        ("-H 'Authorization: Bearer ", "q8Zk2mNv7Lx0Pw", "'"),
        ('{"Authorization": "Basic ', "bWU6aHVudGVyMnNlY3JldA==", '"}'),
        ("curl -s -u me:", "hunter2", " https://host/x"),
        ("curl https://host/x \\\n  --user 'me:", "hunter2", "'"),
        ('pwd = "', "hunter2secret", '"'),
        ("auth_key: '", "hunter2$ecret%1", "'"),
        ('private_key = "', "q8Zk2mNv7Lx0Pw", '"'),
        ("postgres://me:", "p@$$w%7B{r}d", "@host/db"),
        ("redis://:", "p@ss", "@10.0.0.1:6379"),
        ("//registry/:_authToken=", "npm_" + "q8Zk2mNv7Lx0PwRt5Yb3" + "Hc6Jd9Ff1Gg4Ss2A", ""),
        ("x = '", "glpat-" + "q8Zk2mNv7Lx0PwRt5Yb3", "'"),
        ("x = '", "SG." + "q8Zk2mNv7Lx0PwRt5Yb3xx" + ".Hc6Jd9Ff1Gg4Ss2Aq8Zk2mNv7Lx0PwRt5Yb3Hc6Jd9", "'"),
        ("x = '", "hf_" + "q8ZkVmNvTLxOPwRtUYbIHcKJdLFfMGgNSs", "'"),
        ("https://hooks.slack.com/services/", "T0AB1CD2E/B0FG3HI4J/" + "q8Zk2mNv7Lx0PwRt5Yb3Hc6J", ""),
        ("AccountName=me;AccountKey=", "q8Zk2mNv7Lx0PwRt5Yb3Hc6Jd9Ff1Gg4Ss2A/q8Zk2m+Nv7==", ";Suffix=x"),
    ],
)
def test_a_secret_goes_and_the_line_around_it_stays(redactor: Redactor, before: str, secret: str, after: str) -> None:
    cleaned = redactor(f"a = 1\n{before}{secret}{after}\nb = 2\n")
    assert secret not in cleaned
    assert cleaned.startswith(f"a = 1\n{before}[redacted: ")
    assert cleaned.endswith(f"]{after}\nb = 2\n")
    assert redactor(cleaned) == cleaned


@pytest.mark.parametrize(
    "line",
    [
        "password = get_password()",
        "password = settings.db2.password",
        "password = hash_password_v2",
        "token: str",
        "token: str = ''",
        "tokens: list[Token2]",
        "  token: string;",
        "api_key=None",
        "f(api_key=None, token=token)",
        "Client(API_KEY=settings.API_KEY, TOKEN=TOKEN)",
        "DB_PASSWORD=${DB_PASSWORD}",
        "DB_PASSWORD=$(pass show db)",
        "PASSWORD_FILE=/run/secrets/db1",
        "PWD=/home/me/project1",
        "MAX_TOKENS=128000",
        "max_tokens: 128000",
        'secret = os.environ["X"]',
        "password: ${{ secrets.DB_PASSWORD1 }}",
        "token_url = https://host/oauth2/token",
        'f"postgres://{user}:{password}@{host}/db"',
        'f"postgres://{user}:{password}@localhost/db"',
        "postgres://me:${DB_PASSWORD}@host/db",
        "http://localhost:8080/a@b",
        'headers = {"Authorization": f"Bearer {token}"}',
        'headers["Authorization"] = "Bearer " + token',
        "curl -u $USER:$PASSWORD https://host",
        "for token in tokens2: yield token",
        "self.token = token1",
    ],
)
def test_a_line_that_only_speaks_of_secrets_stays(redactor: Redactor, line: str) -> None:
    assert redactor(f"a = 1\n{line}\nb = 2\n") == f"a = 1\n{line}\nb = 2\n"


def test_code_about_secrets_stays(redactor: Redactor) -> None:
    assert redactor(CODE) == CODE


def test_two_hundred_kilobytes_are_looked_at_in_time(redactor: Redactor) -> None:
    text = (CODE + SECRETS[0] + "\n") * 1_600
    assert len(text) > 200_000
    started = time.process_time()
    assert SECRETS[0] not in redactor(text)
    assert time.process_time() - started < 0.5


def test_a_secret_where_pieces_meet_is_seen(redactor: Redactor) -> None:
    for shift in range(0, 60, 7):
        text = "x" * 99 + "\n"
        text = text * 2_621 + "y" * shift + "\n" + SECRETS[0] + "\n" + text * 100
        assert SECRETS[0] not in redactor(text)


def test_a_private_key_where_pieces_meet_is_taken_out_whole(redactor: Redactor) -> None:
    key = SECRETS[2].replace("x8", "\n".join(["Qx8/" * 16] * 50))
    for filling in (262_100, 261_000, 259_000):
        before, after = "x" * filling + "\n", "\n" + "y = 1\n" * 9
        assert redactor(before + key + after) == f"{before}[redacted: private-key]{after}"


def test_a_secret_across_a_piece_of_one_line_is_taken_out(redactor: Redactor) -> None:
    before, after = "x" * 262_130 + " ", " " + "y" * 300_000
    assert redactor(before + SECRETS[0] + after) == f"{before}[redacted: aws-access-key]{after}"


@pytest.mark.parametrize("indent", ["", "    ", "+"])
def test_a_private_key_without_its_end_goes_to_the_end_of_its_lines(redactor: Redactor, indent: str) -> None:
    lines = ["-----BEGIN PRIVATE KEY-----", *["Qx8/" * 16] * 20, "Qx8="]
    text = "a = 1\n" + indent + f"\n{indent}".join(lines) + "\ndef f(x): ...\n"
    assert redactor(text) == f"a = 1\n{indent}[redacted: private-key]\ndef f(x): ...\n"


def test_code_that_looks_for_private_keys_stays(redactor: Redactor) -> None:
    code = 'if "-----BEGIN RSA PRIVATE KEY-----" in text:\n    raise ValueError\n'
    assert redactor(code) == code


def test_many_beginnings_of_private_keys_cost_little(redactor: Redactor) -> None:
    text = "-----BEGIN RSA PRIVATE KEY-----\n" * 20_000
    started = time.process_time()
    redactor(text)
    redactor(text + "-----END RSA PRIVATE KEY-----")
    assert time.process_time() - started < 1.0


def test_what_there_is_no_time_for_is_left_out(tmp_path: Path) -> None:
    assert Redactor(late=lambda: True)(f"x = '{SECRETS[0]}'") == LEFT_OUT


def test_compiled_rules_that_are_damaged_are_passed_by(tmp_path: Path) -> None:
    (tmp_path / "rules").write_bytes(b"\xff" * 50)
    assert SECRETS[0] not in Redactor(str(tmp_path / "rules"))(SECRETS[0])


def test_every_rule_has_what_it_needs() -> None:
    assert len({rule[0] for rule in RULES}) == len(RULES)
    for name, literals, _, group, entropy in RULES:
        assert name, literals
        assert all(literal == literal.lower() for literal in literals)
        assert group >= 0
        assert entropy >= 0
