"""One reply under way, and all that is told of it to whoever listens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from stoic_emperor.companion import Event, Failed, Finished, HelpShown, Piece, Started
from stoic_emperor.companion.beginning import Beginning
from stoic_emperor.models import Message, Session
from stoic_emperor.web.cards import card_html
from stoic_emperor.web.growing import Growing
from stoic_emperor.web.rendering import render
from stoic_emperor.web.streaming import encoded
from stoic_emperor.web.wording import CUT_OFF, STOPPED_EARLY

#: Seconds within which small pieces are sent together.
_TOGETHER = 0.05
#: Letters of Markdown that are rendered before a thread would have begun to.
_SHORT = 2_000


class Turn:
    """One reply under way, and all that was told of it."""

    def __init__(self, user_id: str, session: Session) -> None:
        """Nothing was told yet."""
        self.user_id, self.session = user_id, session
        #: What is answered, with its empty reply; None to answer anew what was said last.
        self.beginning: Beginning | None = None
        #: That this is a program, where it is due to say so.
        self.notice: str | None = None
        #: The reply as it is kept in the end; None before, and if it was never stored.
        self.reply: Message | None = None
        #: What the person was shown beside: help, and where quotations stand.
        self.help: dict[str, Any] | None = None
        self.sources: tuple[str, ...] = ()
        #: Why there is no reply.
        self.failure: str | None = None
        #: Whether it was erased, so that nothing is analysed later; whether it is stopped because the process ends.
        self.erased = self.cut_off = False
        self.over = False
        self.started = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.moved_at = time.monotonic()
        self._stopping = self._unwanted = False
        self._events: list[bytes] = []
        self._more = asyncio.Event()
        self._text = ""
        self._rendered = 0
        self._html = Growing()
        self._unsent: list[str] = []
        self._sent_at = 0.0
        self._sending: asyncio.TimerHandle | None = None

    # For readers

    def told_after(self, number: int) -> tuple[list[bytes], bool]:
        """The events after that number, and whether no others will come."""
        return self._events[number:], self.over

    async def more(self) -> None:
        """Wait until more was told, or it is over."""
        await self._more.wait()

    async def ended(self) -> None:
        """Wait for the end."""
        while not self.over:
            await self.more()

    # For what it tells

    async def take(self, event: Event) -> None:
        """Tell what happened."""
        self.moved_at = time.monotonic()
        match event:
            case Started(said, reply):
                self.reply = reply
                self.started.set()
                self._tell(
                    "started",
                    session={"id": self.session.id, "title": self.session.title},
                    said=await _heard(said),
                    reply={"id": reply.id},
                    notice=self.notice,
                )
            case HelpShown(card, to_be_safe=to_be_safe, reply_stopped=reply_stopped):
                self.help = {
                    "html": card_html(card),
                    "to_be_safe": to_be_safe,
                    "reply_stopped": reply_stopped,
                }
                self._tell("help", **self.help)
            case Piece(text):
                await self._piece(text)
            case Finished(reply, sources, passages):
                self.reply, self.sources = reply, sources
                shown = [
                    {
                        "id": p.id,
                        "author": p.author,
                        "work": p.work,
                        "place": p.place,
                        "credit": p.credit,
                        "text": p.text,
                    }
                    for p in passages
                ]
                told = _told(reply, await self._whole_html(reply))
                self._tell("finished", reply=told, sources=list(dict.fromkeys(sources)), passages=shown)
            case Failed(reply, message, _):
                self.reply = reply
                await self.fail(message)

    async def fail(self, detail: str) -> None:
        """Tell that there will be no more of the reply."""
        self.failure = detail
        told = None if self.reply is None else _told(self.reply, await self._whole_html(self.reply))
        said = None if self.beginning is None else await _heard(self.beginning.said)
        self._tell("failed", said=said, reply=told, detail=detail)

    async def stopped(self, reply: Message | None) -> None:
        """Tell that it was stopped, and what is kept of it."""
        self.reply = reply
        # A thread that renders may have been left behind, so this begins anew.
        self._html = Growing()
        if reply is None or self.cut_off:
            await self.fail(CUT_OFF if self.cut_off else STOPPED_EARLY)
        else:
            self._tell("finished", reply=_told(reply, await self._whole_html(reply)), sources=[], passages=[])

    def cancel(self) -> None:
        """Stop it, once: a second time would interrupt its end."""
        if self.task is not None and not self._stopping:
            self._stopping = True
            self.task.cancel()

    def unwanted(self, *, unwanted: bool) -> None:
        """Stop it if it was found unwanted twice: once may be its very end."""
        if unwanted and self._unwanted:
            self.cancel()
        self._unwanted = unwanted

    def end(self) -> None:
        """No more will be told."""
        self._send()
        self.over = True
        self._wake()

    async def _piece(self, text: str) -> None:
        self._text += text
        self._unsent.append(text)
        since = time.monotonic() - self._sent_at
        if since >= _TOGETHER:
            self._send()
        elif self._sending is None:
            self._sending = asyncio.get_running_loop().call_later(_TOGETHER - since, self._send)
        # Whole paragraphs only: half of one may yet turn out to be a list.
        upto = self._text.rfind("\n\n")
        if upto > self._rendered:
            html = await _rendered(self._html.html, self._text[:upto], upto - self._rendered)
            self._rendered = upto
            self._tell("rendered", html=html, upto=upto)

    async def _whole_html(self, reply: Message) -> str:
        return await _rendered(self._html.html, reply.content, len(reply.content) - self._rendered)

    def _send(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        if self._unsent:
            text, self._unsent = "".join(self._unsent), []
            self._sent_at = time.monotonic()
            self._add("piece", {"text": text})

    def _tell(self, event: str, **data: Any) -> None:
        self._send()
        self._add(event, data)

    def _add(self, event: str, data: dict[str, Any]) -> None:
        self._events.append(encoded(len(self._events) + 1, event, data))
        self._wake()

    def _wake(self) -> None:
        more, self._more = self._more, asyncio.Event()
        more.set()


def _told(reply: Message, html: str) -> dict[str, Any]:
    return {"id": reply.id, "status": reply.status.value, "html": html}


async def _heard(said: Message) -> dict[str, Any]:
    return {"id": said.id, "html": await _rendered(render, said.content, len(said.content))}


async def _rendered(how: Callable[[str], str], text: str, new: int) -> str:
    """Rendered at once, if ``new`` letters of it are few; in a thread what takes longer than others should wait."""
    return str(how(text) if new <= _SHORT else await asyncio.to_thread(how, text))
