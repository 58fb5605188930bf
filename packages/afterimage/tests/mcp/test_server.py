"""The server, asked by clients of the older and the newer protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp_types import ListRootsResult, Root, TextContent, TextResourceContents
from pydantic import FileUrl

from afterimage.hook import marker
from afterimage.hook.project import project_of
from afterimage.mcp.mistakes import EXAMPLES
from afterimage.mcp.server import make_server
from afterimage.storage import PostgreSQLBackend, SQLiteBackend, StorageBackend
from afterimage.testing_hooks import CODE

ERAS = pytest.mark.parametrize("era", ["legacy", "2026-07-28"])


class Asking:
    """A client that works in a project."""

    def __init__(self, backend: StorageBackend, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        monkeypatch.chdir(self.project)
        monkeypatch.delenv("CLAUDE_PROJECT_DIR", raising=False)
        self.backend = backend
        self.server = make_server(backend, folder / "afterimage")

    def run(self, talk: Callable[[Client], Awaitable[Any]], era: str = "2026-07-28", **options: Any) -> Any:
        async def talking() -> Any:
            async with Client(self.server, mode=era, **options) as client:
                return await talk(client)

        return asyncio.run(talking())

    def call(self, tool: str, era: str = "2026-07-28", *, error: bool = False, **arguments: Any) -> str:
        result = self.run(lambda client: client.call_tool(tool, arguments), era)
        (content,) = result.content
        assert isinstance(content, TextContent)
        assert (result.is_error, result.structured_content) == (error, None), content.text
        assert len(content.text) <= 10_000
        return content.text

    def schema(self, tool: str) -> dict[str, Any]:
        tools = self.run(lambda client: client.list_tools()).tools
        return next(one.input_schema for one in tools if one.name == tool)

    def store(self, name: str = "durations.py", code: str = CODE, project: Path | None = None) -> str:
        root = project or self.project
        return self.backend.store(str(root / name), code)


@pytest.fixture
def asking(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asking:
    return Asking(SQLiteBackend(tmp_path / "memory.db", embedder=lambda: None), tmp_path, monkeypatch)


@ERAS
def test_there_are_six_tools_the_same_every_time(asking: Asking, era: str) -> None:
    first, second = (asking.run(lambda client: client.list_tools(), era).tools for _ in range(2))
    assert [tool.name for tool in first] == ["search", "similar", "show", "recent", "remember", "forget"]
    assert first == second
    assert all(len(tool.description or "") < 80 for tool in first)
    assert sum(len(tool.model_dump_json(exclude_none=True)) for tool in first) < 4_500
    assert [tool.name for tool in first if not tool.annotations.read_only_hint] == ["remember", "forget"]


@ERAS
def test_each_tool_does_its_work(asking: Asking, era: str) -> None:
    id_ = asking.store()
    for text in (
        asking.call("search", era, query="parse_duration"),
        asking.call("similar", era, code=CODE),
        asking.call("show", era, id=id_[:8]),
        asking.call("recent", era),
    ):
        assert text.startswith(marker.BEGIN)
        assert text.endswith(marker.END)
        assert id_ in text
        assert "def parse_duration" in text
    note = asking.call("remember", era, text="Durations are seconds.").split()[-1].rstrip(".")
    assert "Durations are seconds." in asking.call("show", era, id=note)
    gone = asking.call("forget", era, ids=[id_, note])
    assert "Forgotten: 2 entries" in gone
    assert "durations.py" in gone
    assert "parse_duration" not in gone, "what it said is not said again"
    assert asking.backend.stats().total_entries == 0
    assert "all_projects=true" in asking.call("recent", era)


@ERAS
def test_what_a_session_was_given_is_not_given_again(asking: Asking, era: str) -> None:
    id_ = asking.store()
    first = asking.call("search", era, query="parse_duration")
    again = asking.call("similar", era, code=CODE)
    assert "total = 0.0" in first
    assert "total = 0.0" not in again
    assert id_ in again
    assert "total = 0.0" in asking.call("show", era, id=id_), "until it is asked for"


@ERAS
def test_an_entry_is_a_resource(asking: Asking, era: str) -> None:
    id_ = asking.store()

    async def read(client: Client) -> Any:
        templates = await client.list_resource_templates()
        assert [one.uri_template for one in templates.resource_templates] == ["afterimage://entry/{id}"]
        with pytest.raises(MCPError, match="no entry has the id") as missing:
            await client.read_resource("afterimage://entry/nobody-s")
        assert missing.value.error.code == -32602
        return await client.read_resource(f"afterimage://entry/{id_}")

    (content,) = asking.run(read, era).contents
    assert isinstance(content, TextResourceContents)
    assert CODE.rstrip() in content.text


def test_other_projects_only_if_asked(asking: Asking, tmp_path: Path) -> None:
    id_ = asking.store(project=tmp_path / "other")
    asked: list[tuple[str, dict[str, Any]]] = [("search", {"query": "parse_duration"}), ("similar", {"code": CODE})]
    for tool, arguments in (*asked, ("recent", {})):
        assert id_ not in asking.call(tool, **arguments)
        assert id_ in asking.call(tool, all_projects=True, **arguments)


@ERAS
def test_an_entry_of_another_project_is_named_only_if_that_is_asked_for(
    asking: Asking, tmp_path: Path, era: str
) -> None:
    id_ = asking.store(project=tmp_path / "other")
    asked: list[tuple[str, dict[str, Any]]] = [
        ("show", {"id": id_}),
        ("show", {"id": id_[:8]}),
        ("remember", {"text": "It is minutes now.", "replaces": id_}),
        ("forget", {"ids": [id_]}),
    ]
    for tool, arguments in asked:
        said = asking.call(tool, era, error=True, **arguments)
        assert "of another project" in said
        assert "all_projects=true" in said
    assert asking.backend.stats().total_entries == 1
    for tool, arguments in asked:
        asking.call(tool, era, all_projects=True, **arguments)
    assert asking.backend.get(id_) is None

    async def read(client: Client) -> None:
        with pytest.raises(MCPError, match="of another project"):
            await client.read_resource(f"afterimage://entry/{asking.store(project=tmp_path / 'other')}")

    asking.run(read, era)


def test_a_note_is_said_to_be_stored_so_that_it_gets_its_vector(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[str] = []
    asking = Asking(SQLiteBackend(tmp_path / "memory.db", embedder=lambda: None), tmp_path, monkeypatch)
    asking.server = make_server(asking.backend, tmp_path, stored=lambda: times.append("stored"))
    asking.call("remember", text="Durations are seconds.")
    asking.call("remember", text="Durations are seconds.")
    assert times == ["stored"]


def test_the_folders_that_an_older_client_names_are_the_project(asking: Asking, tmp_path: Path) -> None:
    other = tmp_path / "ot her"
    other.mkdir()
    id_ = asking.store(project=other)

    async def roots(_: Any) -> ListRootsResult:
        return ListRootsResult(roots=[Root(uri=FileUrl(other.as_uri()))])

    async def refuse(_: Any) -> ListRootsResult:
        raise RuntimeError("not now")

    for answer, found in ((roots, True), (refuse, False)):
        result = asking.run(lambda client: client.call_tool("recent", {}), "legacy", list_roots_callback=answer)
        assert (id_ in result.content[0].text) == found


def test_a_note_belongs_to_the_project(asking: Asking) -> None:
    asking.call("remember", text="Durations are seconds.", path="durations.py")
    (entry,) = asking.backend.iterate()
    assert entry.file_path == str(asking.project / "durations.py")
    assert entry.metadata["project"] == project_of(str(asking.project)).id


def test_a_mistake_is_one_sentence(asking: Asking) -> None:
    assert asking.call("show", error=True, id="nobody").count("\n") == 0
    assert "nothing to remember" in asking.call("remember", error=True, text=" ")


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("search", {}, "`query` is missing"),
        ("search", {"query": 5}, "`query` must be a text"),
        ("search", {"query": ""}, "`query` must not be empty"),
        ("search", {"query": "x" * 5_000}, "`query` must have at most 4000 characters"),
        ("search", {"query": "x", "limit": -1}, "`limit` must be at least 1"),
        ("search", {"query": "x", "limit": 10**30}, "`limit` must be at most 20"),
        ("search", {"query": "x", "limit": 1.5}, "`limit` must be a whole number"),
        ("search", {"query": "x", "limit": "many"}, "`limit` must be a whole number"),
        ("search", {"query": "x", "limit": None}, "`limit` must be a whole number"),
        ("search", {"query": "x", "limit": "9" * 5_000}, "`limit` is too large"),
        ("search", {"query": "x", "all_projects": "perhaps"}, "`all_projects` must be true or false"),
        (
            "search",
            {"query": ["x"], "limit": 0, "path": 5},
            "`query` must be a text; `limit` must be at least 1; `path`",
        ),
        ("similar", {"code": "x" * 100_001}, "`code` must have at most 100000 characters"),
        ("show", {"id": "3f"}, "`id` must have at least 4 characters"),
        ("show", {"id": "3f2a9c1e", "line": 0}, "`line` must be at least 1"),
        ("recent", {"limit": float("nan")}, "`limit` must be a whole number"),
        ("remember", {"text": ""}, "`text` must not be empty"),
        ("forget", {}, "`ids` is missing"),
        ("forget", {"ids": []}, "`ids` must not be empty"),
        ("forget", {"ids": "3f2a9c1e"}, "`ids` must be a list"),
        ("forget", {"ids": ["3f2a9c1e", 7]}, "`ids`[1] must be a text"),
        ("forget", {"ids": ["3f2a9c1e"] * 101}, "`ids` must have at most 100 of them"),
    ],
)
def test_wrong_arguments_are_named_with_a_call_that_is_right(
    asking: Asking, tool: str, arguments: dict[str, Any], said: str
) -> None:
    told = asking.call(tool, error=True, **arguments)
    assert told.startswith(f"{tool} was not called: {said}")
    right = json.loads(told.partition(" For example: ")[2])
    assert set(right) <= set(asking.schema(tool)["properties"])
    assert "http" not in told
    assert told.count("\n") == 0
    assert len(told) < 300, "what was given is not said again"


def test_an_example_is_a_call_that_is_right(asking: Asking) -> None:
    id_ = asking.store()
    for tool, example in EXAMPLES.items():
        arguments = json.loads(example.replace("3f2a9c1e", id_))
        assert "was not called" not in asking.call(tool, **arguments)


def test_a_tool_that_is_not_there_is_answered_with_those_that_are(asking: Asking) -> None:
    said = asking.call("find" * 10_000, error=True)
    assert said == "there is no such tool, but these: search, similar, show, recent, remember, forget"


def test_a_database_that_is_down_is_one_sentence_and_the_server_lives(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://nobody:p%40ss@127.0.0.1:1/none"
    asking = Asking(PostgreSQLBackend(connection_string=url, embedder=lambda: None), tmp_path, monkeypatch)
    for tool, arguments in (("search", {"query": "x"}), ("recent", {}), ("forget", {"ids": ["1234"]})):
        said = asking.call(tool, error=True, **arguments)
        assert said.startswith(f"Error executing tool {tool}: ")
        assert "127.0.0.1" in said
        assert "p@ss" not in said
        assert said.count("\n") == 0
    assert len(asking.run(lambda client: client.list_tools()).tools) == 6
