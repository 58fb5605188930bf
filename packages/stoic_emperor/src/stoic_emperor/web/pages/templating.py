"""Templates: what all pages share, and how dates, references and counts are written on them."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from stoic_emperor.text import all_whole
from stoic_emperor.web.cards import dialled, linked, texted
from stoic_emperor.web.identity import Identity
from stoic_emperor.web.rendering import render

STATIC = Path(__file__).parent.parent / "static"

#: What a person may choose; anything else in the cookie is nothing.
_THEMES = ("light", "dark")


def page(
    request: Request,
    name: str,
    identity: Identity | None = None,
    /,
    status: int = 200,
    csrf: str | None = None,
    **values: Any,
) -> HTMLResponse:
    """A page.

    Args:
        name: of its template.
        identity: whom it is for; None if nobody is signed in.
        csrf: what forms of somebody who is not signed in have to bring.
    """
    theme = request.cookies.get("theme", "")
    shared = {
        "here": request.url.path,
        "theme": theme if theme in _THEMES else "",
        "build": _build(),
        "signed_in": identity is not None and identity.adult,
        "newcomer": identity is not None and not identity.adult,
        "single": identity is not None and identity.provider == "single",
        "operator": identity is not None and identity.operator,
        "csrf": identity.csrf if identity is not None else csrf,
        "identity": identity,
    }
    template = environment().get_template(name)
    return HTMLResponse(template.render(shared | values), status)


@cache
def environment() -> Environment:
    """The templates; everything that is put into them is escaped."""
    made = Environment(
        loader=PackageLoader("stoic_emperor.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_whole,
    )
    made.filters |= {
        "counted": _counted,
        "day": _day,
        "dialled": dialled,
        "iso": _iso,
        "linked": linked,
        "markdown": render,
        "moment": _moment,
        "reference": _reference,
        "sureness": _sureness,
        "texted": texted,
        "upload_state": _upload_state,
    }
    return made


def _whole(value: Any) -> Any:
    return all_whole(value) if type(value) is str else value


@cache
def _build() -> str:
    """A name for these very stylesheets and scripts, so that a browser keeps them until they change."""
    return _named(tuple(sorted((file.name, file.stat().st_mtime_ns) for file in STATIC.iterdir())))


@cache
def _named(files: tuple[tuple[str, int], ...]) -> str:
    found = hashlib.sha256()
    for name, _ in files:
        found.update((STATIC / name).read_bytes())
    return found.hexdigest()[:12]


def _day(time: dt.datetime | dt.date) -> str:
    return f"{time.day} {time:%B %Y}"


def _moment(time: dt.datetime) -> str:
    return f"{_day(time)} at {time:%H:%M}"


def _iso(time: dt.datetime | dt.date) -> str:
    return time.isoformat()


def _counted(counts: Mapping[str, int]) -> str:
    """Most frequent first, how often where that is more than once."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(name if count == 1 else f"{name} ({count})" for name, count in ordered)


def _reference(passage: Any) -> str:
    return str(passage.credit)


def _sureness(confidence: float) -> str:
    """A model's number is no measurement, so it is told in words."""
    if confidence >= 0.8:
        return "fairly sure"
    return "likely" if confidence >= 0.6 else "a guess"


def _upload_state(upload: Any) -> str:
    """How far a file is, or what became of it."""
    if upload.state not in {"done", "failed"}:
        return "Is being read" if upload.state == "working" else "Waits its turn"
    report = upload.report if isinstance(upload.report, Mapping) else {}
    if failed := report.get("failed"):
        return f"Not read: {'; '.join(str(one['why']) for one in failed)}"
    if upload.kind == "texts":
        added = report.get("added", 0)
        new = "1 passage is new" if added == 1 else f"{added} passages are new"
        return f"{new} on the shelf, {report.get('kept', 0)} stood there already"
    return "A conversation was made of it" if report.get("imported") else "It was here already"
