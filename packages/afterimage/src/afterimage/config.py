"""The configuration: ``~/.afterimage/config.yaml``, the environment before it, defaults behind it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from afterimage import settings
from afterimage.errors import ConfigError
from afterimage.hook import files

if TYPE_CHECKING:
    from capsa import DatabaseUrl

#: How the file that holds our data beside an older ``memory.db`` is told apart: ``memory.capsa.db``.
OWN_MARK = ".capsa"

#: ``PRAGMA application_id`` of the engine's files, as it stands in their first page.


@dataclass(frozen=True, kw_only=True, slots=True)
class SQLiteConfig:
    """``storage.sqlite``."""

    #: As configured, absolute. Our data may live beside it: see `own_path`.
    path: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgreSQLConfig:
    """``storage.postgresql``."""

    host: str
    port: int
    database: str
    user: str
    password: str | None = field(repr=False)
    connection_string: str | None = field(repr=False)
    owner: str
    min_pool_size: int
    max_pool_size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StorageConfig:
    """``storage``."""

    #: "sqlite" or "postgresql".
    backend: str
    sqlite: SQLiteConfig
    postgresql: PostgreSQLConfig
    author: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchConfig:
    """``search``."""

    max_results: int
    #: 0 to 1.
    relevance_threshold: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FilterConfig:
    """``filter``: what is not remembered, beside what each project's ``.afterimageignore`` says."""

    skip_paths: tuple[str, ...]
    skip_extensions: tuple[str, ...]
    code_extensions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingsConfig:
    """``embeddings``."""

    model: str
    base_url: str | None
    api_key: str | None = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class HookConfig:
    """``hook``."""

    #: Patterns of files that may change often; see `afterimage.churn.exclusions`.
    warning_noise_exclusions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AfterImageConfig:
    """Everything AfterImage was told, and by whom."""

    storage: StorageConfig
    search: SearchConfig
    filter: FilterConfig
    embeddings: EmbeddingsConfig
    hook: HookConfig
    #: The configuration file, whether it exists or not.
    file: Path
    home: Path
    #: Key -> where its value came from: "default", the file's path, or the variable's name.
    sources: Mapping[str, str]
    #: Keys and variables of the earlier program that change nothing here -> why.
    without_effect: Mapping[str, str]

    @property
    def directory(self) -> Path:
        """Where AfterImage keeps its own notes: the folder of the configuration file."""
        return self.file.parent


def load_config(path: Path | str | None = None, environ: Mapping[str, str] | None = None) -> AfterImageConfig:
    """Read the configuration.

    Args:
        path: the file; default ``$AFTERIMAGE_CONFIG``, else ``~/.afterimage/config.yaml``. It may be
            missing, unless it was named.
        environ: the environment; default this process's.

    Raises:
        ConfigError: the file cannot be read, or a key or value in it or in the environment is wrong.
    """
    environ = os.environ if environ is None else environ
    home = _home(environ)
    file = _absolute(str(path), home) if path else config_file(environ)
    if (path or environ.get("AFTERIMAGE_CONFIG")) and not file.is_file():
        raise ConfigError(
            f"{file} does not exist: name a configuration file, or make one with `afterimage config --init`"
        )
    values, sources, without_effect = _from_file(file)
    _from_environment(environ, values, sources, without_effect)
    if "storage.backend" not in sources and sources.get("storage.postgresql.connection_string"):
        # Somebody who gives nothing but the URL of a server means that server.
        values["storage.backend"] = "postgresql"
        sources["storage.backend"] = sources["storage.postgresql.connection_string"]
    for setting in settings.SETTINGS:
        values.setdefault(setting.key, setting.default)
        sources.setdefault(setting.key, "default")
    return _build(values, sources, without_effect, file, home)


def config_file(environ: Mapping[str, str] | None = None) -> Path:
    """Where the configuration file is, or would be: ``$AFTERIMAGE_CONFIG`` or ``~/.afterimage/config.yaml``."""
    environ = os.environ if environ is None else environ
    home = _home(environ)
    named = environ.get("AFTERIMAGE_CONFIG")
    return _absolute(named, home) if named else home / ".afterimage" / "config.yaml"


def _home(environ: Mapping[str, str]) -> Path:
    named = environ.get("HOME") or ""
    # One that is not absolute is another folder for every process.
    return Path(named if files.is_absolute(named) else files.account_home() or Path.home())


def _from_file(file: Path) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    without_effect: dict[str, str] = {}
    if not file.exists():
        return values, sources, without_effect
    if not file.is_file():
        raise ConfigError(f"cannot read {file}: it is no file; put one there, or take it away")
    from afterimage._yaml import flat_settings

    for key, value in flat_settings(file):
        if setting := settings.BY_KEY.get(key):
            if value is not None:
                values[key] = _read(setting, value, f"{file}: {key}")
                sources[key] = str(file)
        elif reason := settings.reason_without_effect(key):
            without_effect[key] = reason
        elif value is not None or not any(known.startswith(key + ".") for known in settings.BY_KEY):
            raise settings.unknown_key(key, file)
    return values, sources, without_effect


def _from_environment(
    environ: Mapping[str, str], values: dict[str, Any], sources: dict[str, str], without_effect: dict[str, str]
) -> None:
    for setting in settings.SETTINGS:
        # An empty variable is how a shell spells "not set".
        if setting.variable and (given := environ.get(setting.variable)):
            values[setting.key] = _read(setting, given, setting.variable)
            sources[setting.key] = setting.variable
    without_effect |= {name: why for name, why in settings.VARIABLES_WITHOUT_EFFECT.items() if environ.get(name)}


def _read(setting: settings.Setting, value: Any, where: str) -> Any:
    try:
        return setting.read(value)
    except ValueError as error:
        raise ConfigError(f"{where} {'is not usable: put it in quotes' if setting.secret else error}") from None


def _build(
    values: Mapping[str, Any],
    sources: Mapping[str, str],
    without_effect: Mapping[str, str],
    file: Path,
    home: Path,
) -> AfterImageConfig:
    def section(prefix: str) -> dict[str, Any]:
        return {k.removeprefix(prefix): v for k, v in values.items() if k.startswith(prefix)}

    postgresql = PostgreSQLConfig(**section("storage.postgresql."))
    if postgresql.min_pool_size > postgresql.max_pool_size:
        raise ConfigError(
            f"storage.postgresql.min_pool_size ({postgresql.min_pool_size}) is greater than max_pool_size "
            f"({postgresql.max_pool_size}): raise the one or lower the other in {file}"
        )
    return AfterImageConfig(
        storage=StorageConfig(
            backend=values["storage.backend"],
            author=values["storage.author"],
            sqlite=SQLiteConfig(path=_absolute(values["storage.sqlite.path"], home)),
            postgresql=postgresql,
        ),
        search=SearchConfig(**section("search.")),
        filter=FilterConfig(**{key: given or () for key, given in section("filter.").items()}),
        embeddings=EmbeddingsConfig(**section("embeddings.")),
        hook=HookConfig(warning_noise_exclusions=tuple(values["hook.warning_noise_exclusions"])),
        file=file,
        home=home,
        sources=sources,
        without_effect=without_effect,
    )


def _absolute(path: str, home: Path) -> Path:
    if path == "~" or path.startswith("~/"):
        return home / path[2:]
    return Path(path).expanduser().absolute()


def database_url(config: AfterImageConfig) -> DatabaseUrl:
    """The database that the memory is kept in, password included whatever its characters.

    Raises:
        ConfigError: `postgresql_url` or `own_path` says why.
    """
    if config.storage.backend == "postgresql":
        return postgresql_url(config)
    from capsa import DatabaseUrl

    return DatabaseUrl.for_path(own_path(config))


def check_folder(config: AfterImageConfig) -> None:
    """See that the folder of the SQLite memory exists; only AfterImage's own is ever made.

    Raises:
        ConfigError: it does not, so the path is mistyped, or a disk is not there.
    """
    from capsa import DatabaseUrl, InvalidUrl

    path, key = config.storage.sqlite.path, "storage.sqlite.path"
    if path.parent.is_dir() or path == _absolute(settings.BY_KEY[key].default, config.home):
        return
    where = f"{key} in {config.file}" if config.sources[key] == str(config.file) else config.sources[key]
    try:
        DatabaseUrl.named(str(path), path.parent)
    except InvalidUrl as error:
        raise ConfigError(f"{where}: {error}; nothing was created") from None
    raise ConfigError(f"there is no folder {path.parent}: make it, or correct {where}; nothing was created")


def postgresql_url(config: AfterImageConfig) -> DatabaseUrl:
    """The PostgreSQL database of the configuration, whichever backend is in use.

    Raises:
        ConfigError: the connection string is not the URL of a PostgreSQL database.
    """
    url = _server(config)
    return replace(url, password=_password(config, url)[0])


def _server(config: AfterImageConfig) -> DatabaseUrl:
    """The server that is configured; its password is the connection string's own, if that has one."""
    from capsa import DatabaseUrl, InvalidUrl

    given = config.storage.postgresql
    parts: dict[str, Any] = {"host": given.host, "port": given.port, "database": given.database, "user": given.user}
    if not given.connection_string:
        return DatabaseUrl(dialect="postgresql", **parts)
    source = config.sources["storage.postgresql.connection_string"]
    try:
        url = DatabaseUrl.parse(given.connection_string.strip())
    except InvalidUrl as error:
        raise ConfigError(f"the connection string in {source}: {error}") from None
    if url.dialect != "postgresql":
        raise ConfigError(
            f"the connection string in {source} names a file: use AFTERIMAGE_SQLITE_PATH or storage.sqlite.path"
        )
    if source == str(config.file):
        # The environment comes before the file, part by part.
        url = replace(url, **{name: value for name, value in parts.items() if _from_variable(config, name)})
    return url


def password_source(config: AfterImageConfig) -> str:
    """Where the PostgreSQL password comes from, for a person: never the password.

    Raises:
        ConfigError: the connection string cannot be read.
    """
    return _password(config, _server(config))[1]


def _from_variable(config: AfterImageConfig, part: str) -> bool:
    return config.sources[f"storage.postgresql.{part}"].startswith("AFTERIMAGE_")


def _password(config: AfterImageConfig, string: DatabaseUrl) -> tuple[str | None, str]:
    """The password and where it comes from: environment, configuration, ~/.bashrc, then libpq's own.

    A connection string's own password belongs to the string, so it goes with the string's rank.
    """
    given = config.storage.postgresql.password
    string_source = config.sources["storage.postgresql.connection_string"]
    outranked = bool(given) and _from_variable(config, "password") and string_source == str(config.file)
    if string.password and not outranked:
        return string.password, f"the connection string in {string_source}"
    if given:
        return given, config.sources["storage.postgresql.password"]
    found, file = exported_password(config)
    return (found, str(file)) if found else (None, "libpq: PGPASSWORD, then ~/.pgpass")


def exported_password(config: AfterImageConfig) -> tuple[str | None, Path]:
    """What ``~/.bashrc`` exports as the password, which counts where no shell started the process; and that file."""
    from afterimage._bashrc import exported

    file = config.home / ".bashrc"
    return exported(file, "AFTERIMAGE_PG_PASSWORD"), file


def own_path(configured: AfterImageConfig | Path) -> Path:
    """The SQLite file that holds our data, for a configuration or the path in it.

    The configured file itself if it is one of ours; otherwise, as an older file is never written
    to, ``NAME.capsa.db`` beside it.
    """
    from afterimage.own_files import is_own

    path = configured if isinstance(configured, Path) else configured.storage.sqlite.path
    if path.suffixes[-2:-1] == [OWN_MARK] or is_own(path):
        return path
    return path.with_name(f"{path.stem}{OWN_MARK}{path.suffix or '.db'}")
