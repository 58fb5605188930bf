"""How often one address may try to sign in or up: who guesses at many logins is not stopped by the lock of each."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from fastapi import HTTPException, Request

#: So many tries, in so many seconds.
MOST, WITHIN = 30, 600.0
#: Addresses that are remembered; the one that was quiet longest is forgotten first.
_ADDRESSES = 20_000


class Tries:
    """Counts the tries of each address, in this process. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._now = clock
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, request: Request) -> None:
        """Count one more try.

        Raises:
            HTTPException: 429, there were too many.
        """
        wait = self.wait(request.client.host if request.client else "")
        if wait > 0:
            seconds = int(wait) + 1
            raise HTTPException(
                429,
                f"there were too many tries from your network: try again in {-(-seconds // 60)} minutes",
                {"Retry-After": str(seconds)},
            )

    def wait(self, address: str) -> float:
        """Count a try of an address, unless it has to wait; for how many seconds it has to."""
        at = self._now()
        with self._lock:
            tries = self._tries.setdefault(network(address), deque())
            self._tries.move_to_end(network(address))
            while len(self._tries) > _ADDRESSES:
                self._tries.popitem(last=False)
            while tries and at - tries[0] >= WITHIN:
                tries.popleft()
            if len(tries) >= MOST:
                return WITHIN - (at - tries[0])
            tries.append(at)
            return 0.0


def network(address: str) -> str:
    """Whom an address belongs to: of the newer kind, everybody has 2⁶⁴."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
