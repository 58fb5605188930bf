"""The protocol of ``stoic serve``: a connection on which no whole request comes is closed, and one too many, too.

Uvicorn waits for a first one as long as its sender likes, and for the rest of one that has begun, and lets an address
hold as many as it likes. Bodies have a bound of their own (`web.limits`), whatever serves them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from stoic_emperor.web.limits import network

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as Protocol
    from uvicorn.protocols.http.h11_impl import RequestResponseCycle
else:
    Protocol = AutoHTTPProtocol

#: Seconds until the head of a request is there.
PATIENCE = 30.0
#: Connections of one address: a browser holds six at most, and a house may have many browsers.
MOST = 200


class PatientProtocol(Protocol):
    """HTTP, for those who have something to ask."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """As uvicorn makes one for each connection."""
        super().__init__(*arguments, **options)
        self._until: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there."""
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        """They said something."""
        super().data_received(data)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        self._rest()
        super().connection_lost(exc)

    def _look(self) -> None:
        # Nothing, until a first request is there.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._rest()
        elif self._until is None:
            self._until = self.loop.call_later(PATIENCE, self.transport.close)

    def _rest(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None


class CountingProtocol(PatientProtocol):
    """The same, where each client connects itself: behind a proxy, all connections are of the proxy's address."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there, maybe once too often."""
        super().connection_made(transport)
        self.address = network(self.client[0] if self.client else "")
        same = sum(getattr(other, "address", None) == self.address for other in self.connections)
        if same > MOST:
            transport.close()
