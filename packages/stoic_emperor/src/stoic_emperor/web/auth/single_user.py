"""Development without accounts: whoever sits at this machine is the one person, and nobody else gets in."""

from __future__ import annotations

import ipaddress

from starlette.requests import Request

from stoic_emperor.web.auth.origin import host_name

#: What a proxy adds: then whoever asks sits elsewhere, however near the proxy is.
_OF_PROXIES = {"forwarded", "via", "x-real-ip", "cf-connecting-ip", "true-client-ip"}

REFUSED = (
    "this server has no accounts yet, so it answers only the person at its own machine, at http://localhost: "
    "to let others in, set ENVIRONMENT=production and SESSION_SECRET, or auth.single_user: false in "
    "config/settings.yaml, and start it again"
)


def sits_here(request: Request) -> bool:
    """Whether a request comes from this machine, was meant for it, and came straight.

    The name that the browser was told to visit is looked at too: a page on the internet can make its own name point
    to this machine (DNS rebinding), and the request then comes from here all the same.
    """
    if request.client is None or not _is_loopback(request.client.host):
        return False
    names = request.headers.getlist("host")
    if len(names) != 1 or not is_local_name(host_name(names[0])):
        return False
    return not any(name.startswith("x-forwarded-") or name in _OF_PROXIES for name in request.headers)


def is_local_name(name: str | None) -> bool:
    """Whether a host's name means this machine, whoever asks."""
    return name is not None and (name == "localhost" or _is_loopback(name))


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
