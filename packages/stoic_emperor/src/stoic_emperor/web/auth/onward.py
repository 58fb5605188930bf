"""Where a browser goes on to, and what it is."""

from __future__ import annotations

import re

# Our own paths, in letters that no browser reads differently: some take a backslash for a slash, drop tabs and
# line ends, and two slashes begin the name of another host.
_OWN_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@%?-][A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")

#: Going there again would lead in a circle, or change something.
_NOT_TO = ("/auth/", "/sign-in", "/register", "/recover", "/recovery-codes", "/api/", "/static/")

_LONGEST = 1_000

#: What a browser calls itself by -> how people call it; the first that fits.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def onward(path: str | None) -> str:
    """``path`` if it is a page of ours, else the first page: nobody is sent on to another site."""
    if not path or len(path) > _LONGEST or _OWN_PATH.fullmatch(path) is None or path.startswith(_NOT_TO):
        return "/"
    return path


def browser(user_agent: str) -> str:
    """Browser and system in a few words of ours, for a person to recognise; empty if they tell nothing."""
    name = next((name for sign, name in _BROWSERS if sign in user_agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    return " on ".join(part for part in (name, system) if part)
