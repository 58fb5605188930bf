#!/usr/bin/env python3
"""Draw docs/images/afterimage-ui-*.png: pages of `afterimage ui`, by day, by lamp and on a phone.

The real pages on a made-up memory, in a real browser. ``python scripts/afterimage_images.py [NAME …]`` draws all,
or those.
"""

from __future__ import annotations

import datetime as dt
import shutil
import sys
import tempfile
from pathlib import Path

from images import DESK, FOLDER, LONGEST, LOOKS, _pixels, _png
from playwright.sync_api import Browser, sync_playwright

from afterimage.storage import SQLiteBackend
from afterimage.sync import synchronise
from afterimage.testing_pages import Site, pleasant_memory, running_pages

#: Name -> page, and the link on it that is followed from there.
SCENES = {
    "overview": ("overview", ""),
    "search": ("search?q=how+far+apart+two+birds+were+seen", ""),
    "entry": ("search?q=no+such+place+on+earth", ".hit h3 a"),
    "file": ("files?path=fieldnotes/birds/export", "td a"),
    "forget": ("files?path=tally", "td a, .acts .button"),
}


def main(wanted: list[str]) -> None:
    """Draw them."""
    if unknown := set(wanted) - SCENES.keys():
        sys.exit(f"there is no picture {', '.join(sorted(unknown))}: {', '.join(SCENES)} are there")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        # A short name, as it is in every picture.
        home = Path(tempfile.gettempdir()) / "ada"
        with SQLiteBackend(Path(folder) / "memory.db") as backend:
            pleasant_memory(backend, home, dt.datetime.now(dt.UTC), written=True)
            synchronise(backend, Path(folder))
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            with running_pages(backend, Path(folder)) as site:
                for name in wanted or SCENES:
                    for look in LOOKS:
                        print(f"afterimage-ui-{name}-{look}.png: {_draw(site, browser, name, look) >> 10} KB")
            browser.close()
        shutil.rmtree(home)


def _draw(site: Site, browser: Browser, name: str, look: str) -> int:
    context = browser.new_context(reduced_motion="reduce", **LOOKS[look])
    page = context.new_page()
    page.goto(site.door.link())
    page.wait_for_url("**/overview")
    path, follow = SCENES[name]
    page.goto(site.at(path))
    for step in filter(None, follow.split(", ")):
        page.locator(step).last.click() if step.startswith(".acts") else page.locator(step).first.click()
        page.wait_for_load_state()
    height = page.evaluate("document.documentElement.scrollHeight")
    if look != "phone":
        page.set_viewport_size({"width": DESK["width"], "height": max(420, min(height, LONGEST))})
    file = FOLDER / f"afterimage-ui-{name}-{look}.png"
    file.write_bytes(_png(_pixels(page, page.screenshot())))
    context.close()
    return file.stat().st_size


if __name__ == "__main__":
    main(sys.argv[1:])
