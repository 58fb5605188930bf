"""What is unsafe does not start, and says in one line why."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from stoic_emperor.application import Application
from stoic_emperor.config import Configuration, load_configuration
from stoic_emperor.errors import ConfigurationError
from stoic_emperor.testing.web import configured, hosted_by
from stoic_emperor.web.auth.demands import check
from stoic_emperor.web.serving import create_app


@pytest.fixture
def production(home: Path, sqlite_url: str) -> Configuration:
    return configured(home, sqlite_url)


def test_a_safe_configuration_starts(production: Configuration) -> None:
    hosted_by(create_app(Application(production))).application.close()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"session_secret": None}, "production needs SESSION_SECRET"),
        ({"session_secret": SecretStr("short")}, "shorter than 32"),
        ({"session_secret": SecretStr("ab" * 32)}, "can be guessed"),
    ],
)
def test_production_needs_a_secret_that_is_one(production: Configuration, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        create_app(Application(replace(production, **changes)))


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"auth": {"local": False}}, "nobody could sign in"),
        ({"database": {"url": "postgresql://stoic:changeme@localhost:5432/stoic_emperor"}}, "sample password"),
        ({"auth": {"supabase_url": "project.supabase.co"}}, "SUPABASE_URL must be"),
        ({"auth": {"supabase_url": "https://project.supabase.co/auth/v1"}}, "SUPABASE_URL must be"),
        ({"auth": {"supabase_url": "file:///etc/passwd"}}, "SUPABASE_URL must be"),
    ],
)
def test_production_needs_a_way_in_and_a_password_of_its_own(home: Path, sections: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        check(configured(home, "sqlite:///x.db", **sections))


@pytest.mark.parametrize(
    ("environ", "auth", "ways", "registration"),
    [
        ({}, "", ("single",), "open"),
        ({}, "auth:\n  single_user: false\n", ("local",), "open"),
        ({"ENVIRONMENT": "production"}, "", ("local",), "first"),
        ({"ENVIRONMENT": "production"}, "auth:\n  registration: closed\n", ("local",), "closed"),
        ({"SUPABASE_URL": "https://p.supabase.co"}, "", ("supabase",), "open"),
        ({"SUPABASE_URL": "https://p.supabase.co"}, "auth:\n  local: true\n", ("local", "supabase"), "open"),
        ({"ENVIRONMENT": "production"}, "auth:\n  local: false\n", (), "first"),
    ],
)
def test_how_people_come_in_follows_from_the_configuration(
    home: Path, environ: dict[str, str], auth: str, ways: tuple[str, ...], registration: str
) -> None:
    (home / "config").mkdir()
    (home / "config" / "settings.yaml").write_text(auth)
    found = load_configuration(home, environ)
    assert (found.ways_in, found.registration) == (ways, registration)


def run(home: Path, code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "STOIC_HOME": str(home), **environ},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_server_says_in_one_line_why_it_does_not_start(home: Path) -> None:
    ran = run(home, "import stoic_emperor.web.api", ENVIRONMENT="production")
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert "SESSION_SECRET" in ran.stderr


def test_without_the_extra_everything_else_works_and_the_server_names_it(home: Path) -> None:
    names = ("fastapi", "starlette", "argon2", "jwt", "jinja2", "uvicorn")
    missing = "import sys\n" + "".join(f"sys.modules[{name!r}] = None\n" for name in names)
    rest = "import stoic_emperor.application, stoic_emperor.cli, stoic_emperor.doctor, stoic_emperor.cli.users\n"
    assert run(home, missing + rest).stderr == ""
    ran = run(home, missing + "import stoic_emperor.web.api")
    assert ran.returncode == 1
    assert 'pip install "stoic-emperor[web]"' in ran.stderr
    assert "Traceback" not in ran.stderr
