"""Replies under way are kept as they come: a crash, a closed window or a lost line costs a second of them.

Each time one is kept, its row's time is that moment, until it has ended and has the time again at which it began. So
whoever looks at it, in whatever process, can tell a reply that somebody gives from one that was cut off.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from stoic_emperor.errors import ModelUnavailable
from stoic_emperor.models import Message, Status, now
from stoic_emperor.safety import ReplyGuard

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person

#: Seconds between two writes; and after how many it is written though nothing came, as a sign of life:
#: after `infrastructure.person.SILENT` it counts as given by nobody.
_EVERY, _SIGN = 1.0, 5.0
#: Seconds more between two writes for each reply under way, so that keeping hundreds leaves time for giving them.
_EACH = 0.005


class Keeping:
    """Keeps all replies under way of one event loop together: many that talk cost one transaction."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._under_way: set[Keeper] = set()
        self._rounds: asyncio.Task[None] | None = None
        self._writing: asyncio.Future[list[Status | None]] | None = None

    def begin(self, keeper: Keeper) -> None:
        """Keep what comes of a reply from now on."""
        self._under_way.add(keeper)
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.create_task(self._keep_on(), name="keeping")

    async def end(self, keeper: Keeper) -> None:
        """Write no more of it; a write under way, which would come after its last one and undo it, is waited for."""
        self._under_way.discard(keeper)
        if self._writing is not None:
            await asyncio.wait({self._writing})
        if not self._under_way and self._rounds is not None:
            self._rounds.cancel()
            self._rounds = None

    async def _keep_on(self) -> None:
        while self._under_way:
            await asyncio.sleep(_EVERY + _EACH * len(self._under_way))
            for some in _one_of_each_person(keeper for keeper in self._under_way if keeper.is_due):
                await self._keep([keeper for keeper in some if keeper in self._under_way])

    async def _keep(self, keepers: Sequence[Keeper]) -> None:
        if not keepers:
            return
        so_far = [(keeper, keeper.take()) for keeper in keepers]
        failed: Sequence[Keeper] = ()
        # The disk is waited for in a thread: others talk in this loop.
        self._writing = asyncio.get_running_loop().run_in_executor(None, _kept, so_far)
        try:
            statuses = await self._writing
        except Exception as error:  # noqa: BLE001 - the reply that it is about ends with it, and no other
            failed = keepers
            if len(failed) == 1:
                failed[0].failure = error
        else:
            for keeper, status in zip(keepers, statuses, strict=True):
                keeper.wanted = status is Status.STREAMING
        finally:
            self._writing = None
        for keeper in failed if len(failed) > 1 else ():
            await self._keep([keeper])


def _one_of_each_person(keepers: Iterable[Keeper]) -> list[list[Keeper]]:
    """In parts, so that whoever erases all rows of a person and a transaction of ours never wait for each other."""
    of_person: dict[str, int] = {}
    parts: list[list[Keeper]] = []
    for keeper in keepers:
        part = of_person[keeper.person.user_id] = of_person.get(keeper.person.user_id, -1) + 1
        if part == len(parts):
            parts.append([])
        parts[part].append(keeper)
    return parts


def _kept(so_far: Sequence[tuple[Keeper, str]]) -> list[Status | None]:
    """Keep what has come, and say which of these replies are still wanted."""
    at = now()
    statuses = []
    with so_far[0][0].person.writing() as tx:
        for keeper, content in so_far:
            keeper.person.rebind(tx)
            statuses.append(keeper.person.finish_message(keeper.reply.id, content, Status.STREAMING, at, tx=tx))
    return statuses


class Keeper:
    """Keeps what has come of one reply and passed the guard; as a context, until whatever ends it."""

    def __init__(self, keeping: Keeping, person: Person, reply: Message, guard: ReplyGuard) -> None:
        """The reply is stored already, empty."""
        self.guard = guard
        self.person = person
        #: As it is stored, at last.
        self.reply = reply
        #: What the guard gave out at the end, which is kept and not shown yet.
        self.rest = ""
        #: False once it was stopped or erased from elsewhere.
        self.wanted = True
        #: Why it cannot be kept any more.
        self.failure: Exception | None = None
        self._keeping = keeping
        self._pieces: list[str] = []
        self._kept, self._kept_at = 0, time.monotonic()

    async def __aenter__(self) -> Self:
        self._keeping.begin(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._keeping.end(self)
        self.rest = self.guard.finish()
        self._pieces.append(self.rest)
        content = "".join(self._pieces)
        if kind is None and self.wanted and self.guard.stopped is None:
            status = Status.COMPLETE
        else:
            failed = isinstance(error, ModelUnavailable) and not content
            status = Status.FAILED if failed else Status.STOPPED
        kept = await asyncio.to_thread(
            self.person.finish_message, self.reply.id, content, status, self.reply.created_at
        )
        self.reply = self.reply.model_copy(update={"content": content, "status": kept or Status.STOPPED})

    def add(self, piece: str) -> None:
        """Another piece, which is about to be shown.

        Raises:
            capsa.CapsaError: those before it could not be kept.
        """
        if self.failure is not None:
            raise self.failure
        self._pieces.append(piece)

    @property
    def is_due(self) -> bool:
        """Whether there is something to keep: words, or that somebody gives it."""
        if not self.wanted or self.failure is not None:
            return False
        return len(self._pieces) > self._kept or time.monotonic() - self._kept_at >= _SIGN

    def take(self) -> str:
        """What has come so far, which is about to be kept."""
        self._kept, self._kept_at = len(self._pieces), time.monotonic()
        return "".join(self._pieces)
