"""Whatever stands in a client's settings: it is set up and comes back, or it is refused and nothing changes."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterimage.agents import CLIENTS, apply, plan_setup, plan_uninstall, switched_off
from afterimage.config import load_config
from afterimage.hook_doctor import installed_programs

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, 0, -1.5, "", "afterimage", "it's", [], {}, [[]], [None], {"afterimage": None}, {"a": {}}),
        *({"PreToolUse": None}, {"PreToolUse": {}}, {"PreToolUse": [1, "x", None, {}, {"hooks": 5}, {"command": 3}]}),
        {"afterimage": {"command": 5, "args": "mcp"}},
        {"afterimage": {"url": "http://[::1"}},
        {"afterimage": ["mcp"]},
        {"afterimage@afterimage": "perhaps"},
    ]
)
KEYS = ("hooks", "mcpServers", "enabledPlugins", "extraKnownMarketplaces", "version", "features", "disableAllHooks")
DOCUMENTS = st.dictionaries(st.sampled_from(KEYS), ODD, max_size=4) | ODD


@pytest.mark.parametrize(
    ("client", "plugin"),
    [(CLIENTS[name], plugin) for name, plugin in (("claude-code", False), ("claude-code", True), ("gemini", False))],
)
@settings(max_examples=40, deadline=None)
@given(hooks=DOCUMENTS, servers=DOCUMENTS)
def test_it_is_set_up_and_comes_back_or_is_refused(client: Any, plugin: bool, hooks: Any, servers: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        directory = home / ".afterimage"
        # One file of Gemini CLI is both: the last counts.
        files = dict(zip(client.files(home, {}), (hooks, servers), strict=True))
        before = {}
        for file, document in files.items():
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(document))
            before[file] = file.read_text()

        def planned() -> Any:
            return plan_setup([client], home, {}, directory, plugin=plugin)[0]

        plan = planned()
        assert {file: file.read_text() for file in files} == before
        switched_off(client, home, {}, directory)
        config = load_config(environ={"HOME": folder})
        installed_programs(client, config, {})
        if plan.refused:
            assert plan.refused.startswith(tuple(map(str, files)))
            assert plan.changes == ()
            return
        apply(plan, directory, remember=True)
        assert planned().changes == (), "twice is once"
        assert installed_programs(client, config, {})
        (out,) = plan_uninstall([client], home, {}, directory)
        apply(out, directory, remember=False)
        assert {file: file.read_text() for file in files} == before
