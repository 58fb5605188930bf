"""All pages together, and the files they need."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.staticfiles import StaticFiles

from stoic_emperor.web.pages import entering, own, plain, reading, remembering, talking
from stoic_emperor.web.pages.templating import STATIC

__all__ = ["router", "static"]

router = APIRouter(include_in_schema=False)
for part in (plain, entering, talking, remembering, reading, own):
    router.include_router(part.router)

#: Stylesheet, script and marks.
static = StaticFiles(directory=STATIC)
