from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from capsa.errors import InvalidUrl
from capsa.url import DatabaseUrl

characters = st.characters(exclude_categories=["Cs"], exclude_characters=["\0"])
names = st.text(characters, min_size=1).filter(lambda s: "/" not in s)
passwords = st.text(characters | st.sampled_from("@:/?#[]%&=+ '\"\\"))


def secret_free(url: DatabaseUrl, secret: str) -> bool:
    """Whether what is shown is the same as with another secret."""
    other = DatabaseUrl(
        dialect="postgresql", host=url.host, port=url.port, database=url.database, user=url.user,
        password="another", options=url.options,
    )  # fmt: skip
    return str(url) == str(other) and repr(url) == repr(other)


@given(user=names, password=passwords, database=names)
@example("u", "p@ss:w/rd %41?#&='\"\\$ü", "d")
@example("a@b:c", "%", "100%")
def test_any_password_works_when_it_is_encoded(user: str, password: str, database: str) -> None:
    url = DatabaseUrl.parse(
        f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@localhost:5433/{quote(database, safe='')}"
    )
    assert (url.user, url.password, url.database) == (user, password, database)
    assert (url.host, url.port) == ("localhost", 5433)
    assert secret_free(url, password)


@given(password=st.text(characters | st.sampled_from("@:/?#[]&=+ '\"\\"), min_size=1))
@example("p@ss/word:with?all#of[them]")
@example("50%")
def test_any_password_works_as_it_is_unless_it_looks_encoded(password: str) -> None:
    if "%" in password:
        password = password.replace("%", "% ")
    url = DatabaseUrl.parse(f"postgres://me:{password}@db.example.org/memory")
    assert (url.user, url.password, url.host, url.database) == ("me", password, "db.example.org", "memory")


hosts = st.none() | st.sampled_from(["localhost", "db.example.org", "10.0.0.1", "::1", "/var/run/postgresql", "[::1]"])


@given(
    host=hosts.filter(lambda h: h != "[::1]"),
    port=st.none() | st.integers(1, 65535),
    user=st.none() | names,
    password=st.none() | passwords,
    database=st.none() | names,
    options=st.lists(
        st.tuples(st.sampled_from(["sslmode", "application_name", "sslpassword", "options"]), st.text(characters)),
        unique_by=lambda pair: pair[0],
    ),
)
def test_a_url_is_read_as_it_was_written(
    *,
    host: str | None,
    port: int | None,
    user: str | None,
    password: str | None,
    database: str | None,
    options: list[tuple[str, str]],
) -> None:
    url = DatabaseUrl(
        dialect="postgresql", host=host, port=port, database=database, user=user, password=password,
        options=tuple(options),
    )  # fmt: skip
    assert DatabaseUrl.parse(url.with_password()) == url
    for shown in (str(url), repr(url)):
        assert "another-secret" not in shown
    assert secret_free(url, password or "")


def test_no_secret_is_shown() -> None:
    url = DatabaseUrl.parse("postgresql://me:hunter2@h/d?sslmode=require&sslpassword=hunter3&options=-c%20x%3Dhunter4")
    for shown in (str(url), repr(url), f"{url}"):
        assert "hunter" not in shown
    assert str(url) == "postgresql://me@h/d?sslmode=require"
    assert url.conninfo() == {
        "host": "h", "dbname": "d", "user": "me", "password": "hunter2", "sslmode": "require",
        "sslpassword": "hunter3", "options": "-c x=hunter4",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("postgresql://localhost/d", "localhost", None),
        ("postgresql://localhost:1/d", "localhost", 1),
        ("postgresql://[::1]:5432/d", "::1", 5432),
        ("postgresql://[::1]/d", "::1", None),
        ("postgresql:///d?host=/tmp", "/tmp", None),
        ("postgresql:///d", None, None),
        ("postgres://me@/d", None, None),
    ],
)
def test_where_a_server_is(text: str, host: str | None, port: int | None) -> None:
    url = DatabaseUrl.parse(text)
    assert (url.host, url.port, url.database) == (host, port, "d")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a database URL .it is empty"),
        ("memory.db", "not a database URL .it has no '://'"),
        ("mysql://u:secret@h/d", "the scheme 'mysql' is not known"),
        ("sqlite://secret.db", "three slashes"),
        ("SECRET PASSWORD://x", "not a database URL .no scheme stands before"),
        ("sqlite:///", "path of a file"),
        ("sqlite:///:memory:", "path of a file"),
        ("postgresql://u:secret@h:port/d", "port"),
        ("postgresql://u:secret@h:0/d", "port"),
        ("postgresql://u:secret@h:65536/d", "port"),
        ("postgresql://u:secret@h:" + "9" * 5_000 + "/d", "port"),
        ("postgresql://u:secret@h:٣/d", "port"),
        ("postgresql://h/a/b", "'/'"),
    ],
)
def test_what_is_no_url_is_refused_in_one_line_without_a_secret(text: str, says: str) -> None:
    with pytest.raises(InvalidUrl, match=says) as refused:
        DatabaseUrl.parse(text)
    message = str(refused.value)
    assert "\n" not in message
    assert "secret" not in message.lower()


@given(st.text(characters))
def test_any_text_is_a_url_or_refused_as_one(text: str) -> None:
    for candidate in (text, "postgresql://" + text, "sqlite:///" + text):
        try:
            DatabaseUrl.parse(candidate)
        except InvalidUrl:
            continue


@given(st.lists(st.text(characters, min_size=1).filter(lambda s: "/" not in s), min_size=1, max_size=3))
@example(["100%25 sure", "a%41b", "~x", "a?b#c"])
def test_any_path_of_a_file_is_read_as_it_was_written(parts: list[str]) -> None:
    url = DatabaseUrl.for_path("/" + "/".join(parts))
    assert DatabaseUrl.parse(str(url)) == url
    assert DatabaseUrl.parse(url.with_password()).path == url.path


def test_a_path_is_absolute_and_may_begin_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert DatabaseUrl.parse("sqlite:///memory.db").path == tmp_path / "memory.db"
    assert DatabaseUrl.parse("sqlite:////var/lib/memory.db").path == Path("/var/lib/memory.db")
    assert DatabaseUrl.parse("sqlite:///~/memory.db").path == Path("/home/somebody/memory.db")
    assert DatabaseUrl.parse("sqlite:///my%20memory.db").path == tmp_path / "my memory.db"


@pytest.mark.parametrize(
    "text",
    [
        "postgres//stoic:secret@127.0.0.1:1/x",
        "postgresql:/stoic:secret@h/x",
        "postgresql:stoic",
        "POSTGRES//h/secret",
        "//stoic:secret@h/x",
        "stoic:secret@h:5432/x",
        "host=h password=secret",
        "${SECRET:-x",
        "sqlite:///./${SECRET}.db",
        "sqlite:/secret.db",
        "http://secret",
        " postgres//u:secret@h/x",
    ],
)
def test_a_mistyped_url_is_no_path_and_its_password_is_not_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidUrl, match="URL") as refused:
        DatabaseUrl.named(text, tmp_path)
    assert "secret" not in str(refused.value).lower()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("memory.db", "/home/me/memory.db"),
        ("./data/memory.db", "/home/me/data/memory.db"),
        ("data//memory.db", "/home/me/data/memory.db"),
        ("postgres/me@home.db", "/home/me/postgres/me@home.db"),
        ("./10:30.db", "/home/me/10:30.db"),
        ("/var/lib/me@home.db", "/var/lib/me@home.db"),
        ("sqlite:///data/memory.db", "/home/me/data/memory.db"),
        ("sqlite:////var/a:b@c.db", "/var/a:b@c.db"),
        ("sqlite:///a%20b.db", "/home/me/a b.db"),
        ("a%20b.db", "/home/me/a%20b.db"),
    ],
)
def test_a_path_may_be_named_as_it_is(text: str, path: str) -> None:
    assert DatabaseUrl.named(text, Path("/home/me")).path == Path(path)


def test_a_url_may_be_named_in_place_of_a_path() -> None:
    assert DatabaseUrl.named("postgres://u:${x@h/d", Path("/home/me")).password == "${x"
    with pytest.raises(InvalidUrl, match="'mysql'"):
        DatabaseUrl.named("mysql://u:secret@h/d", Path("/home/me"))
    with pytest.raises(InvalidUrl, match="path of a file"):
        DatabaseUrl.named("sqlite:///", Path("/home/me"))


def test_the_folder_that_a_relative_path_starts_from_is_taken_as_it_is() -> None:
    assert DatabaseUrl.named("sqlite:///x.db", Path("/home/50%25")).path == Path("/home/50%25/x.db")
    with pytest.raises(InvalidUrl, match="nobody"):
        DatabaseUrl.named("~nobody_of_that_name/x.db", Path("/home/me"))
