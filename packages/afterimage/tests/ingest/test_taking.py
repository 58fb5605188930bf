"""Transcripts are taken in: every change that succeeded, once, as the hook would have noted it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from afterimage.authors import author_of
from afterimage.config import load_config
from afterimage.entries import StorageEntry
from afterimage.hook import marker
from afterimage.ingest import Ingested, take_in
from afterimage.ingest.places import Place
from afterimage.storage import SQLiteBackend, StorageBackend
from afterimage.testing_hooks import CODE, Hooks
from afterimage.testing_transcripts import Claude, Codex, Transcript, use


def ingest(store: StorageBackend, folder: Path, *, live: bool = False, again: bool = False) -> Ingested:
    return take_in(store, folder / "state", [Place(folder, "x", live=live)], again=again)


def written(store: StorageBackend) -> list[tuple[str, str, str]]:
    return sorted((entry.file_path, entry.metadata["change"], entry.new_code) for entry in store.iterate())


@pytest.fixture(params=["claude", "codex"])
def transcript(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_a_change_comes_with_where_and_when(store: SQLiteBackend, transcript: Any, tmp_path: Path) -> None:
    transcript.write("t1")
    transcript.answer("t1")
    assert ingest(store, tmp_path).stored == 1
    (entry,) = store.iterate()
    assert entry.file_path == "/p/a.py"
    assert entry.new_code.rstrip() == CODE.rstrip()
    assert entry.session_id == "s1"
    assert entry.timestamp.startswith("2026-01-05T10:00:0")
    facts = {key: entry.metadata.get(key) for key in ("client", "tool_use_id", "branch", "outcome", "commit")}
    assert facts == {
        "client": transcript.client, "tool_use_id": "t1", "branch": "main", "outcome": "ok", "commit": None,
    }  # fmt: skip


def test_every_call_of_a_message_counts(store: SQLiteBackend, claude: Claude, tmp_path: Path) -> None:
    edits = [{"old_string": "a", "new_string": "b"}, {"old_string": "c", "new_string": ""}]
    claude.say(
        {"type": "text", "text": "Both."},
        use("t1", "Write", {"file_path": "/p/a.py", "content": "x"}),
        use("t2", "MultiEdit", {"file_path": "/p/b.py", "edits": edits}),
        use("t3", "Bash", {"command": "ls"}),
        use("t4", "NotebookEdit", {"notebook_path": "/p/c.ipynb", "new_source": "y"}),
    )
    for call in ("t1", "t2", "t3", "t4"):
        claude.answer(call)
    ingest(store, tmp_path)
    assert written(store) == [
        ("/p/a.py", "write", "x"),
        ("/p/b.py", "edit", ""),
        ("/p/b.py", "edit", "b"),
        ("/p/c.ipynb", "edit", "y"),
    ]


def test_a_call_that_failed_is_left_out(store: SQLiteBackend, transcript: Any, tmp_path: Path) -> None:
    transcript.write("t1")
    transcript.write("t2")
    transcript.answer("t2", failed=True)
    transcript.answer("t1")
    done = ingest(store, tmp_path)
    assert (done.stored, done.failed) == (1, 1)
    assert [entry.metadata["tool_use_id"] for entry in store.iterate()] == ["t1"]


@pytest.mark.parametrize(
    "failure",
    [
        ("event_msg", {"type": "patch_apply_end", "call_id": "t1", "success": False}),
        ("event_msg", {"type": "exec_command_end", "call_id": "t1", "exit_code": 1}),
        ("response_item", {"type": "function_call_output", "call_id": "t1", "output": "Exit code: 1\nno"}),
        (
            "response_item",
            {
                "type": "function_call_output",
                "call_id": "t1",
                "output": "Wall time: 0.1\nProcess exited with code 2\nOutput:\n",
            },
        ),
        (
            "response_item",
            {
                "type": "custom_tool_call_output",
                "call_id": "t1",
                "output": [{"text": "apply_patch verification failed"}],
            },
        ),
    ],
)
def test_codex_says_in_many_ways_that_a_call_failed(
    store: SQLiteBackend, codex: Codex, tmp_path: Path, failure: tuple[str, dict[str, Any]]
) -> None:
    codex.write("t1")
    codex.item(*failure)
    codex.answer("t1")
    assert ingest(store, tmp_path).failed == 1
    assert written(store) == []


def test_patches_come_by_the_shell_too(store: SQLiteBackend, codex: Codex, tmp_path: Path) -> None:
    patch = "*** Begin Patch\n*** Add File: {}\n+x = 1\n*** End Patch"
    for name, arguments in (
        ("shell", {"command": ["apply_patch", patch.format("one.py")]}),
        ("shell", {"command": ["bash", "-lc", f"apply_patch <<'E'\n{patch.format('two.py')}\nE"], "workdir": "/p/sub"}),
        ("exec_command", {"cmd": f"cd sub && apply_patch <<'E'\n{patch.format('three.py')}\nE"}),
        ("apply_patch", {"input": patch.format("four.py")}),
        ("exec_command", {"cmd": "ls"}),
    ):
        codex.item("response_item", {"type": "function_call", "name": name, "arguments": json.dumps(arguments)})
    action = {"type": "exec", "command": ["apply_patch", patch.format("five.py")]}
    codex.item("response_item", {"type": "local_shell_call", "call_id": "t9", "action": action})
    ingest(store, tmp_path)
    assert sorted(entry.file_path for entry in store.iterate()) == [
        "/p/five.py", "/p/four.py", "/p/one.py", "/p/sub/three.py", "/p/sub/two.py",
    ]  # fmt: skip


def test_a_second_run_reads_what_came_since(store: SQLiteBackend, transcript: Any, tmp_path: Path) -> None:
    transcript.write("t1")
    transcript.answer("t1")
    assert ingest(store, tmp_path).stored == 1
    assert ingest(store, tmp_path).read == 0
    transcript.write("t2", path="b.py")
    transcript.answer("t2")
    done = ingest(store, tmp_path)
    assert (done.read, done.stored, done.known) == (1, 1, 0)
    assert min(entry.file_path for entry in store.iterate()) == "/p/a.py"
    again = ingest(store, tmp_path, again=True)
    assert (again.stored, again.known) == (0, 2)
    assert (tmp_path / "state/hook-state/ingest.json").stat().st_mode & 0o777 == 0o600


def test_another_memory_begins_at_the_beginning(store: SQLiteBackend, claude: Claude, tmp_path: Path) -> None:
    claude.write("t1")
    ingest(store, tmp_path)
    with SQLiteBackend(tmp_path / "other.db", embedder=lambda: None) as other:
        assert ingest(other, tmp_path).stored == 1


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"version": 1, "memory": "x", "files": {"a": 1}}'])
def test_cursors_that_are_damaged_cost_time_only(
    store: SQLiteBackend, claude: Claude, tmp_path: Path, damage: str
) -> None:
    claude.write("t1")
    ingest(store, tmp_path)
    (tmp_path / "state/hook-state/ingest.json").write_text(damage)
    assert ingest(store, tmp_path).known == 1


@pytest.mark.parametrize("length", [1, 5_000])
def test_a_file_that_was_written_anew_is_read_anew(
    store: SQLiteBackend, claude: Claude, tmp_path: Path, length: int
) -> None:
    claude.write("t1", content="x" * 500)
    claude.answer("t1")
    ingest(store, tmp_path)
    claude.path.unlink()
    claude.write("t2", cwd="/elsewhere", content="y" * length)
    claude.answer("t2")
    assert ingest(store, tmp_path).stored == 1


def test_half_a_line_waits_for_the_other_half(store: SQLiteBackend, claude: Claude, tmp_path: Path) -> None:
    claude.write("t1")
    claude.write("t2", path="/p/b.py")
    whole = claude.path.read_bytes()
    claude.path.write_bytes(whole[:-40])
    done = ingest(store, tmp_path)
    assert (done.stored, done.unreadable) == (1, 0)
    claude.path.write_bytes(whole)
    assert ingest(store, tmp_path).stored == 1


def test_while_a_session_runs_a_call_waits_for_its_answer(
    store: SQLiteBackend, transcript: Any, tmp_path: Path
) -> None:
    transcript.write("t1")
    done = ingest(store, tmp_path, live=True)
    assert (done.stored, done.waiting) == (0, 1)
    transcript.answer("t1", failed=True)
    assert ingest(store, tmp_path, live=True).failed == 1
    transcript.write("t2")
    transcript.answer("t2")
    assert ingest(store, tmp_path, live=True).stored == 1


def test_nobody_answers_in_a_session_that_is_over(store: SQLiteBackend, transcript: Any, tmp_path: Path) -> None:
    transcript.write("t1")
    assert ingest(store, tmp_path, live=True).waiting == 1
    os.utime(transcript.path, (1_700_000_000, 1_700_000_000))
    assert ingest(store, tmp_path, live=True).stored == 1
    (entry,) = store.iterate()
    assert "outcome" not in entry.metadata
    transcript.answer("t1", failed=True)
    ingest(store, tmp_path, live=True)
    assert written(store) == [], "an answer after all"


def test_what_the_hook_knows_to_have_succeeded_stays(store: SQLiteBackend, claude: Claude, tmp_path: Path) -> None:
    claude.write("t1")
    claude.answer("t1")
    ingest(store, tmp_path)
    claude.answer("t1", failed=True)
    ingest(store, tmp_path, again=True)
    assert len(written(store)) == 1


def test_sidechains_and_summaries_are_left_out(store: SQLiteBackend, claude: Claude, tmp_path: Path) -> None:
    claude.line({"type": "summary", "summary": "Write a.py", "leafUuid": "1"})
    claude.write("t1", isSidechain=True)
    beside = Claude(claude.path.with_suffix("") / "subagents" / "agent-1.jsonl")
    beside.write("t2")
    agent = Codex(tmp_path / "sessions" / "rollout-agent.jsonl")
    agent.head("s2", source={"subagent": "review"})
    agent.write("t3")
    agent.item("compacted", {"message": "…", "replacement_history": [{"type": "custom_tool_call", "input": "…"}]})
    ingest(store, tmp_path)
    assert written(store) == []


def test_no_injection_no_secret_and_nothing_private_is_stored(
    store: SQLiteBackend, transcript: Any, tmp_path: Path
) -> None:
    secret = "AKIA" + "QYLPMN5HHHFPZAM2"
    code = f"{marker.wrap('recalled')}\nkey = '{secret}'\n# <private>mine</private>\nkept = 1\n"
    transcript.write("t1", content=code)
    ingest(store, tmp_path)
    (entry,) = store.iterate()
    assert "kept = 1" in entry.new_code
    assert "[redacted: aws-access-token]" in entry.new_code
    for gone in (secret, "recalled", "mine", marker.NAME):
        assert gone not in entry.new_code


def test_files_that_are_not_remembered_are_not(store: SQLiteBackend, claude: Claude, tmp_path: Path) -> None:
    claude.write("t1", path="/p/node_modules/a.js")
    claude.write("t2", path="/p/README.md")
    done = ingest(store, tmp_path)
    assert (done.stored, done.ignored) == (0, 2)


def test_of_a_patch_the_files_that_are_remembered_are(store: SQLiteBackend, codex: Codex, tmp_path: Path) -> None:
    patch = "*** Begin Patch\n*** Add File: README.md\n+x\n*** Add File: a.py\n+y\n*** End Patch"
    codex.item("response_item", {"type": "custom_tool_call", "name": "apply_patch", "input": patch})
    ingest(store, tmp_path)
    assert written(store) == [("/p/a.py", "write", "y")]


def test_a_session_that_began_as_a_copy_brings_only_what_is_its_own(
    store: SQLiteBackend, codex: Codex, claude: Claude, tmp_path: Path
) -> None:
    codex.write("t1")
    fork = Codex(codex.path.with_name("rollout-2026-01-06T10-00-00-s2.jsonl"))
    fork.head("s2", forked_from_id="s1")
    fork.head("s1")
    fork.write("t1")
    fork.write("t2", path="b.py")
    claude.write("t1")
    claude.path.with_name("2.jsonl").touch()
    branch = Claude(claude.path.with_name("2.jsonl"))
    branch.write("t1", sessionId="s2", forkedFrom={"sessionId": "s1", "messageUuid": "1"})
    ingest(store, tmp_path)
    found = sorted((e.metadata["client"], e.session_id, e.file_path) for e in store.iterate())
    assert found == [("claude-code", "s1", "/p/a.py"), ("codex", "s1", "/p/a.py"), ("codex", "s2", "/p/b.py")]


def test_a_project_whose_folder_is_gone_is_known_by_its_remote(
    store: SQLiteBackend, tmp_path: Path, hooks: Hooks
) -> None:
    git = hooks.project / ".git"
    git.mkdir()
    (git / "config").write_text('[remote "origin"]\n\turl = git@example.org:me/clock.git\n')
    remote = {"branch": "b", "commit_hash": "c" * 40, "repository_url": "https://example.org/me/clock"}
    for number, folder in enumerate((str(hooks.project), "/gone")):
        one = Codex(tmp_path / "sessions" / f"rollout-{number}.jsonl")
        one.head(f"s{number}", cwd=folder, git=remote)
        one.write("t1")
    ingest(store, tmp_path)
    assert len({entry.metadata["project"] for entry in store.iterate()}) == 1
    assert {entry.metadata["project_name"] for entry in store.iterate()} == {"clock"}
    assert {entry.metadata["commit"] for entry in store.iterate()} == {"c" * 40}


def test_what_makes_no_sense_is_passed_by(store: SQLiteBackend, transcript: Any, tmp_path: Path) -> None:
    for odd in ("{", "[]", "null", '"', "", "[" * 5_000, '{"type": 1}', '{"type": "assistant", "message": 3}'):
        transcript.line(odd)
    transcript.line({"type": "response_item", "payload": {"type": "function_call", "arguments": "[[", "name": 3}})
    transcript.line({"type": "assistant", "sessionId": "s1", "message": {"content": [3, {"type": "tool_use"}]}})
    transcript.line({"type": "never-heard-of", "payload": {"type": "x"}, "sessionId": "s1"})
    transcript.write("t1")
    (transcript.path.parent / "other.jsonl").write_text('{"a": 1}\n')
    done = ingest(store, tmp_path)
    assert (done.stored, done.unreadable, done.foreign) == (1, 5, 1)


def test_a_session_with_a_monstrous_name_is_not_stored(store: SQLiteBackend, claude: Claude, tmp_path: Path) -> None:
    claude.write("t1", sessionId="x" * 600)
    claude.write("t2")
    done = ingest(store, tmp_path)
    assert (done.stored, done.unreadable) == (1, 1)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "payload", "message", "content", "input", "name", "id", "call_id", "cwd", "sessionId", "git",
                 "timestamp", "forkedFrom", "is_error", "output", "arguments", "action", "source", "file_path"]
            )
            | st.text(max_size=4),
            inner | st.sampled_from(["assistant", "tool_use", "tool_result", "Write", "response_item", "session_meta",
                                     "function_call", "local_shell_call", "event_msg", "exec_command_end"]),
            max_size=6,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(_JSON, max_size=6))
def test_no_line_stops_a_run(tmp_path: Path, store: SQLiteBackend, lines: list[Any]) -> None:
    from afterimage.ingest.cursors import Cursor
    from afterimage.ingest.reading import read_transcript

    for opening in ('{"type": "user", "sessionId": "s"}', '{"type": "session_meta", "payload": {"id": "s"}}'):
        path = tmp_path / "any.jsonl"
        path.write_text("\n".join([opening, *map(json.dumps, lines)]))
        assert read_transcript(path, Cursor(), live=False) is not None


def ids(entries: list[StorageEntry]) -> dict[str, tuple[str, str | None, Any]]:
    return {entry.id: (entry.new_code, entry.old_code, dict(entry.metadata)) for entry in entries}


def test_hook_and_transcript_of_one_session_make_the_same_entries(hooks: Hooks, tmp_path: Path) -> None:
    project = str(hooks.project)
    (hooks.project / ".git").mkdir()
    (hooks.project / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    edits = [{"old_string": "a", "new_string": "b"}, {"old_string": "c", "new_string": "d"}]
    key = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
    calls: list[tuple[str, dict[str, Any]]] = [
        ("Write", {"file_path": f"{project}/a.py", "content": f"{CODE}# {key}\n"}),
        ("Edit", {"file_path": f"{project}/a.py", "old_string": "x", "new_string": "y"}),
        ("MultiEdit", {"file_path": f"{project}/b.py", "edits": edits}),
        ("NotebookEdit", {"notebook_path": f"{project}/c.ipynb", "new_source": "z"}),
    ]
    claude = Claude(tmp_path / "claude.jsonl")
    for number, (tool, given_) in enumerate(calls):
        hooks.write(tool_name=tool, tool_input=given_, call=f"t{number}")
        claude.say(use(f"t{number}", tool, given_), cwd=project)
        claude.answer(f"t{number}")
    patch = (
        "*** Begin Patch\n*** Add File: n.py\n+n\n*** Update File: o.py\n*** Move to: m.py\n@@\n-1\n+2\n*** End Patch"
    )
    codex = Codex(tmp_path / "codex.jsonl")
    codex.head(cwd=project)
    shell = f"apply_patch <<'E'\n{patch.replace('n.py', 'q.py')}\nE"
    for call, tool, text in (("c1", "apply_patch", patch), ("c2", "Bash", shell), ("", "apply_patch", patch)):
        event = hooks.event("PostToolUse", tool_name=tool, tool_input={"command": text}, call=call)
        hooks.call(event, "codex")
        shown = {"type": "custom_tool_call", "name": tool, "call_id": call, "input": text}
        if tool == "Bash":
            shown = {"type": "function_call", "name": "shell_command", "call_id": call}
            shown["arguments"] = json.dumps({"command": text})
        codex.item("response_item", shown)
        if call:
            codex.answer(call)
    _set_times_to_those_of_the_hook(codex, hooks)
    hooks.sync()
    with hooks.memory() as memory:
        noted = ids(list(memory.iterate()))
    assert len(noted) == 5 + 3 * 3
    author = author_of(load_config())
    with SQLiteBackend(tmp_path / "other.db", embedder=lambda: None, author=lambda: author) as other:
        take_in(other, tmp_path / "state", [Place(tmp_path, "x")])
        told = ids(list(other.iterate()))
    assert told.keys() == noted.keys()
    for id_, (new, old, metadata) in told.items():
        # A call without an answer, and what the transcript does not say of the checkout.
        del noted[id_][2]["outcome"]
        metadata.pop("outcome", None)
        assert (new, old, metadata) == noted[id_]
    with hooks.memory() as memory:
        assert take_in(memory, tmp_path / "state", [Place(tmp_path, "x")]).stored == 0, "nothing twice"


def _set_times_to_those_of_the_hook(transcript: Transcript, hooks: Hooks) -> None:
    import datetime as dt

    at = max(json.loads(path.read_text())["at"] for path in hooks.spooled())
    spelled = dt.datetime.fromtimestamp(at / 1e6, dt.UTC).isoformat()
    lines = [{**json.loads(line), "timestamp": spelled} for line in transcript.path.read_text().splitlines()]
    transcript.path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_the_sample_transcripts(store: SQLiteBackend, data: Path, tmp_path: Path) -> None:
    places = [Place(data / f"transcript_{client}.jsonl", "x") for client in ("claude", "codex")]
    done = take_in(store, tmp_path, places)
    assert (done.failed, done.unreadable, done.foreign) == (1, 0, 0)
    assert written(store) == [
        ("/p/a.py", "edit", ""),
        ("/p/a.py", "edit", "aa"),
        ("/p/a.py", "write", "def a():\n    return 1\n"),
        ("/p/c.py", "write", "def c():\n    return 3\n"),
        ("/p/new.py", "write", "def n():\n    return 1"),
        ("/p/old.py", "delete", ""),
        ("/p/renamed.py", "edit", "--y"),
        ("/p/renamed.py", "edit", "x = 2"),
        ("/p/renamed.py", "move", ""),
        ("/p/viashell.py", "write", "z=1"),
    ]
