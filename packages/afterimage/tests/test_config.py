import codecs
import dataclasses
import os
import stat
from pathlib import Path

import pytest

from afterimage import config, settings
from afterimage.config import (
    AfterImageConfig,
    FilterConfig,
    check_folder,
    database_url,
    load_config,
    own_path,
    password_source,
    postgresql_url,
)
from afterimage.errors import ConfigError

PASSWORD = "p@ss/w:rd#1"


def load(home: Path, text: str | None = None, **environ: str) -> AfterImageConfig:
    if text is not None:
        (home / ".afterimage").mkdir(exist_ok=True)
        (home / ".afterimage" / "config.yaml").write_text(text, "utf-8")
    return load_config(environ={"HOME": str(home), **environ})


def test_without_a_file_the_defaults_hold(home: Path) -> None:
    loaded = load(home)
    assert loaded.storage.backend == "sqlite"
    assert loaded.storage.sqlite.path == home / ".afterimage" / "memory.db"
    assert (loaded.search.max_results, loaded.search.relevance_threshold) == (5, 0.3)
    assert set(loaded.sources.values()) == {"default"}
    assert not (home / ".afterimage").exists()


def test_the_guides_file_is_understood(home: Path) -> None:
    loaded = load(
        home,
        """
storage:
  backend: postgresql  # Change from sqlite

  sqlite:
    path: ~/.afterimage/memory.db

  postgresql:
    host: localhost
    port: 5432
    database: afterimage
    user: afterimage
    # Password from environment: AFTERIMAGE_PG_PASSWORD
    min_pool_size: 2
    max_pool_size: 10
""",
        AFTERIMAGE_PG_PASSWORD="yourpassword",
    )
    url = database_url(loaded)
    assert (url.dialect, url.host, url.port, url.database, url.user) == (
        "postgresql",
        "localhost",
        5432,
        "afterimage",
        "afterimage",
    )
    assert url.password == "yourpassword"
    assert loaded.storage.sqlite.path == home / ".afterimage" / "memory.db"


def test_environment_comes_before_the_file_and_an_empty_variable_is_none(home: Path) -> None:
    text = "storage:\n  backend: postgresql\n  postgresql:\n    host: a\n    user: u\n"
    loaded = load(home, text, AFTERIMAGE_PG_HOST="b", AFTERIMAGE_PG_USER="", AFTERIMAGE_PG_PORT="6000")
    assert (loaded.storage.postgresql.host, loaded.storage.postgresql.user) == ("b", "u")
    assert loaded.storage.postgresql.port == 6000
    assert loaded.sources["storage.postgresql.host"] == "AFTERIMAGE_PG_HOST"


@pytest.mark.parametrize("setting", settings.SETTINGS, ids=lambda s: s.key)
def test_every_key_is_read_from_the_file_and_changes_something(home: Path, setting: settings.Setting) -> None:
    other = {
        "storage.backend": "postgresql",
        "storage.postgresql.connection_string": "postgresql://a:b@c:1/d",
        "storage.postgresql.min_pool_size": "3",
        "search.relevance_threshold": "0.9",
    }.get(setting.key, "7" if isinstance(setting.default, int) else "/else/where")
    other = "['a', 'b']" if setting.read is settings.names else other
    *sections, leaf = setting.key.split(".")
    lines = [f"{'  ' * depth}{name}:" for depth, name in enumerate(sections)]
    before = load(home)
    after = load(home, "\n".join([*lines, f"{'  ' * len(sections)}{leaf}: {other}"]))
    value: object = after
    for part in setting.key.split("."):
        value = getattr(value, part)
    assert str(list(value) if isinstance(value, tuple) else value) == other
    assert dataclasses.replace(after, sources=before.sources) != before


@pytest.mark.parametrize("setting", [s for s in settings.SETTINGS if s.variable], ids=lambda s: s.variable)
def test_every_variable_is_read(home: Path, setting: settings.Setting) -> None:
    assert setting.variable
    given = {"storage.backend": "postgresql", "storage.postgresql.port": "77"}.get(setting.key, "x")
    loaded = load(home, **{setting.variable: given})
    assert loaded.sources[setting.key] == setting.variable


def test_every_setting_is_a_field_and_every_field_a_setting() -> None:
    def leaves(kind: type, prefix: str) -> set[str]:
        found = set()
        for field in dataclasses.fields(kind):
            inner = getattr(config, str(field.type), None)
            inside = isinstance(inner, type) and dataclasses.is_dataclass(inner)
            found |= leaves(inner, f"{prefix}{field.name}.") if inside else {f"{prefix}{field.name}"}  # type: ignore[arg-type]
        return found

    about_itself = {"file", "home", "sources", "without_effect"}
    assert leaves(AfterImageConfig, "") - about_itself == set(settings.BY_KEY)


def test_what_init_writes_is_read_back_as_the_defaults(home: Path) -> None:
    before = load(home)
    after = load(home, settings.template())
    assert dataclasses.replace(after, sources=before.sources) == before
    assert all(key.rpartition(".")[2] in settings.template() for key in settings.BY_KEY)


def test_the_earlier_programs_file_is_accepted_and_what_has_no_effect_is_named(home: Path) -> None:
    loaded = load(
        home,
        """
storage:
  backend: sqlite
search:
  max_results: 3
  relevance_threshold: 0.6
  max_injection_tokens: 2000
  fts_weight: 0.4
embeddings:
  model: all-MiniLM-L6-v2
  device: cuda
  embedding_dim: 384
filter:
  code_extensions: [.py]
  extensionless_code_files: [Makefile]
semantic_chunking:
  enabled: true
  chunking:
    max_chunk_tokens: 500
hook:
  seen_write_key: file
pattern_quality:
  enabled: true
""",
        AFTERIMAGE_EMBEDDING_DEVICE="cuda",
    )
    assert loaded.search.max_results == 3
    assert set(loaded.without_effect) == {
        "search.max_injection_tokens",
        "search.fts_weight",
        "embeddings.device",
        "embeddings.embedding_dim",
        "filter.extensionless_code_files",
        "semantic_chunking.enabled",
        "semantic_chunking.chunking.max_chunk_tokens",
        "hook.seen_write_key",
        "pattern_quality.enabled",
        "AFTERIMAGE_EMBEDDING_DEVICE",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("storage:\n  backnd: sqlite\n", "unknown key 'storage.backnd': did you mean storage.backend"),
        ("storage:\n  postgres:\n    host: x\n", "storage.postgres.host"),
        ("strange: 1\n", "unknown key 'strange'"),
        ("strange:\n", "unknown key 'strange'"),
        ("storage:\n  backend: mysql\n", "storage.backend must be sqlite or postgresql, not 'mysql'"),
        ("storage: sqlite\n", "unknown key 'storage'"),
        ("search:\n  max_results: 0\n", "must be a whole number from 1"),
        ("search:\n  max_results: true\n", "must be a whole number from 1"),
        ("search:\n  relevance_threshold: 60\n", "must be a number from 0 to 1, not 60"),
        ("storage:\n  postgresql:\n    user: 7\n", "put it in quotes"),
        ("storage:\n  postgresql:\n    min_pool_size: 20\n", "greater than max_pool_size"),
        ("- a\n", "must hold keys and values"),
        ("a: [\n", "line 2 is not valid YAML"),
        ("a: !!python/object:os.system x\n", "is not valid YAML"),
        ("storage:\n  backend: sqlite\nstorage:\n  backend: postgresql\n", "'storage' stands twice (lines 1 and 3)"),
    ],
)
def test_a_mistake_is_named_with_the_file(home: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(home, text)
    assert message in str(caught.value)
    assert str(home / ".afterimage" / "config.yaml") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_mark_of_utf_16_alone_is_no_empty_file(home: Path, mark: bytes) -> None:
    (home / ".afterimage").mkdir()
    (home / ".afterimage" / "config.yaml").write_bytes(mark)
    with pytest.raises(ConfigError, match=r"config\.yaml: a mark of UTF-16 is all that is in it"):
        load(home)


def test_a_password_that_yaml_misreads_is_refused_and_not_shown(home: Path) -> None:
    with pytest.raises(ConfigError, match="password is not usable: put it in quotes") as caught:
        load(home, "storage:\n  postgresql:\n    password: 0123456\n")
    assert "42798" not in str(caught.value)
    assert "0123456" not in str(caught.value)


def test_a_file_that_was_named_must_exist(home: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere.yaml does not exist"):
        load(home, AFTERIMAGE_CONFIG="~/nowhere.yaml")
    with pytest.raises(ConfigError, match="does not exist"):
        load_config(home / "x.yaml")
    other = home / "other.yaml"
    other.write_text("search: {max_results: 9}")
    assert load(home, AFTERIMAGE_CONFIG=str(other)).search.max_results == 9
    assert load_config(other, {"HOME": str(home)}).directory == home


def test_what_the_earlier_programs_file_leaves_out_stays_left_out(home: Path) -> None:
    loaded = load(home, "filter: {skip_paths: [clients/acme/], skip_extensions: [.tf], code_extensions: }")
    assert loaded.filter == FilterConfig(skip_paths=("clients/acme/",), skip_extensions=(".tf",), code_extensions=())
    with pytest.raises(ConfigError, match="list of texts"):
        load(home, "filter: {skip_paths: secret}")


def test_a_pipe_in_its_place_is_not_waited_for(home: Path) -> None:
    (home / ".afterimage").mkdir()
    os.mkfifo(home / ".afterimage" / "config.yaml")
    with pytest.raises(ConfigError, match="it is no file"):
        load(home)


def test_a_file_that_cannot_be_read_is_one_line(home: Path) -> None:
    (home / ".afterimage" / "config.yaml").mkdir(parents=True)
    with pytest.raises(ConfigError, match="cannot read"):
        load(home)


# The server and its password


def test_any_password_works_and_none_is_shown(home: Path) -> None:
    loaded = load(home, AFTERIMAGE_BACKEND="postgresql", AFTERIMAGE_PG_PASSWORD=PASSWORD)
    url = database_url(loaded)
    assert url.conninfo()["password"] == PASSWORD
    assert url.host == "localhost"
    assert PASSWORD not in f"{url} {url!r} {loaded!r} {password_source(loaded)}"


def test_a_url_alone_means_its_server_but_a_backend_in_the_file_decides(home: Path) -> None:
    url = "postgresql://ann:s%40t@db:5433/code"
    assert database_url(load(home, AFTERIMAGE_DATABASE_URL=url)).host == "db"
    # After the guide's rollback the variable may well still be set.
    assert database_url(load(home, "storage:\n  backend: sqlite\n", AFTERIMAGE_DATABASE_URL=url)).dialect == "sqlite"


def test_the_environment_comes_before_the_files_connection_string(home: Path) -> None:
    text = "storage:\n  postgresql:\n    connection_string: postgresql://ann:old@db:5433/code?sslmode=require\n"
    url = database_url(load(home, text, AFTERIMAGE_PG_PASSWORD="new", AFTERIMAGE_PG_HOST="other"))
    assert (url.password, url.host, url.user, url.port) == ("new", "other", "ann", 5433)
    assert ("sslmode", "require") in url.options
    whole = database_url(load(home, text, AFTERIMAGE_DATABASE_URL="postgresql://x:y@z/w", AFTERIMAGE_PG_PASSWORD="new"))
    assert (whole.password, whole.host) == ("y", "z")


@pytest.mark.parametrize("string", ["mysql://x", "sqlite:////tmp/x.db", "host=localhost dbname=x", "postgresql://h:p"])
def test_a_connection_string_that_is_none_says_where_it_stands(home: Path, string: str) -> None:
    with pytest.raises(ConfigError, match="AFTERIMAGE_DATABASE_URL"):
        postgresql_url(load(home, AFTERIMAGE_DATABASE_URL=string))


def test_the_password_comes_from_environment_then_file_then_bashrc_then_libpq(home: Path) -> None:
    text = "storage:\n  postgresql:\n    password: from file\n"
    loaded = load(home, text, AFTERIMAGE_PG_PASSWORD="from environment")
    assert postgresql_url(loaded).password == "from environment"
    assert password_source(loaded) == "AFTERIMAGE_PG_PASSWORD"
    (home / ".bashrc").write_text("export AFTERIMAGE_PG_PASSWORD='from bashrc'\n")
    assert postgresql_url(load(home)).password == "from file"
    loaded = load(home, "")
    assert postgresql_url(loaded).password == "from bashrc"
    assert password_source(loaded).endswith(".bashrc")
    (home / ".bashrc").unlink()
    loaded = load(home)
    # No password at all, not even an empty one: only then libpq reads ~/.pgpass.
    assert "password" not in postgresql_url(loaded).conninfo()
    assert ".pgpass" in password_source(loaded)


# Which file is ours


def test_our_data_stands_beside_the_configured_name(home: Path) -> None:
    loaded = load(home)
    own = home / ".afterimage" / "memory.capsa.db"
    assert own_path(loaded) == own
    assert own_path(own) == own
    assert own_path(Path("/x/notes")) == Path("/x/notes.capsa.db")


def test_a_file_of_ours_is_used_under_its_own_name(home: Path) -> None:
    from capsa import open_database

    file = home / "any name.db"
    with open_database(f"sqlite:///{file}") as database:
        # Not checkpointed yet: the stamp stands in the journal.
        with database.write("local"):
            pass
        assert own_path(file) == file
    assert own_path(file) == file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"text", b"x" * 200])
def test_another_file_is_not_taken_for_ours(home: Path, content: bytes) -> None:
    file = home / "memory.db"
    file.write_bytes(content)
    assert own_path(file) == home / "memory.capsa.db"
    assert file.read_bytes() == content


@pytest.mark.parametrize("variable", ["AFTERIMAGE_DATABASE_URL", "AFTERIMAGE_SQLITE_PATH"])
def test_a_mistyped_url_is_refused_without_its_password(home: Path, variable: str) -> None:
    config = load(home, **{variable: "postgres//me:hunter2@127.0.0.1:1/x"})
    with pytest.raises(ConfigError, match=variable) as refused:
        check_folder(config) if variable == "AFTERIMAGE_SQLITE_PATH" else postgresql_url(config)
    assert "URL" in str(refused.value)
    assert "hunter2" not in str(refused.value)
