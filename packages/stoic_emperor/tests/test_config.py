"""The configuration: from the file, the environment and .env; every mistake is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stoic_emperor.config import load_configuration
from stoic_emperor.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[3]


def write(home: Path, settings: str = "", env: str = "") -> None:
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "settings.yaml").write_text(settings)
    if env:
        (home / ".env").write_text(env)


def test_the_environment_comes_before_dotenv_which_comes_before_what_stands_in_the_file(home: Path) -> None:
    write(home, 'models:\n  main: "${LLM_MAIN_MODEL:-plain}"\n', "")
    assert load_configuration(home, {}).settings.models.main == "plain"
    write(home, 'models:\n  main: "${LLM_MAIN_MODEL:-plain}"\n', "LLM_MAIN_MODEL=dotenv\n")
    assert load_configuration(home, {}).settings.models.main == "dotenv"
    assert load_configuration(home, {"LLM_MAIN_MODEL": "outside"}).settings.models.main == "outside"
    assert load_configuration(home, {"LLM_MAIN_MODEL": ""}).settings.models.main == "dotenv"


def test_as_shipped_nothing_needs_to_be_set() -> None:
    configuration = load_configuration(ROOT, {"STOIC_HOME": str(ROOT)})
    assert configuration.settings.database.url == "sqlite:///./data/stoic_emperor.db"
    assert configuration.settings.models.main is None
    assert configuration.without_effect == {}


def test_the_example_of_env_sets_nothing_that_nothing_reads(home: Path) -> None:
    text = (ROOT / ".env.example").read_text()
    names = {
        line.lstrip("# ").partition("=")[0]
        for line in text.splitlines()
        if "=" in line and " " not in line.lstrip("# ")
    }
    assert names == {
        "DATABASE_URL",
        "ENVIRONMENT",
        "LLM_BASE_URL",
        "LLM_MAIN_MODEL",
        "LLM_REVIEWER_MODEL",
        "LLM_LIGHT_MODEL",
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "SESSION_SECRET",
        "SUPABASE_URL",
        "SUPABASE_ANON_KEY",
        "SUPABASE_SERVICE_KEY",
        "WEB_OPERATORS",
        "WEB_TRUST_PROXY",
    }


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ('database:\n  url: "${DATABASE_URL}"\n', "DATABASE_URL, which is not set"),
        ("database:\n  uri: x\n", "database.uri is not known"),
        ("memroy: {}\n", "memroy is not known"),
        ("memory:\n  max_context_tokens: many\n", "memory.max_context_tokens must be a whole number"),
        ("memory:\n  max_context_tokens: 500.5\n", "memory.max_context_tokens must be a whole number"),
        ("memory:\n  max_context_tokens: 1\n", "memory.max_context_tokens must be at least 500"),
        ("memory:\n  embedding_model: 3\n", "memory.embedding_model must be a text"),
        ("models:\n  timeout: 0\n", "models.timeout must be more than 0"),
        ("models:\n  timeout: soon\n", "models.timeout must be a number"),
        ("safety:\n  second_opinion: perhaps\n", "safety.second_opinion must be true or false"),
        ("database: [1]\n", "database must be a section"),
        ("- 1\n", "a list of sections"),
        ("a: b: c\n", "line 1"),
        ("paths:\n  sqlite_db: ./data/x.db\n", "database.url"),
        ("paths:\n  vector_db: ./data/vector_db\n", "database.url"),
        ("models: 3\n", "models must be a section"),
        ('database:\n  url: "${A:-${B:-x}}"\n', "database.url has a '${' that is no variable"),
        ('database:\n  url: "${A-x}"\n', "database.url has a '${' that is no variable"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_the_file(home: Path, settings: str, told: str) -> None:
    write(home, settings)
    with pytest.raises(ConfigurationError) as raised:
        load_configuration(home, {})
    assert told in str(raised.value)
    assert "settings.yaml" in str(raised.value)
    assert "valid" not in str(raised.value), "plain words, not those of a library"


def test_keys_that_earlier_versions_wrote_and_nothing_reads_are_noted(home: Path) -> None:
    write(
        home,
        "paths:\n  stoic_texts: ./x\nauth:\n  jwt_secret: s3cret\nrag:\n  chunk_size: 500\n"
        "  similarity_threshold: 0.6\naegean_consensus:\n  enabled: true\n  beta_threshold: 3\n",
    )
    found = load_configuration(home, {})
    assert found.settings.aegean_consensus.beta_threshold == 3
    assert set(found.without_effect) == {
        "paths.stoic_texts",
        "auth.jwt_secret",
        "rag.chunk_size",
        "rag.similarity_threshold",
        "aegean_consensus.enabled",
    }
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize("name", ["SQLITE_DB_PATH", "VECTOR_DB_PATH"])
def test_variables_that_the_guide_removes_are_errors_wherever_they_stand(home: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} in the environment"):
        load_configuration(home, {name: "x"})
    write(home, "", f"{name}=./data/x\n")
    with pytest.raises(ConfigurationError, match=rf"{name} in .*\.env"):
        load_configuration(home, {})


def test_all_variables_to_be_removed_are_named_at_once(home: Path) -> None:
    write(home, "", "SQLITE_DB_PATH=./data/x\nVECTOR_DB_PATH=./data/y\n")
    with pytest.raises(ConfigurationError, match=r"SQLITE_DB_PATH in .*\.env and VECTOR_DB_PATH in .*\.env"):
        load_configuration(home, {})


def test_what_a_variable_holds_is_not_looked_into(home: Path) -> None:
    write(home, 'database:\n  url: "${A}"\n')
    assert load_configuration(home, {"A": "postgresql://u:${x@h/d"}).settings.database.url.endswith("u:${x@h/d")


def test_secrets_are_in_no_representation(home: Path) -> None:
    write(home, "", "OPENAI_API_KEY=sk-secret\nANTHROPIC_API_KEY=sk-other\n")
    configuration = load_configuration(home, {})
    assert configuration.openai_key is not None
    assert configuration.openai_key.get_secret_value() == "sk-secret"
    assert "sk-" not in repr(configuration) + str(configuration)


def test_every_variable_of_the_settings_as_shipped_counts_without_a_line_in_the_file(home: Path) -> None:
    shipped = (Path(__file__).resolve().parents[3] / "config" / "settings.yaml").read_text("utf-8")
    variables = {name: name.lower() for name in re.findall(r"\$\{([A-Z_]{5,})\b", shipped)}
    variables |= {"WEB_TRUST_PROXY": "2", "DATABASE_URL": "sqlite:///a.db", "SUPABASE_URL": "https://a.supabase.co"}
    assert len(variables) == 9
    write(home, shipped, "")
    told = load_configuration(home, variables).settings
    write(home, "auth:\n  registration: open\n", "")
    for untold in (load_configuration(home, variables), load_configuration(home / "empty", variables)):
        assert untold.settings.web.operators == told.web.operators == ("web_operators",)
        assert untold.settings.web.trust_proxy == told.web.trust_proxy == 2
        assert untold.settings.models.model_dump(include=_NAMED) == told.models.model_dump(include=_NAMED)
        assert untold.settings.database.url == told.database.url
        assert untold.settings.auth.supabase_anon_key == told.auth.supabase_anon_key == "supabase_anon_key"


_NAMED = {"main", "reviewer", "light", "base_url"}
