#!/usr/bin/env python3
"""Draw docs/images/stoic-*.png: every page of Stoic Emperor's web application, by day, by lamp and on a phone.

A real server with the starter library, a real browser, and somebody made up, who has talked for some weeks with a model
that says what stands here. ``python scripts/images.py [NAME …]`` draws all of them, or those.
"""

from __future__ import annotations

import base64
import datetime as dt
import shutil
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from stoic_emperor.hosting.tallies import Tallies
from stoic_emperor.hosting.uploads import Uploads
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.models import CondensedSummary, Message, PsychUpdate, SemanticInsight, now
from stoic_emperor.testing.models import Drips, Says
from stoic_emperor.testing.site import ANALYSIS, OPERATOR, Site, running_site
from stoic_emperor.testing.web import hosted_by

FOLDER = Path(__file__).parent.parent / "docs" / "images"

DESK, PHONE = {"width": 1180, "height": 800}, {"width": 390, "height": 800}
#: Longer pages are cut off.
LONGEST = 1_500

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": DESK, "color_scheme": "light"},
    "dark": {"viewport": DESK, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "is_mobile": True, "has_touch": True},
}

SAID = "My brother and I have not spoken since the funeral. I keep writing him letters, and throwing them away."
REPLY = """Two things lie on your table: whether he answers, and whether you send a letter. Only one of them is yours.

You have written it many times, so the words are not what is missing. Perhaps you wait for words that could not be \
refused. There are none; *he may refuse any of them*. That is his part, and it was never in your hands.

| Up to you | Not up to you |
|---|---|
| to write it plainly | how he reads it |
| to leave out what settles accounts | whether he answers |
| to send it | when |

So write the shortest one you can stand behind, and let it go. What would its first sentence be?"""
FIRST = "“I miss you, and I do not want to win this any more.”"
SECOND = """Then that is the letter. It asks for nothing, so nothing in it can be refused.

Before you add a second sentence, ask whether it is for him or for the quarrel. And tomorrow, whatever the post \
brings, you will have done the part that was yours."""

NOTICED = '{"emotional_state": "hopeful", "detected_patterns": ["thinks of the brother"], "semantic_assertions": []}'

PAST: tuple[tuple[int, str, str, str, str, tuple[str, ...]], ...] = (
    (38, "The allotment in March", "I dug over the far bed before work. Nobody will ever see it, and I am glad of it.",
     "Then it was done for its own sake, which is a rare way to begin a day.", "content", ("returns to the garden",)),
    (33, "Before the talk at the school", "On Friday I speak to forty parents. I have slept badly all week.",
     "Forty people will hear you for half an hour. What of it depends on them, and what on you?",
     "uneasy", ("fears to disappoint", "sleeps too little")),
    (30, "After the talk", "It went well enough. I stumbled once, and laughed, and so did they.",
     "You feared their judgement, and met their company.", "relieved", ("fears to disappoint",)),
    (24, "The rota at the library", "Marta asked me to take her Saturdays again, and I said yes before I had thought.",
     "What did the yes buy you, and what will it cost?", "tired", ("says yes too quickly", "sleeps too little")),
    (19, "Rain on the glass roof", "It rained all day, and I read with the lamp on. I should have called my brother.",
     "The day was not wasted, and the call is still there to be made.", "calm", ("thinks of the brother",)),
    (12, "Marta's Saturdays", "I told Marta that I cannot take them in May. She was not even angry.",
     "You had carried her anger for her, for weeks. She did not want it.", "relieved", ("says yes too quickly",)),
    (6, "The first beans", "The first beans are through. I gave half of the seedlings away.",
     "What grows without you, and what grows because you came?", "content", ("returns to the garden",)),
    (4, "A letter that I did not send", "I wrote to my brother again, and tore it up. It is the fourth letter.",
     "Four letters say that there is something to say.", "sad", ("thinks of the brother",)),
)  # fmt: skip
INSIGHTS = (
    (0, "They keep an allotment, and go there before work.", 0.9),
    (1, "They sleep badly before they speak in public.", 0.8),
    (3, "They often agree before they have thought about it.", 0.7),
    (5, "They work at a library, where Marta is a colleague.", 0.9),
    (7, "They have written several letters to their brother, and sent none.", 0.9),
)
PORTRAIT = """You begin your days in the garden, and what you do there you do for nobody's eyes. At work you say yes \
before you have asked yourself; this spring you took one of those back, and the sky did not fall.

Your brother comes up when you have been quiet for a while. You do not speak of the quarrel itself, only of the \
letters."""


def helena(site: Site) -> Person:
    """Somebody who has talked for some weeks, and keeps the house."""
    person = site.person("Helena", user_id=OPERATOR)
    person.change(consent_at=now() - dt.timedelta(days=40))
    database = hosted_by(site.app).application.database
    messages = []
    for ago, title, said, replied, mood, themes in PAST:
        at = now() - dt.timedelta(days=ago)
        session = person.begin_session(title=title, created_at=at)
        message = Message(session_id=session.id, role="user", content=said, created_at=at)
        messages.append(person.add_message(message))
        update = PsychUpdate(emotional_state=mood, detected_patterns=list(themes))
        at += dt.timedelta(seconds=20)
        reply = person.add_message(
            Message(session_id=session.id, role="emperor", content=replied, psych_update=update, created_at=at)
        )
        person.mark_processed([reply.id])
        with person.writing() as tx:
            hosted_by(site.app).application.recall(person.user_id).add_turn(message, tx)
    for number, assertion, confidence in INSIGHTS:
        source = messages[number]
        person.add_insight(
            SemanticInsight(
                user_id=person.user_id,
                source_message_id=source.id,
                assertion=assertion,
                confidence=confidence,
                created_at=source.created_at,
            )
        )
    person.add_summary(
        CondensedSummary(
            user_id=person.user_id,
            content="They spoke of the allotment in early spring, and of a talk before forty parents that cost them "
            "sleep. It went well.",
            period_start=messages[0].created_at,
            period_end=messages[2].created_at,
            source_message_count=6,
        )
    )
    review = {"agreements": ["The garden as the place where nothing has to be shown."], "concerns": []}
    doubt = {"agreements": ["The quick yes at work."], "concerns": ["Little is known of the brother; say less."]}
    person.add_profile(PORTRAIT, {"consensus": True, "rounds": [{"reviews": {"one": review, "the other": doubt}}]})
    uploads = Uploads(database, person.user_id)
    for name, report in (
        ("garden book 2024.md", {"imported": ["garden book 2024.md"], "failed": []}),
        ("scan of the old diary.txt", {"failed": [{"file": "scan", "why": "it is empty or binary, not a text"}]}),
    ):
        id_ = uploads.begin("journal", name, {})
        uploads.received(id_, 0)
        uploads.finish(uploads.get(id_), report, failed=bool(report["failed"]))
    Tallies(database).count("replies", 17)
    return person


@dataclass(frozen=True)
class Studio:
    """Where pictures are taken."""

    site: Site
    browser: Browser
    helena: Person
    passage: str
    talk: str

    @contextmanager
    def page(self, look: str, person: Person | None) -> Iterator[Page]:
        """A browser of somebody, or of nobody."""
        context = self.browser.new_context(base_url=self.site.url, reduced_motion="reduce", **LOOKS[look])
        if person is not None:
            self.site.sign_in(context, person)
        yield context.new_page()
        context.close()


Scene = Callable[[Studio, Page], None]


def at(path: str) -> Scene:
    """A page as it is."""
    return lambda studio, page: _go(page, path.format(passage=studio.passage, talk=studio.talk))


def _go(page: Page, path: str) -> None:
    page.goto(path, wait_until="networkidle")


def _codes(_: Studio, page: Page) -> None:
    page.goto("/register")
    page.get_by_label("Name or e-mail").fill(f"somebody-{time.time_ns()}")
    page.get_by_label("Password").fill("four unrelated words here")
    page.keyboard.press("Enter")
    page.locator(".codes").wait_for()


def _lost_codes(studio: Studio, page: Page) -> None:
    _codes(studio, page)
    _go(page, "/recovery-codes")


def _welcome(studio: Studio, page: Page) -> None:
    _codes(studio, page)
    page.goto("/welcome?next=/chat")
    page.get_by_label("How do you want to be called?").fill("Helena")


def _streaming(studio: Studio, page: Page) -> None:
    studio.site.script["throwing"] = Drips(REPLY, 0.03)
    page.goto("/chat")
    page.get_by_label("Your message").fill(SAID)
    page.get_by_role("button", name="Send", exact=True).click()
    page.locator(".reply p").nth(1).wait_for()
    page.evaluate("scrollTo(0, 0)")


#: Name -> who looks, and what at.
SCENES: dict[str, tuple[bool, Scene]] = {
    "sign-in": (False, at("/sign-in")),
    "register": (False, at("/register")),
    "codes": (False, _codes),
    "lost-codes": (False, _lost_codes),
    "recover": (False, at("/recover")),
    "welcome": (False, _welcome),
    "begin": (True, at("/chat")),
    "streaming": (True, _streaming),
    "conversation": (True, at("/chat/{talk}")),
    "history": (True, at("/history")),
    "search": (True, at("/history?q=letter")),
    "journey": (True, at("/journey")),
    "library": (True, at("/library")),
    "work": (True, at("/library?author=Marcus+Aurelius&work=Meditations")),
    "passage": (True, at("/library/{passage}")),
    "import": (True, at("/import")),
    "account": (True, at("/account")),
    "operator": (True, at("/operator")),
    "help": (False, at("/help?country=GB")),
    "how-it-works": (False, at("/how-it-works")),
    "terms": (False, at("/terms")),
    "nowhere": (False, at("/nowhere")),
}


def main(wanted: list[str]) -> None:
    """Draw them."""
    unknown = set(wanted) - SCENES.keys()
    if unknown:
        sys.exit(f"there is no picture {', '.join(sorted(unknown))}: {', '.join(SCENES)} are there")
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_site(
            Path(folder),
            f"sqlite:///{folder}/stoic.db",
            model_name="a-model-of-your-own",
            memory={"embedding_model": "all-MiniLM-L6-v2"},
        ) as site,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        studio = _furnished(site, chromium)
        for name in wanted or SCENES:
            for look in LOOKS:
                size = _draw(studio, name, look)
                print(f"{name}-{look}.png: {size >> 10} KB")
        chromium.close()
    total = sum(file.stat().st_size for file in FOLDER.glob("stoic-*.png"))
    print(f"{total / 1e6:.2f} MB in {FOLDER}")


def _furnished(site: Site, chromium: Browser) -> Studio:
    person = helena(site)
    library = hosted_by(site.app).application.library
    deadline = time.monotonic() + 180
    while library.count() < 200 and time.monotonic() < deadline:
        time.sleep(0.5)
    passage = next(p for p in library.browse("Marcus Aurelius", "Meditations") if p.place == "5.1")
    site.script |= {"throwing": Says(REPLY), "miss you": Says(SECOND), ANALYSIS: Says(NOTICED)}
    bare = Studio(site, chromium, person, passage.id, "")
    with bare.page("light", person) as page:
        page.goto("/chat")
        for words in (SAID, FIRST):
            page.get_by_label("Your message").fill(words)
            page.keyboard.press("Enter")
            page.get_by_role("button", name="Stop").wait_for()
            page.get_by_role("button", name="Send", exact=True).wait_for()
        talk = page.url.rpartition("/")[2]
    person.rename_session(talk, "The letter to my brother")
    return Studio(site, chromium, person, passage.id, talk)


def _draw(studio: Studio, name: str, look: str) -> int:
    signed_in, scene = SCENES[name]
    with studio.page(look, studio.helena if signed_in else None) as page:
        scene(studio, page)
        is_talk = page.locator(".talk").count() > 0
        height = page.evaluate("document.documentElement.scrollHeight")
        size = page.viewport_size
        assert size is not None
        if look != "phone" and not is_talk:
            page.set_viewport_size({"width": size["width"], "height": max(420, min(height, LONGEST))})
        elif is_talk:
            page.evaluate("scrollTo(0, 0)")
        page.wait_for_timeout(150)
        shown = page.screenshot()
        if name == "streaming":
            page.get_by_role("button", name="Stop").click()
            page.get_by_role("button", name="Send", exact=True).wait_for()
            session = page.url.rpartition("/")[2]
            hosted_by(studio.site.app).application.forgetting(studio.helena).session(session)
        pixels = _pixels(page, shown)
    file = FOLDER / f"stoic-{name}-{look}.png"
    file.write_bytes(_png(pixels))
    return file.stat().st_size


# Small files: a palette is enough for pages of two inks


def _pixels(page: Page, png: bytes) -> Any:
    """Height × width × RGB; the browser takes its own picture apart."""
    page.goto("about:blank")
    encoded = page.evaluate(
        """async (source) => {
          const blob = await (await fetch(`data:image/png;base64,${source}`)).blob();
          const image = await createImageBitmap(blob);
          const canvas = new OffscreenCanvas(image.width, image.height);
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          const { data } = context.getImageData(0, 0, image.width, image.height);
          let text = "";
          for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
          return [image.width, image.height, btoa(text)];
        }""",
        base64.b64encode(png).decode(),
    )
    width, height, data = encoded
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)[:, :, :3]


def _png(pixels: Any) -> bytes:
    """PNG with at most 256 colours: those that are nearly the same become one."""
    height, width, _ = pixels.shape
    flat = pixels.reshape(-1, 3).astype(np.uint32)
    for bits in (6, 5, 4, 3):
        shift = 8 - bits
        keys = (flat[:, 0] >> shift << 2 * bits) | (flat[:, 1] >> shift << bits) | (flat[:, 2] >> shift)
        known, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
        if len(known) <= 256:
            break
    # The most frequent colour of each, so that paper stays paper.
    exact = (flat[:, 0] << 16) | (flat[:, 1] << 8) | flat[:, 2]
    palette = np.zeros((len(known), 3), np.uint8)
    order = np.argsort(which, kind="stable")
    for index, part in enumerate(np.split(exact[order], np.cumsum(counts)[:-1])):
        colours, times = np.unique(part, return_counts=True)
        colour = int(colours[times.argmax()])
        palette[index] = (colour >> 16, colour >> 8 & 255, colour & 255)
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = which.reshape(height, width)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


if __name__ == "__main__":
    main(sys.argv[1:])
