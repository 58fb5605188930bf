"""One connection to a server on this machine, with as little work of its own as possible."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, and its process."""

    port: int
    process: int

    def cpu(self) -> float:
        """Seconds of processor time that it has had."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Line:
    """One connection, which stays open."""

    def __init__(self, port: int, headers: Mapping[str, str] | None = None) -> None:
        """Nothing is opened yet; ``headers`` go with each request."""
        self._port = port
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def _send(self, method: str, path: str, body: bytes = b"") -> bytes:
        kind = "Content-Type: application/json\r\n" if body else ""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{self._headers}{kind}Content-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        return await self._reader.readuntil(b"\r\n\r\n")

    async def get(self, path: str) -> bytes:
        """An answer, whole."""
        head = await self._send("GET", path)
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return await self._reader.readexactly(length)

    async def post_stream(self, path: str, body: object) -> AsyncIterator[tuple[float, bytes]]:
        """When each part came, and the part."""
        head = await self._send("POST", path, json.dumps(body).encode())
        assert head.startswith(b"HTTP/1.1 200"), head
        while size := int(await self._reader.readline(), 16):
            part = await self._reader.readexactly(size + 2)
            yield time.perf_counter(), part
