"""The application: addresses, what goes wrong, and what changes something."""

from __future__ import annotations

import hmac
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from afterimage.errors import EntryNotFound, explain
from afterimage.retrieval.retriever import Retriever
from afterimage.ui.door import Guarded
from afterimage.ui.forgetting import KINDS, Forgetting
from afterimage.ui.pages import Pages, query
from afterimage.ui.rendering import Rendering, link

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from afterimage.storage import StorageBackend
    from afterimage.ui.door import Door

STATIC = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".svg": "image/svg+xml"}
#: Bytes of a form.
_MOST_FORM = 10_000


def make_app(
    backend: StorageBackend, directory: Path, door: Door, *, threshold: float = 0.3, exclusions: Sequence[str] = ()
) -> ASGIApp:
    """The pages of ``backend`` behind ``door``; nothing is opened yet.

    Args:
        directory: AfterImage's folder, with the recall index.
        threshold: the least relevance of a search's result.
        exclusions: files that are no hotspots.
    """
    rendering = Rendering(door.folder, door.word, Retriever(backend, directory).redactor)
    pages = Pages(backend, directory, rendering, threshold=threshold, exclusions=exclusions)
    changing = _Changing(Forgetting(backend, pages.catalogue, directory), rendering, door)
    shown = (
        *(pages.overview, pages.search, pages.entry, pages.compare),
        *(pages.sessions, pages.session, pages.files, pages.file, changing.receipt),
    )
    inside = [
        *(Route(f"/{page.__name__}", page) for page in shown),
        Route("/forget", changing.ask, methods=["GET"]),
        Route("/forget", changing.forget, methods=["POST"]),
    ]
    failures = _Failures(rendering)
    app = Starlette(
        routes=[Mount(door.folder, routes=inside), Route("/static/{name}", _static)],
        exception_handlers={
            HTTPException: failures.refused,
            EntryNotFound: failures.not_found,
            Exception: failures.failed,
        },
    )
    return Guarded(app, door, partial(rendering.text, "door.html"))


class _Changing:
    """What takes something away."""

    def __init__(self, forgetting: Forgetting, rendering: Rendering, door: Door) -> None:
        self._forgetting = forgetting
        self._rendering = rendering
        self._door = door

    def ask(self, request: Request) -> HTMLResponse:
        """Show what would go."""
        given = query(request)
        return self._ask(given.get("kind", ""), given.get("entry", ""))

    async def forget(self, request: Request) -> Response:
        """Let it go, if it is what was shown, and somebody pressed the button of our own page."""
        given = dict(parse_qsl((await _body(request)).decode("ascii", "replace")))
        word = given.get("word", "").encode("utf-8", "replace")
        origin = request.headers.get("origin", self._door.origin)
        if not hmac.compare_digest(word, self._door.word.encode()) or origin != self._door.origin:
            raise HTTPException(403, "This form is not from a page of this run. Nothing was forgotten.")
        asked = query(request)
        return await run_in_threadpool(self._forget, asked.get("kind", ""), asked.get("entry", ""), given.get("seal"))

    def receipt(self, request: Request) -> HTMLResponse:
        """What went."""
        receipt = self._forgetting.receipt(query(request).get("number", ""))
        if receipt is None:
            raise HTTPException(404, "This receipt is not kept any more.")
        return self._rendering.page("receipt.html", here="", receipt=receipt)

    def _ask(self, kind: str, entry: str, *, changed: bool = False) -> HTMLResponse:
        chosen = self._forgetting.choose(kind if kind in KINDS else "entry", entry)
        rows = self._forgetting.listed(chosen)
        status = 409 if changed else 200
        return self._rendering.page("forget.html", status, here="", chosen=chosen, rows=rows, changed=changed)

    def _forget(self, kind: str, entry: str, seal: str | None) -> Response:
        chosen = self._forgetting.choose(kind if kind in KINDS else "entry", entry)
        if chosen.seal != seal:
            return self._ask(kind, entry, changed=True)
        return RedirectResponse(link("receipt", number=self._forgetting.forget(chosen)), 303)


class _Failures:
    """What goes wrong, each as a page that says what to do."""

    def __init__(self, rendering: Rendering) -> None:
        self._rendering = rendering

    def refused(self, _request: Request, error: Exception) -> HTMLResponse:
        assert isinstance(error, HTTPException)  # noqa: S101  # Starlette asks by the kind of error
        said = error.detail if error.status_code != 404 or error.detail != "Not Found" else "There is no such page."
        return self._page(error.status_code, said)

    def not_found(self, _request: Request, _error: Exception) -> HTMLResponse:
        return self._page(404, "There is no such entry. It may have been forgotten.")

    def failed(self, _request: Request, error: Exception) -> HTMLResponse:
        line = explain(error)
        if line is None:
            # The place of a defect, and nothing of what was in the memory.
            place = error.__traceback__
            while place is not None and place.tb_next is not None:
                place = place.tb_next
            where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else "?"
            line = f"{type(error).__name__} at {where}: a defect of AfterImage"
            sys.stderr.write(f"afterimage: {line}\n")
        return self._page(503, line)

    def _page(self, status: int, said: str) -> HTMLResponse:
        return self._rendering.page("failure.html", status, here="", said=said)


def _static(request: Request) -> Response:
    path = STATIC / Path(str(request.path_params["name"])).name
    if path.suffix not in _TYPES or not path.is_file():
        raise HTTPException(404)
    return Response(path.read_bytes(), media_type=_TYPES[path.suffix])


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_FORM:
            raise HTTPException(413, "No form of ours is as long as this.")
    return bytes(body)
