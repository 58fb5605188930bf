"""Where a browser says a request was begun: the first wall against other sites that act in somebody's name."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.requests import Request

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(?P<port>\d{1,5}))?", re.IGNORECASE)
_DEFAULT_PORTS = {"http": "80", "https": "443"}

#: What a form of another site can send without being asked first.
_SIMPLE_TYPES = {"", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}

#: Methods that change nothing.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def host_name(host: str) -> str | None:
    """The name in a Host header, without its port; None if it is none."""
    found = _HOST.fullmatch(host)
    return found["name"].strip("[]").lower() if found else None


def begun_elsewhere(request: Request) -> bool:
    """Whether the browser says that another site began this request."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        # "none": the person did, by the address bar or a bookmark.
        return site not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is not None and not _is_ours(origin, request.headers.get("host", ""))


def says_where(request: Request) -> bool:
    """Whether the request says where it was begun, as those of browsers do that change something."""
    return "sec-fetch-site" in request.headers or "origin" in request.headers


def any_site_could_send(request: Request) -> bool:
    """Whether a form on any page could send such a request, so that its kind proves nothing."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return request.method == "POST" and kind in _SIMPLE_TYPES


def _is_ours(origin: str, host: str) -> bool:
    """Compared without the scheme, which a proxy in front of us changes."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if parts.scheme not in _DEFAULT_PORTS or parts.path or parts.query or parts.fragment or not parts.netloc:
        return False
    default = _DEFAULT_PORTS[parts.scheme]
    ours = _with_port(host, default)
    return ours is not None and _with_port(parts.netloc, default) == ours


def _with_port(host: str, default: str) -> tuple[str, str] | None:
    found = _HOST.fullmatch(host)
    return (found["name"].lower(), found["port"] or default) if found else None
