"""What the pages show, on either database."""

from __future__ import annotations

import datetime as dt
from urllib.parse import quote

import pytest

from afterimage.entries import StorageEntry
from afterimage.testing_pages import Visitor, links

EVERY = ("overview", "search", "search?q=distance", "sessions", "files")


@pytest.mark.parametrize("page", EVERY)
def test_an_empty_memory_has_all_pages(visitor: Visitor, page: str) -> None:
    assert "<h1>" in visitor.text(page)


def test_the_overview_counts_and_draws(visitor: Visitor, ids: list[str]) -> None:
    page = visitor.text("overview")
    assert f"<dd>{len(ids)}</dd>" in page
    assert page.count('class="bar"') > 20
    assert 'role="img" aria-label="' in page
    assert "fieldnotes" in page
    assert links(page, "session")


def test_the_timeline_goes_back(visitor: Visitor) -> None:
    old = dt.datetime.now(dt.UTC) - dt.timedelta(days=300)
    visitor.backend.store("/p/a.py", "old = 1", timestamp=old)
    visitor.backend.store("/p/a.py", "new = 1")
    page = visitor.text("overview")
    for _ in range(3):
        assert "1 entry on 1 day" in page or "Nothing was written" in page
        page = visitor.text(next(link for link in links(page, "overview") if "until" in link))
    assert f"{old:%a %d %b %Y}: 1" in page
    assert "Earlier" not in page


def test_a_search_says_why_when_and_where(visitor: Visitor, ids: list[str]) -> None:
    page = visitor.text("search?q=parse_sighting")
    assert "literal match" in page
    assert "sightings.py" in page
    assert "STALE" in page
    assert "an older version: <a" in visitor.text("search?q=hypot")


def test_of_two_versions_the_newer_comes_first_and_the_older_is_called_that(visitor: Visitor) -> None:
    now = dt.datetime.now(dt.UTC)
    body = "\n".join(f"    lantern_step_{n}(wick, lantern, lantern_oil)" for n in range(9))
    changed = "\n".join(f"    burn_{n}(wick)" for n in range(9))
    older = f"def light_lantern(wick):\n    # lantern lantern lantern\n{body}\n"
    newer = f"def light_lantern(wick):\n{changed}\n"
    for days, code in ((9, older), (2, newer)):
        visitor.backend.store("/p/lantern.py", code, timestamp=now - dt.timedelta(days=days))
    page = visitor.text("search?q=light_lantern+lantern+oil")
    assert 0 < page.index("burn_0") < page.index("lantern_step_0")
    assert page.count("an older version: <a") == 1


def test_an_edit_of_one_function_does_not_come_before_the_file_that_was_asked_for(visitor: Visitor) -> None:
    now = dt.datetime.now(dt.UTC)
    file = "class Lantern:\n    oil = 1\n\n\ndef snuff(lantern):\n    lantern.oil = 0\n"
    edit = "def snuff(lamp):\n    lamp.wick = 0\n    return lamp.oil\n"
    visitor.backend.store("/p/lantern.py", file, timestamp=now - dt.timedelta(days=9))
    visitor.backend.store("/p/lantern.py", edit, timestamp=now - dt.timedelta(days=2))
    page = visitor.text("search?q=class+Lantern+oil")
    assert 0 < page.index("class Lantern:") < page.index("lamp.wick")
    assert page.count("an older version: <a") == 1


def test_a_search_looks_only_where_it_is_told(visitor: Visitor, ids: list[str]) -> None:
    everything = set(links(visitor.text("search?q=sighting&more=1"), "entry"))
    session = next(e.session_id for e in visitor.backend.iterate() if "class Sighting" in e.new_code)
    lately = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=3)
    for narrower in (f"session={session}", "path=distance", f"since={lately}", "until=2020-01-01", "project=none"):
        some = set(links(visitor.text(f"search?q=sighting&more=1&{narrower}"), "entry"))
        assert some != everything, narrower
    assert links(visitor.text("search?path=tally"), "entry")
    assert not links(visitor.text("search?until=2020-01-01"), "entry")


def test_nonsense_in_an_address_is_no_error(visitor: Visitor, ids: list[str]) -> None:
    for page in (
        *("search?since=yesterday&until=%00", "sessions?behind=x.y", "files?behind=99999999999999999999999.1"),
        *("overview?until=0001-01-01", f"entry?id={ids[0]}&line=%C2%B2", "files?path=%25_%21", "search?q=%FF%00"),
        f"file?entry={ids[0]}&unit=99",
    ):
        assert visitor.get(page).status_code == 200, page
    for page in (
        "entry?id=nobody",
        "entry",
        "compare?a=x&b=y",
        "file?entry=",
        "session",
        "receipt?number=1",
        "nothing",
    ):
        assert visitor.get(page).status_code == 404, page


def test_an_entry_shows_what_it_replaced(visitor: Visitor, ids: list[str]) -> None:
    id_ = next(e.id for e in visitor.backend.iterate() if "no such place" in e.new_code)
    page = visitor.text(f"entry?id={id_}")
    assert "+5 −2" in page
    assert "<ins>" in page
    assert "this one" in page
    assert visitor.get(links(page, "compare")[0]).status_code == 200


def test_versions_of_a_file_and_of_a_function_are_compared(visitor: Visitor) -> None:
    at = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
    for n in range(4):
        code = f"def same():\n    return 1\n\n\ndef other():\n    return {n // 2}\n"
        visitor.backend.store_many([StorageEntry(f"v{n}", "/p/a.py", code, timestamp=f"{at + dt.timedelta(hours=n)}")])
    page = visitor.text("file?entry=v0")
    assert [page.count(f'name="{name}"') for name in "ab"] == [4, 4]
    units = [link for link in links(visitor.text("entry?id=v0"), "file") if "unit" in link]
    assert len(units) == 2
    same, other = (visitor.text(link) for link in units)
    assert "v0" in same
    assert 'value="v3"' not in same
    assert ('value="v2"' in other, 'value="v3"' in other) == (True, False), "where it changed"
    difference = visitor.text("compare?a=v0&b=v3&of=v0&unit=1")
    assert "−1" in difference
    assert "same" not in difference.split("What became of it</h2>")[-1].split('class="code"')[1]
    assert "Both are the same" in visitor.text("compare?a=v0&b=v1")
    assert visitor.text("compare?a=v3&b=v0") == visitor.text("compare?a=v0&b=v3"), "the older first"


@pytest.mark.parametrize("kind", ["sessions", "files", "session", "file"])
def test_lists_give_each_item_once_page_by_page(visitor: Visitor, kind: str) -> None:
    at = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
    many = kind in {"sessions", "files"}
    visitor.backend.store_many(
        [
            # Several at one time: pages must not lose or repeat what stands at their borders.
            StorageEntry(f"e{n}", f"/p/{n if many else 0}.py", "x", timestamp=f"{at + dt.timedelta(hours=n // 7)}",
                         session_id=f"s{n if many else 0}")
            for n in range(130)
        ]
    )  # fmt: skip
    item = {"sessions": "session", "files": "file"}.get(kind, "entry")
    address, found, pages = kind if many else f"{kind}?entry=e0", [], 0
    while address:
        page = visitor.text(address)
        pages += 1
        found += [link for link in links(page, item) if "behind" not in link]
        address = next((link for link in links(page, kind) if "behind" in link), "")
    assert len(set(found)) == len(found) == 130
    assert pages > 2


def test_secrets_are_shown_nowhere(visitor: Visitor) -> None:
    key = "AKIAIOSFODNN7" + "ABCDEFQ"
    entry = StorageEntry(
        "e1", f"/p/{key}.py", f"key = '{key}'\n", f"key = '{key}'", f"asked for {key}", session_id="s",
        metadata={"project": "p", "project_name": key, "branch": key, "commit": key},
    )  # fmt: skip
    visitor.backend.store_many([entry])
    for page in (*EVERY, f"search?q={quote('key')}", "entry?id=e1", "file?entry=e1", "session?entry=e1",
                 "compare?a=e1&b=e1", "forget?kind=file&entry=e1"):  # fmt: skip
        assert key not in visitor.text(page), page


HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'-alert(1)-'", "{{ 31337 * 31337 }}{% raw %}",
    "</table></main>", "\x1b]0;x\x07", "\u202egnp.exe", "\x00", "\ud800", "&lt;b&gt;", "javascript:alert(1)",
    "a b/../c?d#e&f=g%00",
)  # fmt: skip


def test_whatever_was_stored_is_shown_as_text(visitor: Visitor) -> None:
    for text in HOSTILE:
        ids = [f"one {text}", f"two {text}"]
        visitor.backend.store_many(
            [
                StorageEntry(
                    id_, f"/p/{text}", f"def f():\n    {text}{n}\n", f"o {text}", f"c {text}", session_id=f"s {text}",
                    metadata=dict.fromkeys(("project", "project_name", "branch", "tool", "commit", "change"), text),
                )
                for n, id_ in enumerate(ids)
            ]
        )  # fmt: skip
    for text in HOSTILE:
        one, two, query = (quote(x, errors="surrogatepass") for x in (f"one {text}", f"two {text}", text))
        for page in (
            *(*EVERY, f"search?q={query}", f"entry?id={one}", f"file?entry={one}", f"session?entry={one}"),
            *(
                f"compare?a={one}&b={two}",
                f"forget?kind=session&entry={one}",
                f"search?session=s%20{query}&path=%22%3E<q>",
            ),
        ):
            shown = visitor.text(page)
            for tag in (
                "<script",
                "<img src=x",
                "<b>",
                "<q>",
                str(31337 * 31337),
                "</table></main>",
                'href="javascript:',
            ):
                assert tag not in shown, (page, tag)
            assert not {"\x1b", "\u202e", "\x00"} & set(shown), page


def test_what_goes_wrong_in_the_database_is_said(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    from capsa import DatabaseUnavailable

    def gone(*_: object) -> None:
        raise DatabaseUnavailable("the server is gone: start it again")

    monkeypatch.setattr(type(visitor.backend), "stats", gone)
    visitor.client._transport.raise_server_exceptions = False
    answer = visitor.get("overview")
    assert answer.status_code == 503
    assert "the server is gone: start it again" in answer.text


def test_a_defect_is_said_by_its_place_and_not_by_what_was_in_it(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("the code of somebody")

    monkeypatch.setattr(type(visitor.backend), "stats", broken)
    visitor.client._transport.raise_server_exceptions = False
    answer = visitor.get("overview")
    said = capsys.readouterr().err
    assert answer.status_code == 503
    assert "KeyError at test_pages.py" in answer.text
    assert "KeyError at test_pages.py" in said
    assert "somebody" not in answer.text + said
