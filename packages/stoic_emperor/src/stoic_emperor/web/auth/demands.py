"""What a configuration must have before people's memory is put on the web."""

from __future__ import annotations

from urllib.parse import urlsplit

from stoic_emperor.config import Configuration
from stoic_emperor.errors import ConfigurationError

#: Shorter ones can be guessed.
LEAST_SECRET = 32

MAKE_ONE = 'python3 -c "import secrets; print(secrets.token_urlsafe(48))"'


def check(configuration: Configuration) -> None:
    """Refuse what would be unsafe.

    Raises:
        ConfigurationError: the first thing that is wrong, and its remedy.
    """
    for fault in faults(configuration):
        raise ConfigurationError(fault)


def faults(configuration: Configuration) -> list[str]:
    """What would be unsafe or cannot work, each with its remedy."""
    found = []
    auth = configuration.settings.auth
    secret = configuration.session_secret
    if not configuration.ways_in:
        found.append(
            "nobody could sign in: switch local accounts on (auth.local: true in config/settings.yaml), "
            "or set SUPABASE_URL"
        )
    if secret is not None and len(secret.get_secret_value()) < LEAST_SECRET:
        found.append(f"SESSION_SECRET is shorter than {LEAST_SECRET} characters: make one with {MAKE_ONE}")
    elif secret is not None and len(set(secret.get_secret_value())) < 10:
        found.append(f"SESSION_SECRET can be guessed: make one with {MAKE_ONE}")
    if auth.supabase_url is not None:
        parts = urlsplit(auth.supabase_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
            found.append("SUPABASE_URL must be the project's address, such as https://PROJECT.supabase.co")
        elif configuration.environment == "production" and parts.scheme == "http" and not _is_here(parts.hostname):
            found.append("SUPABASE_URL must begin with https: passwords and tokens go there")
    if configuration.environment == "production":
        if secret is None:
            found.append(
                f"production needs SESSION_SECRET, which signs what browsers are given: make one with {MAKE_ONE}"
            )
        if ":changeme@" in configuration.settings.database.url:
            found.append("DATABASE_URL has the sample password `changeme`: give the database's user another one")
    return found


def _is_here(host: str) -> bool:
    return host in {"localhost", "127.0.0.1", "::1"}
