"""What the server's log is not told: what stands in an address after the question mark, such as words searched for."""

from __future__ import annotations

import logging

#: uvicorn's, one line a request: (client, method, address, version, status).
_ACCESS = "uvicorn.access"


class WithoutQuery(logging.Filter):
    """Cuts the query off the address of a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every line, without its query."""
        if isinstance(record.args, tuple) and len(record.args) == 5:
            client, method, address, version, status = record.args
            record.args = (client, method, str(address).partition("?")[0], version, status)
        return True


def keep_queries_out() -> None:
    """From now on, of this process's log of requests."""
    logging.getLogger(_ACCESS).addFilter(WithoutQuery())
