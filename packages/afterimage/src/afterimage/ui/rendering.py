"""Pages from templates. Whatever is put into one is escaped, without secrets, and without what steers a screen."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from afterimage.ui.pictures import bars
from capsa.terminal import clean

if TYPE_CHECKING:
    from afterimage.churn import FileChurn

#: Characters of a path or another fact in one line.
_FACT = 300
_SUPERSEDED = re.compile(r"SUPERSEDED by ([^\s,]+)")


@dataclass(frozen=True, slots=True)
class Standing:
    """How an entry stands: the word, what there is to say of it, and what took its place."""

    word: str
    said: str = ""
    by: str = ""

    @classmethod
    def of(cls, text: str) -> Standing | None:
        """What `Item.standing` says; None if that is nothing."""
        word = next((word for word in ("SUPERSEDED", "STALE", "FRESH") if word in text), "")
        if not word:
            return None
        found = _SUPERSEDED.search(text)
        said = "the file has it as it is here" if text == "FRESH" else text.removeprefix(word).strip(" :")
        return cls(word, "" if found and not text.startswith("perhaps") else said, found[1] if found else "")


class Rendering:
    """The templates, and what they can say."""

    def __init__(self, folder: str, word: str, redactor: Callable[[], Callable[[str], str]]) -> None:
        """Templates are read when they are needed.

        Args:
            folder: that all pages are in.
            word: what every form that changes something carries.
            redactor: makes what takes secrets out, one for each page.
        """
        self._redactor = redactor
        self._environment = Environment(
            loader=PackageLoader("afterimage.ui"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            folder=folder, word=word, version=version("ai-afterimage"), link=link, standing_of=Standing.of
        )
        self._environment.filters.update(
            when=when, day=day, counted=counted, fact=_shorten, name_of=_name_of, spark=_spark, clean=clean
        )

    def text(self, template: str, **values: Any) -> str:
        """A page as text."""
        redact = self._redactor()

        def shown(value: str) -> str:
            return clean(redact(value.replace("\r\n", "\n")))

        return self._environment.get_template(template).render(shown=shown, **values)

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page as an answer."""
        return HTMLResponse(self.text(template, **values).encode("utf-8", "replace"), status)


def link(page: str, **parameters: Any) -> str:
    """The address of a page, seen from any other; what is None or empty is left out."""
    given = {name.rstrip("_"): str(value) for name, value in parameters.items() if value not in (None, "")}
    return f"{page}?{urlencode(given, errors='surrogatepass')}" if given else page


def when(moment: dt.datetime) -> str:
    """A moment to the minute, in UTC."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M}"


def day(moment: dt.date) -> str:
    """A day for a reader."""
    return f"{moment.day} {moment:%B %Y}"


def counted(number: int, one: str, several: str) -> str:
    """A number of things."""
    return f"{number:,} {one if number == 1 else several}"


def _shorten(text: str) -> str:
    """One line of a fact; of a long path the end says most."""
    text = " ".join(text.split("\n"))
    return text if len(text) <= _FACT else f"…{text[-_FACT:]}"


def _name_of(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2] or path


def _spark(file: FileChurn) -> list[Any]:
    return bars(file.days, 18)
