"""The server's own log of requests gets no words of anybody."""

from __future__ import annotations

import logging

import pytest

from stoic_emperor.web.logs import keep_queries_out


def test_what_was_searched_for_is_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("uvicorn.access")
    before = list(logger.filters)
    try:
        keep_queries_out()
        with caplog.at_level(logging.INFO, "uvicorn.access"):
            logger.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:9", "GET", "/history?q=my+divorce", "1.1", 200)
            logger.info("a line of another kind")
    finally:
        logger.filters = before
    assert '"GET /history HTTP/1.1" 200' in caplog.text
    assert "divorce" not in caplog.text
    assert "another kind" in caplog.text
