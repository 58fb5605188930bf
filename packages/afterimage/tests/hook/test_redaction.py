"""Secrets are taken out, in time, with and without the compiled rules."""

import importlib.util
import re
import time
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterimage.hook.redaction import LEFT_OUT, RULES, Redactor, compile_rules, compiled_name, suspicious_lines, table
from afterimage.hook.redaction_rules import NAMES

SECRETS = [
    "AKIA" + "QYLPMN5HHHFPZAM2",
    "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nx8\n-----END RSA PRIVATE KEY-----",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
]
CODE = 'def token(self, secret: str) -> str:\n    password = os.environ["PASSWORD"]\n    return f"{self.token}://{secret}"\n'


@pytest.fixture(scope="module", params=["compiled", "as needed"])
def rules_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("rules")
    if request.param == "compiled":
        compile_rules(str(folder))
    return str(folder / compiled_name())


@pytest.fixture
def redactor(rules_file: str) -> Redactor:
    return Redactor(rules_file)


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
        ("x = '", "SG." + "q8Zk2mNv7Lx0PwRt5Yb3xx" + ".Hc6Jd9Ff1Gg4Ss2Aq8Zk2mNv7Lx0PwRt5Yb3Hc6Jd9F", "'"),
        ("x = '", "hf_" + "qeZkVmNvTLxOPwRtUYbIHcKJdLFfMGgNSs", "'"),
        ("url = '", "https://hooks.slack.com/services/T0AB1CD2E/B0FG3HI4J/" + "q8Zk2mNv7Lx0PwRt5Yb3Hc6J", "'"),
        ("AccountName=me;AccountKey=", "q8Zk2mNv7Lx0PwRt5Yb3Hc6Jd9Ff1Gg4Ss2A/q8Zk2m+Nv7==", ";Suffix=x"),
        ('const dbPassword: string = "', "hunter2secret", '";'),
        ('let api_secret: &str = "', "hunter2secret", '";'),
        ('var password string = "', "hunter2secret", '"'),
        ('self.password: Optional[str] = "', "hunter2secret", '"'),
        ('password = """', "hunter2secret", '"""'),
        ('password = (\n    "', "hunter2secret", '"\n)'),
        ('os.environ.get("DB_PASSWORD", "', "hunter2secret", '")'),
        ('os.getenv("API_KEY", default="', "q8Zk2mNv7Lx0Pw", '")'),
        ('key = process.env.API_KEY || "', "q8Zk2mNv7Lx0Pw", '";'),
        ('define("DB_PASSWORD", "', "hunter2secret", '");'),
        ('user.set_password("', "hunter2secret", '")'),
        ("Server=h;User Id=sa;Password=", "hunter2", ";Encrypt=yes"),
        ("<password>", "hunter2", "</password>"),
        ("log in with password=", "Sup3rS3cret!", " and go on"),
        ("mysql -u root -p", "hunter2", " shop"),
        ("mysqldump --password=", "hunter2", " shop"),
        ("sshpass -p ", "hunter2", " ssh host"),
        ("docker login -u me -p ", "hunter2", ""),
        ("redis-cli -h host -a ", "hunter2", " ping"),
        ("CREATE USER u WITH PASSWORD '", "hunter2", "';"),
        ("CREATE USER u IDENTIFIED BY '", "hunter2", "';"),
        ("machine api.example.org login anna password ", "hunter2", ""),
        ("machine api.example.org\n  login anna\n  password ", "hunter2", ""),
        ("machine api.example.org password ", "hunter2", ""),
        ("machine localhost login anna account a password ", "hunter2", ""),
        ("default login anonymous password ", "hunter2", ""),
        ("Cookie: ", "theme=dark; sessionid=8f14e45fceea167a5a36dedd4bea2543; a=b", ""),
        ("Set-Cookie: ", "sid=s%3AJ9x2kLmQ8rT5vW1y.Zb3; Path=/; HttpOnly", ""),
        ('headers = {"Cookie": "', "session=8f14e45fceea167a5a36dedd4bea2543", '"}'),
        ("res.setHeader('Set-Cookie', '", "connect.sid=s%3Aabcdefghij1234567890ABCDE; Path=/", "')"),
        ('document.cookie = "', "auth=8f14e45fceea167a5a36dedd4bea2543", '"'),
        ("curl -s -b '", "session=8f14e45fceea167a5a36dedd4bea2543", "' https://host"),
        (
            'url = "https://discord.com/api/webhooks/123456789012345678/',
            "aBcDeFgHiJkLmNoPqRsTuVwX" * 2 + "yZ0123456789-_",
            '"',
        ),
        ('url = "https://chat.example.org/hooks/', "xq7generated3key8pqrstuvw", '"'),
        ('url = "https://maker.ifttt.com/trigger/evt/with/key/', "dQw4w9WgXcQdQw4w9WgXcQ", '"'),
        ('url = "https://host/hook?id=1&token=', "8f14e45fceea167a5a36dedd4bea2543", '"'),
        ("https://x.blob.core.windows.net/c/b?sv=2020&sig=", "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7dE9f%3D", ""),
        ('os.environ["DB_PASS"] = "', "Kq7Lx2Vn9", '"'),
        ("$pass = '", "Kq7Lx2Vn9", "';"),
        ("$dbpass   = '", "hunter22-x", "';"),
        ("'pass' => '", "Kq7Lx2Vn9", "',"),
        ("define('DB_PASS', '", "hunter22secret", "');"),
        ('String smtpPass = "', "hunter22secret", '";'),
        ('getenv("DB_PASS") ?: "', "hunter22secret", '";'),
        ("  pw: ", "Sommer-2024", ""),
        ("db_pw = ", "Kq7Lx2Vn9", ""),
        ("MYSQL_PASS=", "hunter2x", ""),
        ("https://api.telegram.org/bot", "123456789:AAF4kd93kdkdkFkd93kdQd93kzkd93kdkda", "/sendMessage"),
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
        "a machine learning password manager",
        "the machine login and password fields",
        "the default login or password is not used",
        'headers = {"Cookie": cookie}',
        "Cookie: theme=dark; lang=en",
        'response.set_cookie("name", "a value")',
        "cookie = make_cookie(name=some_long_identifier1, value=another_identifier2)",
        "Set-Cookie: name=deleted; expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "cookie: sessionCookie2=generateSessionCookie2()",
        "https://docs.example.org/webhooks/getting-started-with-webhooks",
        "https://github.com/org/hooks/commit/8f14e45fceea167a5a36dedd4bea254300000000",
        "https://example.org/hook/${process.env.HOOK_TOKEN_2}",
        "https://example.org/?page_token=next_page&key=YOUR_API_KEY_GOES_HERE",
        'f"{base}?token={self.token2}&key={settings.api_key_2}"',
        'bypass = "Kq7Lx2Vn9"',
        'colours = {"pass": "text-green-600", "fail": "text-red-600"}',
        "pass: first_pass_2",
        "render_pass = first_pass2",
        "if ok: pass  # 2nd try",
        'test("first pass", "result1of2")',
        "PASS=${DB_PASS}",
        "pw = make_window2(10)",
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
        'token_type: str = "access_token"',
        'token = get_token("refresh_token")',
        'get_secret("projects/shop/secrets/db")',
        'parser.add_argument("--password", help="the password of the database")',
        "ALTER USER u WITH PASSWORD %s",
        "CREATE USER u WITH PASSWORD '${DB_PASSWORD}'",
        "mysql -u root -p shop",
        "mysql -u root -p$MYSQL_PWD shop",
        "<password>{password}</password>",
        "connect(password=Settings2Password, retries=2)",
        "Server=h;Password={password};",
    ],
)
def test_a_line_that_only_speaks_of_secrets_stays(redactor: Redactor, line: str) -> None:
    assert redactor(f"a = 1\n{line}\nb = 2\n") == f"a = 1\n{line}\nb = 2\n"


def test_code_about_secrets_stays(redactor: Redactor) -> None:
    assert redactor(CODE) == CODE


def test_two_hundred_kilobytes_are_looked_at_in_time(redactor: Redactor) -> None:
    text = (CODE + SECRETS[0] + "\n") * 1_600
    assert len(text) > 200_000
    taken = []
    for _ in range(3):
        started = time.process_time()
        assert SECRETS[0] not in redactor(text)
        taken.append(time.process_time() - started)
    # The least tells what work it is, whatever else the machine does.
    assert min(taken) < 0.5


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
    assert redactor(before + SECRETS[0] + after) == f"{before}[redacted: aws-access-token]{after}"


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
    assert Redactor(late=lambda: True)("x = 1\n" * 10_000) == LEFT_OUT


def test_compiled_rules_that_are_damaged_are_passed_by(tmp_path: Path) -> None:
    (tmp_path / "rules").write_bytes(b"\xff" * 50)
    assert SECRETS[0] not in Redactor(str(tmp_path / "rules"))(SECRETS[0])


def test_every_rule_has_what_it_needs() -> None:
    rules = (*RULES, *table())
    assert len(rules) > 400
    assert len({rule[0] for rule in rules}) == len(rules)
    for name, literals, pattern, group, entropy in rules:
        assert name
        assert literals
        assert all(literal and literal == literal.lower() for literal in literals)
        assert 0 <= group <= re.compile(pattern).groups
        assert entropy >= 0


@pytest.mark.parametrize(
    ("secret", "kind"),
    [
        ("xoxb-" + "123456789012-1234567890123-" + "q8Zk2mNv7Lx0PwRt5Yb3Hc6J", "slack-bot-token"),
        ("dop_v1_" + "0a1b2c3d4e5f60718293a4b5c6d7e8f9" * 2, "digitalocean-pat"),
        ("ghs_" + "16C7e42F292c6912E7710c838347Ae178B4a", "github-app-token"),
        ("hf_" + "qmzkvwnxtlroapwyrtgubihcekjdlffmsg", "huggingface-access-token"),
    ],
)
def test_what_a_vendor_gives_out_is_known_by_its_form(redactor: Redactor, secret: str, kind: str) -> None:
    assert redactor(f"x = '{secret}'\n") == f"x = '[redacted: {kind}]'\n"


def test_a_vendors_name_lines_before_tells_what_a_value_is(redactor: Redactor) -> None:
    text = "dropbox_key =\n\n  'q8zk2mnv7lx0pwr'\n"
    assert redactor(text) == "dropbox_key =\n\n  '[redacted: dropbox-api-token]'\n"


def test_of_ordinary_code_no_line_is_suspicious() -> None:
    assert suspicious_lines(CODE, CODE.lower()) == ""
    text = "a\nb\nc\nd = '0123456789abcdef'\ne"
    assert suspicious_lines(text, text) == "b\nc\nd = '0123456789abcdef'"


def hostile(rule: tuple[str, tuple[str, ...], str, int, float], size: int) -> list[str]:
    """Texts that are full of beginnings of what the rule looks for."""
    beginnings = [rule[1][0], rule[1][0].upper() + "-a1", rule[1][0] + "=a1B2", rule[1][0] + "'='= "]
    return [beginning * (size // len(beginning)) for beginning in beginnings]


def test_no_rule_takes_long_for_a_line_that_is_full_of_beginnings() -> None:
    for rule in (*RULES, *table()):
        pattern = re.compile(rule[2])
        for text in hostile(rule, 10_000):
            started = time.process_time()
            assert sum(1 for _ in pattern.finditer(text)) >= 0
            assert time.process_time() - started < 0.25, rule[0]


@pytest.mark.slow
def test_a_megabyte_full_of_beginnings_is_taken_on_in_time() -> None:
    # Of the table a sample: each takes all the time it is given.
    for rule in (*RULES, *table()[::25]):
        started = time.process_time()
        text = hostile(rule, 1_000_000)[0]
        Redactor(late=lambda until=started + 1.5: time.process_time() >= until)(text)  # type: ignore[misc]
        assert time.process_time() - started < 4.0, rule[0]


# What the table is made from


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    path = Path(__file__).parents[4] / "scripts" / "redaction_table.py"
    spec = importlib.util.spec_from_file_location("redaction_table", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_table_is_as_the_detector_gives_it(generator: ModuleType) -> None:
    pytest.importorskip("kingfisher_sdk", reason="kingfisher-secret-scanner is not installed")
    assert generator.TABLE.read_text("utf-8") == generator.table()


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("a(?i)[b-d]{3}", "a(?i:[b-d]{3})"),
        ("(a(?i)b)c", "(a(?i:b))c"),
        ("(?i)a+", "(?i)a{1,100}"),
        ("a*b{40,}", "a{0,100}b{40,160}"),
        ("[a+*{2,}]x", "[a+*{2,}]x"),
        (r"\+a\z", r"\+a\Z"),
        ("(?P<one>a)", "(a)"),
    ],
)
def test_a_pattern_is_brought_into_a_form_that_is_bounded(generator: ModuleType, given: str, made: str) -> None:
    assert generator.translated(given) == made


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        ("gh[pousr]_[0-9a-z]{36}", {"ghp_", "gho_", "ghu_", "ghs_", "ghr_"}),
        ("(?i)(?:Acme|Foo)[a-z]{5}=", {"acme", "foo"}),
        ("x?ab(?:c)?de{2}", {"ab"}),
        ("(?:long|[0-9])", set()),
        ("[Ss][Kk]-[0-9]+", {"sk-"}),
    ],
)
def test_what_every_match_must_have_is_told_by_the_pattern(
    generator: ModuleType, pattern: str, literals: set[str]
) -> None:
    assert generator.required(generator.parser.parse(pattern)) == literals


NAMED = st.tuples(
    st.sampled_from(["", "DB_", "my-", "é", "un", '"', "{'"]),
    st.sampled_from([*NAMES, "PASSWORD", "Api_Key", "apiKey", "token_pwd"]),
    st.sampled_from([" = ", "=", ": ", ' = r"', "(", '", ', ": str = ", " := ", " or ", "\n", "_2=", '"] = ']),
    st.sampled_from(['"Kq7Lx2Vn9Bt4Rw8Z"', "Kq7Lx2Vn9Bt4Rw8Z", "'hunter22hunter'", "os.environ['A']", "${A}", "a.b"]),
    st.sampled_from(["\n", " ", ")\n", ";", "", ", "]),
).map("".join)


@settings(max_examples=300)
@given(parts=st.lists(NAMED, max_size=8))
def test_rules_that_begin_with_a_name_find_by_the_names_what_they_find_anywhere(parts: list[str]) -> None:
    text = "".join(parts)
    looking = Redactor()
    for rule in RULES:
        if rule[1] is NAMES:
            named, anywhere = looking._named(rule, text), looking._anywhere(rule, text)
            assert named is not None
            assert anywhere is not None
            assert [match.span() for match in named] == [match.span() for match in anywhere], rule[0]


def test_a_letter_that_is_two_when_it_is_small_hides_no_secret(redactor: Redactor) -> None:
    cleaned = redactor('İİİ password = "Kq7Lx2Vn9Bt4Rw8Z"\n')
    assert cleaned == 'İİİ password = "[redacted: assigned-secret]"\n'
