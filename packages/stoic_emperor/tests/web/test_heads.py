"""HEAD answers as GET does, without the body."""

from __future__ import annotations

from pathlib import Path

import pytest

from stoic_emperor.testing.web import browser, configured, web_app


@pytest.mark.parametrize("path", ["/health", "/sign-in", "/api/config", "/api/user", "/nowhere", "/static/app.css"])
def test_head_is_get_without_its_body(tmp_path: Path, home: Path, path: str) -> None:
    with browser(web_app(configured(home, f"sqlite:///{tmp_path}/s.db"))) as client:
        whole, head = client.get(path), client.head(path)
    assert head.status_code == whole.status_code
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert whole.content
    assert head.content == b""
