"""Database URLs: which database, and how to name it without its password."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode

from capsa.errors import InvalidUrl

Dialect = Literal["sqlite", "postgresql"]

_HARMLESS_OPTIONS = frozenset({"sslmode", "application_name", "connect_timeout", "target_session_attrs"})
_POSTGRES = re.compile(r"^postgres(?:ql)?://(?P<rest>.*)$", re.DOTALL)
#: Marks of a mistyped URL: a scheme, a user with a password, a parameter of libpq.
_NO_PATH = re.compile(
    r"^\s*(?:[a-z][a-z0-9+.-]*:|(?:postgres(?:ql)?|sqlite)//)|:.*@|\b(?:host|user|dbname|password)\s*=",
    re.IGNORECASE | re.DOTALL,
)
_DRIVE = re.compile(r"^[A-Za-z]:(?=[\\/])")


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseUrl:
    """Where a database is. ``str()`` and ``repr()`` never show the password."""

    dialect: Dialect
    #: SQLite only; absolute, ``~`` expanded.
    path: Path | None = None
    #: PostgreSQL only; None means libpq's default (environment, service file, local socket).
    host: str | None = None
    port: int | None = None
    database: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    #: Other libpq parameters, e.g. sslmode.
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, url: str) -> DatabaseUrl:
        """Read ``sqlite:///path``, ``postgresql://…`` or ``postgres://…``.

        A password may hold any character: what stands before the last ``@`` of the authority is
        the user and the password, percent-encoded or not.

        Raises:
            InvalidUrl: another scheme, no path, or a port that is not a number.
        """
        if url.startswith("sqlite:///"):
            path = unquote(url.removeprefix("sqlite:///"))
            if not path or path == ":memory:":
                raise InvalidUrl("sqlite:/// needs the path of a file, e.g. sqlite:////home/me/memory.db")
            return cls.for_path(Path(path))
        if match := _POSTGRES.match(url):
            return cls._parse_postgres(match["rest"])
        raise InvalidUrl(
            f"not a database URL ({_what_is_wrong(url)}): use sqlite:///PATH or "
            f"postgresql://USER:PASSWORD@HOST:PORT/NAME"
        )

    @classmethod
    def named(cls, name: str, folder: Path) -> DatabaseUrl:
        """What a person wrote: a URL, or the path of a SQLite file.

        A mistyped URL is no path: its password would become the name of a folder.

        Args:
            folder: what a relative path starts from, that of a URL too.

        Raises:
            InvalidUrl: it is neither; the message holds nothing of it.
        """
        path = unquote(name.removeprefix("sqlite:///")) if name.startswith("sqlite:///") else name
        if path in {"", ":memory:"} or "://" in path:
            return cls.parse(name)
        if "${" in path or (path == name and _NO_PATH.search(_DRIVE.sub("", path))):
            raise InvalidUrl(
                "neither the path of a file nor a database URL (is a '://' or a variable mistyped?): use PATH, "
                "sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME"
            )
        return cls.for_path(path if path.startswith("~") else folder / path)

    @classmethod
    def for_path(cls, path: Path | str) -> DatabaseUrl:
        """The SQLite file at ``path``; relative paths are taken from the working directory.

        Raises:
            InvalidUrl: it begins with ``~`` and the name of nobody.
        """
        try:
            return cls(dialect="sqlite", path=Path(path).expanduser().absolute())
        except RuntimeError:
            raise InvalidUrl(f"nobody here has the home directory that {str(path)!r} begins with") from None

    @classmethod
    def _parse_postgres(cls, rest: str) -> DatabaseUrl:
        credentials, at, location = rest.rpartition("@")
        if not at:
            credentials, location = "", rest
        location, _, query = location.partition("?")
        authority, _, database = location.partition("/")
        if "/" in database:
            raise InvalidUrl(
                "the database name has a '/': write a '@' or '/' in a password as %40 or %2F if the URL is misread"
            )
        user, colon, password = credentials.partition(":")
        host, port = cls._host_and_port(authority)
        options = parse_qsl(query, keep_blank_values=True)
        named = dict(options)
        return cls(
            dialect="postgresql",
            host=unquote(named.get("host", host)) or None,
            port=port,
            database=unquote(database) or None,
            user=unquote(user) or None,
            password=_unquote_password(password) if colon else named.get("password"),
            options=tuple((k, v) for k, v in options if k not in {"host", "password"}),
        )

    @staticmethod
    def _host_and_port(authority: str) -> tuple[str, int | None]:
        bracketed = re.fullmatch(r"\[(?P<host>[^\]]*)\](?::(?P<port>.*))?", authority)
        host, port = (bracketed["host"], bracketed["port"] or "") if bracketed else authority.partition(":")[::2]
        if not port:
            return host, None
        if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
            raise InvalidUrl("the port is not a number from 1 to 65535 (is a character of the password unescaped?)")
        return host, int(port)

    def conninfo(self) -> dict[str, str]:
        """The parameters for libpq, the password among them."""
        parts: dict[str, str | None] = {
            "host": self.host,
            "port": str(self.port) if self.port else None,
            "dbname": self.database,
            "user": self.user,
            "password": self.password,
        }
        return dict(self.options) | {key: value for key, value in parts.items() if value is not None}

    def with_password(self) -> str:
        """The whole URL, secret included: for another process, never for a message or a log."""
        return self._render(secrets=True)

    def __str__(self) -> str:
        return self._render(secrets=False)

    def _render(self, *, secrets: bool) -> str:
        if self.dialect == "sqlite":
            return "sqlite:///" + str(self.path).replace("%", "%25")
        secret = ":" + quote(self.password, safe="") if secrets and self.password is not None else ""
        user = quote(self.user, safe="") if self.user else ""
        at = "@" if user or secret else ""
        host = self.host or ""
        # Some parameters are secrets (sslpassword), so a URL for people names the harmless ones only.
        options = [(k, v) for k, v in self.options if secrets or k in _HARMLESS_OPTIONS]
        if host.startswith("/"):
            options, host = [("host", host), *options], ""
        elif ":" in host:
            host = f"[{host}]"
        port = f":{self.port}" if self.port else ""
        tail = "?" + urlencode(options) if options else ""
        return f"postgresql://{user}{secret}{at}{host}{port}/{quote(self.database or '', safe='')}{tail}"


def _what_is_wrong(url: str) -> str:
    """Why a text is no database URL, with nothing of it that may be a secret."""
    scheme, mark, _ = url.partition("://")
    if not url.strip():
        return "it is empty"
    if not mark:
        return "it has no '://'"
    if scheme == "sqlite":
        return "sqlite: takes three slashes, and four before an absolute path"
    if re.fullmatch(r"[a-z0-9+.-]{1,30}", scheme):
        return f"the scheme {scheme!r} is not known"
    return "no scheme stands before its '://'"


def _unquote_password(password: str) -> str:
    # A '%' that begins no escape is the user's own character.
    if re.search(r"%(?![0-9A-Fa-f]{2})", password):
        return password
    return unquote(password)
