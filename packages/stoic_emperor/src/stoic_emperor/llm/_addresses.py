"""Where a model lives, and whether what is sent there leaves the machine or the house."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

OPENAI_URL = "https://api.openai.com/v1"
ANTHROPIC_URL = "https://api.anthropic.com"

_HOUSE_DOMAINS = (".local", ".lan", ".internal", ".home.arpa")


def server_of(url: str) -> str:
    """Host and port of ``url``, for messages: a password in it stays out of them."""
    return urlsplit(url).netloc.rpartition("@")[2] or "the server"


def is_loopback(url: str) -> bool:
    """Whether ``url`` is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def is_in_the_house(url: str) -> bool:
    """Whether ``url`` is this machine or one of a private network, where servers mostly ask for no key."""
    host = urlsplit(url).hostname or ""
    address = _address(host)
    if address is not None:
        return address.is_private
    # A name without a dot is one of the local network, such as a service beside this one in Docker Compose.
    return is_loopback(url) or (bool(host) and "." not in host) or host.endswith(_HOUSE_DOMAINS)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
