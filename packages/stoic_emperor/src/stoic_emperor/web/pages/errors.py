"""What went wrong, on a page: for whoever asked for one."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import HTMLResponse

from stoic_emperor.web.pages.templating import page

_TITLES = {
    401: "Not signed in",
    403: "Not allowed",
    404: "Not here",
    405: "Not so",
    413: "Too long",
    422: "Not understood",
    429: "Too often",
    503: "Away for a moment",
}

#: In the words of a program, where a route does not say more.
_BARE = {"Not Found": "There is nothing at this address.", "Method Not Allowed": "This page only takes other requests."}


def is_for_a_page(request: Request) -> bool:
    """Whether a person would see the answer, and not a program."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def error_page(request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    """The page; help stays reachable on it."""
    detail = _BARE.get(detail, detail)
    told = detail[:1].upper() + detail[1:] + ("" if detail.endswith((".", "!", "?")) else ".")
    answer = page(
        request,
        "error.html",
        status=status,
        code=status,
        title=_TITLES.get(status, "Broken"),
        detail=told,
        # Who it is may be what could not be found out; the pages themselves ask again.
        signed_in=status != 401,
    )
    answer.headers.update(headers or {})
    return answer
