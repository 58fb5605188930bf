"""What a secret looks like: one row a rule.

(name, literals, pattern, group, entropy): a rule is tried where one of its literals, in small letters, stands in the
text in small letters (no literals: always). ``pattern`` is for `re`; what matched ``group`` (0: all of it) is the
secret, if it has at least ``entropy`` bits a letter (0: whatever it is).
"""

RULES = (
    ("aws-access-key", ("akia", "asia", "abia", "acca"), r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b", 0, 3.0),
    ("github-token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\bgh[pousr]_[0-9A-Za-z]{36,255}\b", 0, 3.0),
    ("github-pat", ("github_pat_",), r"\bgithub_pat_\w{82}\b", 0, 3.0),
    ("slack-token", ("xox",), r"\bxox[abeoprs]-[0-9A-Za-z-]{10,250}", 0, 2.0),
    ("anthropic-key", ("sk-ant-",), r"\bsk-ant-[0-9A-Za-z_-]{20,200}", 0, 3.0),
    ("openai-key", ("sk-",), r"\bsk-(?:proj-|svcacct-|admin-)?[0-9A-Za-z_-]{20,200}", 0, 3.5),
    ("google-api-key", ("aiza",), r"\bAIza[0-9A-Za-z_-]{35}\b", 0, 3.0),
    ("stripe-key", ("k_live_", "k_test_", "k_prod_"), r"\b[sr]k_(?:live|test|prod)_[0-9A-Za-z]{10,99}\b", 0, 2.0),
    (
        "jwt",
        ("eyj",),
        r"\beyJ[0-9A-Za-z_-]{17,4000}\.eyJ[0-9A-Za-z_-]{17,16000}\.[0-9A-Za-z_-]{10,2000}",
        0,
        3.0,
    ),
    (
        "connection-string",
        ("://",),
        r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:@/'\"<>{}$]{0,80}:([^\s@/'\"<>{}$]{3,200})@[\w.-]",
        1,
        0.0,
    ),
    (
        "assigned-secret",
        ("passw", "secret", "token", "api_key", "apikey", "api-key", "access_key", "credential"),
        r"(?i)(?:passw(?:or)?d|secret|token|api[_-]?key|access[_-]?key|credential)\w{0,20}[\"']?\s{0,3}(?::=|=>|[:=])\s{0,3}[rbuf]?[\"']([^\s\"'{}<>$%]{8,200})[\"']",
        1,
        3.0,
    ),
)
