"""Our own rules for secrets, whatever the vendor: one row a rule. What vendors' look like is in `redaction_table.tsv`.

(name, literals, pattern, group, entropy): a rule is tried where one of its literals, in small letters, stands in the
text in small letters. ``pattern`` is for `re`; what matched ``group`` (0: all of it) is the secret, if it has at least
``entropy`` bits a letter (0: whatever it is).
"""

#: What a secret is called. A rule with these has a pattern that begins with one of them, so it is only tried there.
NAMES = (
    *(
        "passw",
        "passphrase",
        "secret",
        "token",
        "api_key",
        "apikey",
        "api-key",
        "access_key",
        "accesskey",
        "access-key",
    ),
    *("auth_key", "authkey", "auth-key", "private_key", "privatekey", "private-key", "credential", "pwd"),
    # Short ones are names of something else unless they end just there: `DB_PASS"]`, `$pass =`, `pw: …`.
    *(name + end for name in ("pass", "pw") for end in "\"' \t:="),
)
_LONG_NAME = r"passw(?:or)?d|passphrase|secret|token|(?:api|access|auth|private)[_-]?key|credential|pwd"
_SHORT_NAME = r"(?<!by)(?<!com)(?:pass|pw)(?=[\"' \t:=])"
_NAME = f"{_LONG_NAME}|{_SHORT_NAME}"
#: What stands in quotes as a secret does: with a letter and a digit, no blanks, and nothing that is put in later.
_QUOTED = (
    r"[rbuf]?(?:\"\"\"|[\"'])(?=[^\s\"']{0,199}?\d)(?=[^\s\"']{0,199}?[A-Za-z])"
    r"((?:[^\s\"'{}<>$%]|(?<![\"'])[$%](?![({sdr])){8,200})[\"']"
)
#: What is too long, too mixed and too much at an end to be a word or a call.
_LONG = r"(?=[^\s;&\"'`]{0,199}?\d)(?=[^\s;&\"'`]{0,199}?[A-Za-z])[\w%+/.~:-]{16,4000}+={0,2}(?![\w(\[{<$])"
#: Names joined by dots: where a value is got from, not a value.
_CHAIN = r"[A-Za-z_]\w{0,60}+(?:\.[A-Za-z_]\w{0,60}+){1,9}+"

RULES = (
    # As many vendors begin their keys, in more forms than are published.
    ("sk-key", ("sk-",), r"\bsk-[0-9A-Za-z_-]{20,200}", 0, 3.5),
    # Forms that the table's detector only knows beside a vendor's name, or newer ones of a family.
    ("gitlab-any-token", ("gl",), r"\bgl[a-z]{2,7}-[0-9A-Za-z_-]{20,300}", 0, 3.0),
    ("pypi-any-token", ("pypi-age",), r"\bpypi-AgE[0-9A-Za-z_-]{50,1000}", 0, 3.0),
    ("square-secret", ("sq0",), r"\bsq0[a-z]{3}-[0-9A-Za-z_-]{22,60}", 0, 3.0),
    ("telegram-token", (":aa",), r"(?<!\d)\d{8,10}:AA[0-9A-Za-z_-]{33}\b", 0, 3.0),
    ("discord-token", (".",), r"\b[MNO][0-9A-Za-z_-]{23,25}\.[0-9A-Za-z_-]{6}\.[0-9A-Za-z_-]{27,38}\b", 0, 4.0),
    ("azure-account-key", ("accountkey",), r"(?i)\bAccountKey=([0-9A-Za-z+/]{40,100}={0,2})", 1, 3.0),
    (
        "connection-string",
        ("://",),
        (
            # Up to the last @ before the host; not where something else stands for the password.
            r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:@/'\"<>]{0,80}:"
            r"(?!(?:[$#%]?\{{1,2}[^\s{}]{0,80}\}{1,2}|\$\w{1,80}|\$\([^\s()]{0,80}\)|%s|%\(\w{1,80}\)s)@)"
            r"([^\s/'\"<>`]{3,200})@[\w.-]"
        ),
        1,
        0.0,
    ),
    (
        "authorization",
        ("authorization",),
        (
            r"(?i)\bauthorization[\"']?\]?\s{0,3}[:=,]\s{0,3}[\"']?(?:bearer|basic|token)\s{1,3}"
            r"([\w.~+/=-]{8,4000}+)(?![\w(\[{$<])"
        ),
        1,
        2.8,
    ),
    (
        "curl-user",
        ("curl",),
        (
            r"\bcurl\s(?:[^\n\\]|\\[\s\S]){0,300}?(?<=\s)(?:-u|--user)[ =]{0,3}[\"']?[^\s:\"'$<{\[]{1,80}:"
            r"([^\s\"'$<{\[]{3,200})"
        ),
        1,
        0.0,
    ),
    (
        "assigned-secret",
        NAMES,
        (
            rf"(?i)(?:{_LONG_NAME})\w{{0,20}}[\"']?\]?\s{{0,3}}(?::=|=>|[:=])\s{{0,3}}[rbuf]?[\"']"
            r"((?:[^\s\"'{}<>$%]|(?<![\"'])[$%](?![({sdr])){8,200})[\"']"
        ),
        1,
        3.0,
    ),
    (
        # $pass = '…', os.environ["DB_PASS"] = "…", 'pw' => '…': with a digit, and no words between signs.
        "assigned-short",
        NAMES,
        (
            rf"(?i){_SHORT_NAME}[\"']?\]?\s{{0,3}}(?::=|=>|[:=])\s{{0,3}}"
            rf"(?![\"'](?-i:[a-z]{{1,40}}+(?:[-_./:][a-z0-9]{{1,40}}+){{1,9}}+)[\"']){_QUOTED}"
        ),
        1,
        3.0,
    ),
    (
        # password: str = "…", let secret: &str = "…", var token string = "…", and a value on the next line.
        "declared-secret",
        NAMES,
        (
            rf"(?i)(?:{_NAME})\w{{0,20}}(?:\s{{0,3}}:\s{{0,3}}[\w.&<>'|?\[\] ]{{1,40}}?|[ \t]{{1,3}}[a-z]{{1,12}})?"
            rf"[ \t]{{0,3}}:?=\s{{0,3}}(?:[(\\]\s{{1,20}})?{_QUOTED}"
        ),
        1,
        3.0,
    ),
    (
        # getenv("API_KEY", "…"), define("DB_PASSWORD", "…"), set_password("…"), env.API_KEY || "…".
        "given-secret",
        NAMES,
        (
            rf"(?i)(?:{_LONG_NAME}|(?<! ){_SHORT_NAME})"
            rf"\w{{0,20}}(?:[\"']\s{{0,3}},\s{{0,3}}(?:default\s{{0,3}}=\s{{0,3}})?|\(\s{{0,3}}|"
            rf"[\"')\]]{{0,3}}\s{{0,3}}(?:\|\||\?\?|\?:|or)\s{{0,3}}){_QUOTED}\s{{0,3}}[,;)\n]"
        ),
        1,
        3.0,
    ),
    (
        # password=value in the middle of a sentence or a command: with small letters, capitals and digits.
        "mentioned-secret",
        NAMES,
        (
            rf"(?i:{_NAME})=(?=[^\sA-Z]{{0,199}}[A-Z])(?=[^\sa-z]{{0,199}}[a-z])(?=[^\s\d]{{0,199}}\d)"
            r"([^\s\"'`<>(){}\[\],;.:/$_]{8,200}+)(?=\s)"
        ),
        1,
        2.8,
    ),
    (
        # machine HOST login ME password …, on one line or several.
        "netrc-password",
        ("machine", "login"),
        (
            r"\b(?:machine\s{1,9}(?:[\w-]{1,60}\.[\w.-]{1,200}|\S{1,200}\s{1,9}login\s{1,9}\S{1,200})|"
            r"default\s{1,9}login\s{1,9}\S{1,200}|machine\s{1,9}\S{1,200}\s{1,9}login\s{1,9}\S{1,200}\s{1,9}"
            r"account\s{1,9}\S{1,200})\s{1,9}password\s{1,9}(?![$%<{\[])([^\s\"'`]{6,200})"
        ),
        1,
        0.0,
    ),
    (
        # Cookie: a=…; b=…, of which one is as long as what tells a session, and so all goes.
        "cookie",
        ("cookie", "curl"),
        (
            r"(?i)(?:\bcookie[\"']?\]?\s{0,3}[:=,]\s{0,3}|\bcurl\s[^\n|;&]{0,300}?(?<=\s)(?:-b|--cookie)[ =])[\"']?"
            rf"(?=(?:[\w.%-]{{1,60}}=[^\s;\"'`]{{0,4000}};[ \t]{{0,3}}){{0,20}}?[\w.%-]{{1,60}}={_LONG})"
            r"([\w.%-]{1,60}=[^\n\"'`<>{}$]{8,4000})"
        ),
        1,
        3.0,
    ),
    (
        # The key in the address is all that is asked for.
        "webhook",
        ("hook", "ifttt"),
        (
            r"(?i)\bhttps?://(?:[^\s\"'`<>{}$]{0,200}?hooks?(?:/[^\s\"'`<>{}$]{0,200})?|maker\.ifttt\.com/[^\s\"'`<>{}$]{0,200}/key)"
            r"(?<!/commit)(?<!/blob)(?<!/tree)/(?=[\w-]{0,199}\d)(?=[\w-]{0,199}[a-z])([\w-]{20,200})"
        ),
        1,
        3.0,
    ),
    (
        "address-secret",
        ("token=", "secret=", "signature=", "key=", "sig="),
        (rf"(?i)[?&](?:[\w.-]{{0,30}}(?:token|secret|signature|key)|sig)=({_LONG})"),
        1,
        3.0,
    ),
    # Server=…;Password=…; as ADO.NET and ODBC have it.
    (
        "connection-password",
        ("password=", "pwd="),
        r"(?i)\b(?:password|pwd)=(?![{$%<])([^;\s\"'`<>{}]{6,200});",
        1,
        2.5,
    ),
    (
        "sql-password",
        ("password", "identified"),
        r"(?i)\b(?:password|identified\s{1,3}by)\s{1,3}'([^'\s%:{}$?]{4,200})'",
        1,
        2.0,
    ),
    (
        "element-password",
        ("password>", "secret>", "token>", "apikey>"),
        r"(?i)<(\w{0,20}(?:password|secret|token|apikey))>([^<>\s{}$%]{6,200})</\1>",
        2,
        2.5,
    ),
    (
        "command-password",
        ("mysql", "mariadb", "sshpass", "docker login", "redis-cli"),
        (
            r"\b(?:(?:mysql|mariadb)[a-z-]{0,12}\s[^\n|;&]{0,200}?(?<=\s)(?:-p(?=\S)|--password=)|"
            r"sshpass\s{1,3}-p\s{0,3}|docker\s{1,3}login\s[^\n|;&]{0,200}?(?<=\s)(?:-p|--password)[ =]|"
            r"redis-cli\s[^\n|;&]{0,200}?(?<=\s)-a\s{1,3})[\"']?(?![$<{\[\"'])([^\s\"'$<{\[|;&]{4,200})"
        ),
        1,
        0.0,
    ),
    (
        # NAME_PASSWORD=value, as a shell or an .env file has it.
        "environment-secret",
        NAMES,
        (
            r"(?:PASSW(?:OR)?D|PASSPHRASE|SECRET|TOKEN|API_?KEY|(?:ACCESS|AUTH|PRIVATE)_?KEY|CREDENTIAL|_PWD|PASS(?==)|"
            r"PW(?==))"
            rf"[A-Z0-9_]{{0,20}}=(?![./~$\d]|{_CHAIN}(?![^\s,;)]))"
            r"([^\s\"'`<>(){}\[\],;]{6,200}+)(?![(\[{<\"'`,)])"
        ),
        1,
        2.5,
    ),
    (
        # name: value and name = value to the line's end, as YAML and INI files have it: with a letter and a digit, and
        # no name of something else.
        "configured-secret",
        NAMES,
        (
            rf"(?im)(?:{_NAME})\w{{0,20}}[\"']?[ \t]{{0,3}}[:=][ \t]{{0,3}}"
            rf"(?![./~$&*!|@]|{_CHAIN}[ \t]{{0,9}}$|[a-z]{{1,40}}+(?:_[a-z0-9]{{1,40}}+){{1,9}}+[ \t]{{0,9}}$|\w{{1,20}}://)"
            r"(?=[^\s\d]{0,199}\d)(?=[^\sA-Za-z]{0,199}[A-Za-z])"
            r"([^\s\"'`<>(){}\[\],;]{8,200}+)[ \t]{0,9}(?:#[^\n]{0,200})?$"
        ),
        1,
        2.8,
    ),
)
