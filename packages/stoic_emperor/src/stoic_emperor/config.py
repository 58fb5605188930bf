"""The configuration: ``config/settings.yaml``, with the environment and ``.env`` put into it.

``${NAME}`` in the file stands for a variable, ``${NAME:-otherwise}`` for one that need not be set. The
environment comes before ``.env``. A key that nothing reads is an error, or, if an earlier version wrote it, a note.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from dotenv import dotenv_values
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from stoic_emperor.errors import ConfigurationError

#: Relative to the home folder.
SETTINGS_FILE = Path("config") / "settings.yaml"
DEFAULT_FILE = Path("data") / "stoic_emperor.db"
DEFAULT_URL = f"sqlite:///./{DEFAULT_FILE}"

#: What the guide tells people to remove: DATABASE_URL has taken its place; of keys -> what has.
_REMOVED_VARIABLES = ("SQLITE_DB_PATH", "VECTOR_DB_PATH")
_REMOVED_KEYS = {"paths.sqlite_db": "database.url", "paths.vector_db": "database.url"}

#: Keys of earlier versions that change nothing here -> why.
_WITHOUT_EFFECT = {
    "paths.stoic_texts": "texts are imported from the path that is named",
    "auth.jwt_secret": "tokens are checked with the issuer's public keys",
    "rag.similarity_threshold": "results are ranked, and the best are taken",
    "rag.chunk_size": "texts are cut at sentences, as long as the embedder can read",
    "rag.chunk_overlap": "texts are cut at sentences, as long as the embedder can read",
    "aegean_consensus.enabled": "`stoic analyze` runs when it is asked for",
    "aegean_consensus.alpha_quorum": "two models review each other",
    "aegean_consensus.min_summaries_for_profile": "`stoic analyze` runs when it is asked for",
    "condensation.use_consensus": "summaries are written by one model",
}

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<otherwise>[^}]*))?\}")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _empty_is_unset(value: Any) -> Any:
    return None if value == "" else value


Optional = Annotated[str | None, BeforeValidator(_empty_is_unset)]


class Models(_Section):
    """``models``: which language models speak and reflect. Without any, the library answers."""

    #: Speaks, and analyses.
    main: Optional = None
    #: Reviews the main model's portrait of a person; default: the main model itself.
    reviewer: Optional = None
    #: For small tasks such as titles and tags; default: the main model.
    light: Optional = None
    #: Of a server with OpenAI's interface: Ollama, vLLM, llama.cpp, OpenRouter.
    base_url: Optional = None
    #: Seconds until a call is given up.
    timeout: float = Field(default=120, gt=0, le=3600)


class DatabaseSettings(_Section):
    """``database``: where everything is kept."""

    url: str = Field(default=DEFAULT_URL, min_length=1)


class MemorySettings(_Section):
    """``memory``: what a reply may draw on."""

    #: Tokens of everything that is put before the model beside the persona.
    max_context_tokens: int = Field(default=4000, ge=500, le=200_000)
    #: ``all-MiniLM-L6-v2``, ``openai:MODEL`` or ``none``.
    embedding_model: str = "all-MiniLM-L6-v2"


class CondensationSettings(_Section):
    """``condensation``: when older talk becomes summaries; all in tokens."""

    #: The newest messages, which are never condensed.
    hot_buffer_tokens: int = Field(default=4000, ge=200)
    #: So much older talk becomes one summary.
    chunk_threshold_tokens: int = Field(default=8000, ge=200)
    #: When the summaries of a level are longer than this, the older half becomes one of the next.
    summary_budget_tokens: int = Field(default=12_000, ge=200)


class ConsensusSettings(_Section):
    """``aegean_consensus``: how two models come to agree on a portrait."""

    #: Rounds of writing and reviewing, at most.
    beta_threshold: int = Field(default=2, ge=1, le=5)
    #: Conversations between one portrait and the next, unless it is forced.
    sessions_between_analysis: int = Field(default=5, ge=1)


class SafetySettings(_Section):
    """``safety``: beside the rules, which are always there."""

    #: Whether the light model looks for signs of danger where the rules found none: a short call more a message.
    second_opinion: bool = True


class AuthSettings(_Section):
    """``auth``: who may come in by the web, and how."""

    #: Accounts of our own, with passwords; default: unless Supabase is configured.
    local: bool | None = None
    #: In development, without Supabase: whoever sits at this machine is the one person, and signs in to nothing.
    single_user: bool = True
    #: Who may make an account of our own; default: "open" in development, "first" in production.
    registration: Literal["open", "closed", "first"] | None = None
    #: The address of a Supabase project: its people sign in here.
    supabase_url: Optional = None
    #: Its public key ("anon" or "publishable"), which signing in and older tokens need.
    supabase_anon_key: Optional = None
    #: Other services that the project lets people sign in with, such as google or github.
    supabase_providers: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,30}$")], ...] = ()


def _names(value: Any) -> Any:
    """A list, or names between commas, as a variable has them."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


class WebSettings(_Section):
    """``web``: what the web application allows."""

    #: Logins, or ids, of those who keep the house: they see its health and counts, and may add to its library.
    operators: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    #: Replies that a model is asked for, a person a day.
    daily_replies: int = Field(default=200, ge=1)
    #: Requests of one person, and from one address, a minute; 0 for any number.
    requests_per_minute: int = Field(default=300, ge=0)
    address_requests_per_minute: int = Field(default=1_200, ge=0)
    #: Of one file that is handed in, in MB.
    upload_megabytes: int = Field(default=20, ge=1, le=200)
    #: Proxies in front whose X-Forwarded-For is believed; with 0, the address is the one that connects.
    trust_proxy: int = Field(default=0, ge=0, le=5)


class Settings(_Section):
    """Everything in ``settings.yaml``."""

    models: Models = Models()
    database: DatabaseSettings = DatabaseSettings()
    memory: MemorySettings = MemorySettings()
    condensation: CondensationSettings = CondensationSettings()
    aegean_consensus: ConsensusSettings = ConsensusSettings()
    safety: SafetySettings = SafetySettings()
    auth: AuthSettings = AuthSettings()
    web: WebSettings = WebSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """Everything Stoic Emperor was told."""

    settings: Settings
    #: The folder that relative paths start from.
    home: Path
    #: "development" or "production".
    environment: Literal["development", "production"]
    openai_key: SecretStr | None = field(repr=False)
    anthropic_key: SecretStr | None = field(repr=False)
    #: Signs what the web application hands out.
    session_secret: SecretStr | None = field(repr=False)
    #: Lets an erasure reach the project's own list of people.
    supabase_service_key: SecretStr | None = field(repr=False)
    #: Keys of earlier versions in the file that change nothing -> why.
    without_effect: Mapping[str, str]

    @property
    def settings_file(self) -> Path:
        """Whether or not it exists."""
        return self.home / SETTINGS_FILE

    @property
    def env_file(self) -> Path:
        """Whether or not it exists."""
        return self.home / ".env"

    @property
    def ways_in(self) -> tuple[Literal["single", "local", "supabase"], ...]:
        """How people come in by the web: as the single user of this machine, or by signing in."""
        auth = self.settings.auth
        if auth.supabase_url is None and auth.single_user and self.environment == "development":
            return ("single",)
        local = auth.supabase_url is None if auth.local is None else auth.local
        return (*(("local",) if local else ()), *(("supabase",) if auth.supabase_url else ()))

    @property
    def registration(self) -> Literal["open", "closed", "first"]:
        """Who may make an account of our own."""
        return self.settings.auth.registration or ("open" if self.environment == "development" else "first")


def find_home(environ: Mapping[str, str] | None = None) -> Path:
    """``$STOIC_HOME``, else the working directory if it is a checkout, else ``~/.stoic-emperor``."""
    environ = os.environ if environ is None else environ
    if named := environ.get("STOIC_HOME"):
        return Path(named).expanduser().absolute()
    here = Path.cwd()
    if (here / SETTINGS_FILE).is_file() or (here / ".env").is_file():
        return here
    return Path.home() / ".stoic-emperor"


def load_configuration(home: Path | None = None, environ: Mapping[str, str] | None = None) -> Configuration:
    """Read the configuration.

    Args:
        home: the folder with ``config/settings.yaml`` and ``.env``, either of which may be missing.
        environ: the environment; default this process's.

    Raises:
        ConfigurationError: the file cannot be read, or a key, value or variable in it is wrong.
    """
    environ = os.environ if environ is None else environ
    home = find_home(environ) if home is None else home.absolute()
    variables = _variables(home, environ)
    file = home / SETTINGS_FILE
    values, without_effect = _known(_read(file), file) if file.is_file() else ({}, {})
    values = _substitute(values, variables, file, "")
    _defaults_from_environment(values, variables)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError(f"{file}: {_explain(error)}") from None
    environment = variables.get("ENVIRONMENT") or "development"
    if environment not in {"development", "production"}:
        raise ConfigurationError(f"ENVIRONMENT must be development or production, not {environment!r}")
    return Configuration(
        settings=settings,
        home=home,
        environment=environment,  # type: ignore[arg-type]
        openai_key=_secret(variables.get("OPENAI_API_KEY")),
        anthropic_key=_secret(variables.get("ANTHROPIC_API_KEY")),
        session_secret=_secret(variables.get("SESSION_SECRET")),
        supabase_service_key=_secret(variables.get("SUPABASE_SERVICE_KEY")),
        without_effect=without_effect,
    )


def _variables(home: Path, environ: Mapping[str, str]) -> dict[str, str]:
    file = home / ".env"
    try:
        written = dotenv_values(file, interpolate=False) if file.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read ({error}): make it UTF-8 text that you may read") from None
    # An empty variable is how a shell spells "not set".
    variables = {name: value for name, value in written.items() if value}
    variables |= {name: value for name, value in environ.items() if value}
    removed = [name for name in _REMOVED_VARIABLES if name in variables]
    if removed:
        named = " and ".join(f"{name} in {'the environment' if environ.get(name) else file}" for name in removed)
        raise ConfigurationError(
            f"{named}: no longer used. Remove what is named, and name the database in DATABASE_URL, "
            f"e.g. DATABASE_URL={DEFAULT_URL}"
        )
    return variables


def _read(file: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read ({error}): make it UTF-8 text that you may read") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise ConfigurationError(
            f"{file}: {where}{getattr(error, 'problem', None) or 'this is no YAML'}; mend that line"
        ) from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigurationError(f"{file} must be a list of sections such as 'database:', not {type(found).__name__}")
    return found


def _known(values: dict[str, Any], file: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The sections without what earlier versions wrote there, and what that was."""
    kept: dict[str, Any] = {}
    dropped: dict[str, str] = {}
    for name, section in values.items():
        if not isinstance(section, dict):
            kept[name] = {} if section is None else section
            continue
        rest = {}
        for key, value in section.items():
            path = f"{name}.{key}"
            if path in _REMOVED_KEYS:
                raise ConfigurationError(
                    f"{file}: {path} is no longer used: remove it, and name the database in {_REMOVED_KEYS[path]}, "
                    f'e.g. url: "${{DATABASE_URL}}"'
                )
            if path in _WITHOUT_EFFECT:
                dropped[path] = _WITHOUT_EFFECT[path]
            else:
                rest[key] = value
        if rest or not section or name in Settings.model_fields:
            kept[str(name)] = rest
    return kept, dropped


def _substitute(value: Any, variables: Mapping[str, str], file: Path, key: str) -> Any:
    if isinstance(value, dict):
        return {k: _substitute(v, variables, file, f"{key}.{k}" if key else str(k)) for k, v in value.items()}
    if isinstance(value, list):
        return [_substitute(item, variables, file, key) for item in value]
    if not isinstance(value, str):
        return value

    if "${" in _VARIABLE.sub(lambda match: match["otherwise"] or "", value):
        raise ConfigurationError(
            f"{file}: {key} has a '${{' that is no variable: write ${{NAME}} or ${{NAME:-otherwise}}, none in another"
        )

    def given(match: re.Match[str]) -> str:
        name, otherwise = match["name"], match["otherwise"]
        if (found := variables.get(name)) is not None:
            return found
        if otherwise is not None:
            return otherwise
        # Models may be left out: then the library answers.
        if key.startswith("models."):
            return ""
        raise ConfigurationError(
            f"{file}: {key} needs the variable {name}, which is not set: set it in {file.parent.parent / '.env'}"
        )

    return _VARIABLE.sub(given, value)


def _defaults_from_environment(values: dict[str, Any], variables: Mapping[str, str]) -> None:
    """What the file does not say, its variable may."""
    models = {"main": "LLM_MAIN_MODEL", "reviewer": "LLM_REVIEWER_MODEL", "light": "LLM_LIGHT_MODEL"}
    for section, named in {
        "database": {"url": "DATABASE_URL"},
        "models": {**models, "base_url": "LLM_BASE_URL"},
        "auth": {"supabase_url": "SUPABASE_URL", "supabase_anon_key": "SUPABASE_ANON_KEY"},
        "web": {"operators": "WEB_OPERATORS", "trust_proxy": "WEB_TRUST_PROXY"},
    }.items():
        found = values.setdefault(section, {})
        for key, variable in named.items() if isinstance(found, dict) else ():
            if found.get(key) in (None, "") and variable in variables:
                found[key] = variables[variable]


#: What is wrong -> how to say it, to somebody who writes a file and no program.
_WORDS = {
    "extra_forbidden": "is not known",
    "missing": "is missing",
    "model_type": "must be a section: its keys stand below it, indented, each as 'key: value'",
    "dict_type": "must be a section: its keys stand below it, indented, each as 'key: value'",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "string_type": "must be a text: put it into quotation marks",
    "string_too_short": "must not be empty",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "value_error": "{error}",
}


def _explain(error: ValidationError) -> str:
    lines = []
    for fault in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in fault["loc"])
        words = _WORDS.get(fault["type"])
        lines.append(f"{key} {fault['msg'] if words is None else words.format(**fault.get('ctx', {}))}")
    return "; ".join(lines)


def _secret(value: str | None) -> SecretStr | None:
    return SecretStr(value) if value else None
