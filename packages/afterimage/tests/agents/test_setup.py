"""Into the settings of four agents and out again: nothing of others is lost."""

import importlib.util
import json
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from afterimage.agents import switches
from afterimage.cli import main
from afterimage.hook.settings import Settings

PREDECESSOR = {
    "matcher": "Write|Edit",
    "hooks": [{"type": "command", "command": "~/.claude/hooks/afterimage_hook.py /x"}],
}
FILES = {
    ".claude/settings.json": (
        '{\n\t"model": "a",\n\t"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "beep"}]}]}\n}\n'
    ),
    ".claude.json": '{"projects": {"/p": {}}}',
    ".codex/config.toml": 'model = "b" # mine\n\n[mcp_servers.other]\ncommand = "x"',
    ".gemini/settings.json": '{\n  // mine\n  "theme": "dark",\n}\n',
    ".cursor/mcp.json": "{}",
}


@pytest.fixture
def agents(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CONFIG_DIR", "CURSOR_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, content in FILES.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(content)
    return home


def everything(home: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and ".afterimage" not in path.parts
    }


def checked(capsys: pytest.CaptureFixture[str], name: str) -> dict[str, Any]:
    """What doctor says of one thing."""
    main(["doctor", "--json"])
    checks = json.loads(capsys.readouterr().out)["checks"]
    (check,) = [check for check in checks if check["name"].startswith(name)]
    return dict(check)


def looked_at(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """What doctor says, by the name of each check."""
    main(["doctor", "--json"])
    return {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}


def test_out_again_leaves_every_byte_as_it_was(agents: Path) -> None:
    before = everything(agents)
    assert main(["setup"]) == 0
    assert everything(agents) != before
    assert main(["uninstall"]) == 0
    assert everything(agents) == before


def test_our_own_folder_is_for_nobody_else(agents: Path) -> None:
    before = os.umask(0o022)
    try:
        main(["setup"])
    finally:
        os.umask(before)
    assert [oct((agents / name).stat().st_mode & 0o777) for name in (".afterimage", ".afterimage/hook-state")] == [
        "0o700",
        "0o700",
    ]


def test_twice_is_once(agents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["setup"])
    first = everything(agents)
    capsys.readouterr()
    assert main(["setup"]) == 0
    assert everything(agents) == first
    assert "+++" not in capsys.readouterr().out
    main(["uninstall"])
    assert {name: content.decode() for name, content in everything(agents).items()} == FILES


def test_a_dry_run_shows_everything_and_writes_nothing(agents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = everything(agents)
    assert main(["setup", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert everything(agents) == before
    assert not (agents / ".afterimage").exists()
    for name in (".claude/settings.json", ".codex/hooks.json", ".gemini/settings.json", ".cursor/hooks.json"):
        assert f"+++ {agents / name}" in shown


def test_keys_in_a_client_s_settings_are_not_shown(agents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
    (agents / ".claude/settings.json").write_text(json.dumps({"env": {"GITHUB_TOKEN": token}}))
    assert main(["setup", "claude-code"]) == 0
    said = capsys.readouterr()
    assert token not in said.out + said.err
    assert token in (agents / ".claude/settings.json").read_text()


def test_each_client_has_its_own_form_and_unit(agents: Path) -> None:
    main(["setup"])
    claude = json.loads((agents / ".claude/settings.json").read_text())["hooks"]
    handler = claude["PreToolUse"][0]["hooks"][0]
    assert Path(handler["command"]).is_absolute()
    assert handler["args"][:2] == ["-I", "-S"]
    assert (handler["args"][3], handler["timeout"]) == ("claude-code", 5)
    assert claude["Stop"] == [{"hooks": [{"type": "command", "command": "beep"}]}]
    codex = json.loads((agents / ".codex/hooks.json").read_text())["hooks"]
    assert codex["PostToolUse"][0]["hooks"][0]["command"].endswith("run.py codex")
    assert codex["PostToolUse"][0]["hooks"][0]["timeout"] == 5
    toml = tomllib.loads((agents / ".codex/config.toml").read_text())
    assert set(toml["mcp_servers"]) == {"other", "afterimage"}
    gemini = (agents / ".gemini/settings.json").read_text()
    assert '"timeout": 5000' in gemini
    assert "// mine" in gemini
    cursor = json.loads((agents / ".cursor/hooks.json").read_text())
    assert cursor["version"] == 1
    assert cursor["hooks"]["afterFileEdit"][0]["command"].endswith("run.py cursor")


def test_hooks_that_could_only_refuse_are_there_only_if_they_may(agents: Path) -> None:
    main(["setup", "cursor"])
    hooks = agents / ".cursor/hooks.json"
    assert "preToolUse" not in json.loads(hooks.read_text())["hooks"]
    main(["setup", "cursor", "--deny-once"])
    assert "preToolUse" in json.loads(hooks.read_text())["hooks"]
    main(["setup", "cursor"])
    assert "preToolUse" in json.loads(hooks.read_text())["hooks"], "what was chosen stays"
    main(["setup", "cursor", "--no-deny-once"])
    assert "preToolUse" not in json.loads(hooks.read_text())["hooks"]


@pytest.mark.parametrize(
    "content",
    [
        '{"hooks": ',
        "[]",
        '{"hooks": []}',
        '{"hooks": null}',
        '{"hooks": {"AfterTool": {"a": 1}}}',
        '{"hooks": {"AfterTool": null}}',
        '{"mcpServers": null}',
        '{"a": 1, "a": 2}',
        "\xff",
    ],
)
@pytest.mark.parametrize("command", ["setup", "uninstall"])
def test_settings_that_cannot_be_read_are_left_and_the_other_clients_set_up(
    agents: Path, capsys: pytest.CaptureFixture[str], content: str, command: str
) -> None:
    if command == "uninstall":
        main(["setup"])
    file = agents / ".gemini/settings.json"
    file.write_text(content, encoding="latin-1")
    before = everything(agents)
    refused = main([command, "--dry-run"])
    assert everything(agents) == before
    assert main([command]) == refused
    after = everything(agents)
    assert after[".gemini/settings.json"] == before[".gemini/settings.json"]
    for name in (".claude/settings.json", ".codex/config.toml", ".codex/hooks.json", ".cursor/mcp.json"):
        assert after.get(name) != before.get(name), name
    assert refused == 1 or command == "uninstall", "what has nothing of ours may be odd"
    if refused:
        assert f"Gemini CLI is left as it is: {file}: " in capsys.readouterr().err


def test_what_is_wrong_in_settings_is_said(agents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (agents / ".claude/settings.json").write_text('{"hooks": null}')
    assert main(["setup"]) == 1
    said = capsys.readouterr()
    assert "settings.json: hooks is null, not an object" in said.err
    assert "Codex: ready" in said.out
    assert "Claude Code: ready" not in said.out


def test_files_of_one_client_are_written_together_or_not_at_all(
    agents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (agents / ".cursor/mcp.json").unlink()
    (agents / ".cursor/mcp.json").symlink_to("/dev/null/mcp.json")
    before = everything(agents)
    assert main(["setup", "cursor", "codex"]) == 1
    after = everything(agents)
    assert ".cursor/hooks.json" not in after
    assert after[".codex/config.toml"] != before[".codex/config.toml"]
    said = capsys.readouterr()
    assert "Cursor is left as it was: " in said.err
    assert "Cursor: " not in said.out
    assert main(["uninstall", "codex"]) == 0
    assert everything(agents) == before


@pytest.mark.parametrize("content", ['mcp_servers = {other = {command = "x"}}\n', "mcp_servers = 1\n"])
def test_a_table_that_takes_no_addition_is_left_alone(
    agents: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    (agents / ".codex/config.toml").write_text(content)
    before = everything(agents)
    assert main(["setup", "codex"]) == 1
    assert everything(agents) == before
    assert "config.toml: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("client", "file", "content", "named"),
    [
        ("cursor", ".cursor/mcp.json", '{"mcpServers": {"afterimage": {"command": "/mine/server"}}}', "/mine/server"),
        (
            "claude-code",
            ".claude.json",
            '{"mcpServers": {"afterimage": {"url": "https://u:secret@x.example/secret"}}}',
            "https://x.example",
        ),
        (
            "codex",
            ".codex/config.toml",
            '[mcp_servers.afterimage]\ncommand = "npx"\nargs = ["afterimage", "--key", "secret"]\n',
            "npx",
        ),
    ],
)
def test_a_server_of_the_same_name_that_is_not_ours_stays_and_is_told_of(  # noqa: PLR0917
    agents: Path, capsys: pytest.CaptureFixture[str], client: str, file: str, content: str, named: str
) -> None:
    (agents / file).write_text(content)
    assert main(["setup", client]) == 0
    assert (agents / file).read_text() == content
    said = capsys.readouterr().out
    assert f"without AfterImage's MCP server: {agents / file} has another by the name 'afterimage' ({named})" in said
    check = checked(capsys, "MCP server of ")
    assert check["verdict"] == "note"
    assert f"({named}) instead of ours" in check["found"]
    assert "secret" not in said + check["found"]
    assert main(["uninstall"]) == 0
    assert (agents / file).read_text() == content


@pytest.mark.parametrize(
    "server",
    [
        {"command": "afterimage", "args": ["mcp"]},
        {"command": sys.executable, "args": ["-m", "afterimage", "mcp"]},
        {"command": "uvx", "args": ["--from", "ai-afterimage[mcp]", "afterimage", "mcp"]},
    ],
)
def test_ours_as_somebody_wrote_it_himself_is_ours(
    agents: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server: dict[str, Any]
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    (agents / ".cursor/mcp.json").write_text(content := json.dumps({"mcpServers": {"afterimage": server}}))
    main(["setup", "cursor"])
    assert "without AfterImage's" not in capsys.readouterr().out
    assert (agents / ".cursor/mcp.json").read_text() == content
    assert checked(capsys, "MCP server of Cursor")["verdict"] == "ok"


def test_a_server_whose_program_is_gone_is_not_called_ready(agents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["setup", "cursor"])
    file = agents / ".cursor/mcp.json"
    gone = json.loads(file.read_text())
    gone["mcpServers"]["afterimage"]["command"] = "/gone/bin/python3"
    file.write_text(json.dumps(gone))
    capsys.readouterr()
    check = checked(capsys, "MCP server of Cursor")
    assert (check["verdict"], check["remedy"]) == ("fail", "afterimage setup cursor")
    assert "/gone/bin/python3" in check["found"]
    main(["setup", "cursor"])
    assert "/gone" not in file.read_text()
    main(["uninstall", "cursor"])
    assert json.loads(file.read_text()) == {}, "and not what an earlier setup had made of it"


def test_what_a_user_set_beside_our_program_stays(agents: Path) -> None:
    main(["setup"])
    file = agents / ".cursor/mcp.json"
    mine = json.loads(file.read_text())
    mine["mcpServers"]["afterimage"]["env"] = {"A": "1"}
    file.write_text(json.dumps(mine))
    toml = agents / ".codex/config.toml"
    toml.write_text(toml.read_text().replace("# afterimage: end", "startup_timeout_sec = 20\n# afterimage: end"))
    before = everything(agents)
    assert main(["setup"]) == 0
    assert everything(agents) == before


def test_other_people_s_hooks_may_be_anything(agents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = [1, None, {"hooks": 5}, {"hooks": [7, {"command": 3}]}, {"hooks": [{"command": "it's", "args": 4}]}]
    (agents / ".claude/settings.json").write_text(json.dumps({"hooks": {"Stop": odd, "SessionEnd": odd}}))
    assert main(["setup", "claude-code"]) == 0
    capsys.readouterr()
    assert checked(capsys, "hooks of Claude Code")["verdict"] == "ok"
    assert main(["uninstall", "claude-code"]) == 0
    assert json.loads((agents / ".claude/settings.json").read_text()) == {"hooks": {"Stop": odd, "SessionEnd": odd}}


def test_deny_once_is_shown_though_no_file_of_a_client_changes(
    agents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["setup", "claude-code"])
    for choice, said in (("--deny-once", "will be refused once"), ("--no-deny-once", "Nothing will be refused")):
        capsys.readouterr()
        before = Settings(str(agents / ".afterimage")).deny_once
        assert main(["setup", "claude-code", choice, "--dry-run"]) == 0
        assert said in (planned := capsys.readouterr().out)
        assert "Nothing would change" not in planned
        assert Settings(str(agents / ".afterimage")).deny_once is before
        assert main(["setup", "claude-code", choice]) == 0
        assert said in capsys.readouterr().out
        assert Settings(str(agents / ".afterimage")).deny_once is not before
        assert main(["setup", "claude-code", choice]) == 0
        assert said not in capsys.readouterr().out, "twice is once"
    main(["setup", "claude-code", "--dry-run"])
    assert capsys.readouterr().out == "Nothing would change.\n"


def test_the_hooks_of_an_earlier_afterimage_are_replaced_and_come_back(
    agents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = agents / ".claude/settings.json"
    file.write_text(json.dumps({"hooks": {"PreToolUse": [PREDECESSOR, {"matcher": "Bash", "hooks": []}]}}))
    before = everything(agents)
    main(["setup"])
    assert "earlier AfterImage" in capsys.readouterr().err
    assert "afterimage_hook.py" not in file.read_text()
    assert {"matcher": "Bash", "hooks": []} in json.loads(file.read_text())["hooks"]["PreToolUse"]
    main(["uninstall"])
    assert everything(agents) == before


def test_what_others_changed_since_stays(agents: Path) -> None:
    main(["setup"])
    file = agents / ".claude/settings.json"
    settings = json.loads(file.read_text())
    settings["theirs"] = True
    settings["hooks"]["PreToolUse"][0]["hooks"].append({"type": "command", "command": "also"})
    file.write_text(json.dumps(settings))
    main(["uninstall"])
    left = json.loads(file.read_text())
    assert left["theirs"] is True
    assert left["hooks"]["PreToolUse"][0]["hooks"] == [{"type": "command", "command": "also"}]
    assert set(left["hooks"]) == {"Stop", "PreToolUse"}
    assert "run.py" not in file.read_text()


def test_lines_that_end_as_on_windows_go_on_so(agents: Path) -> None:
    before = {name: content.replace("\n", "\r\n").encode() for name, content in FILES.items() if "\n" in content}
    for name, content in before.items():
        (agents / name).write_bytes(content)
    main(["setup"])
    for name, content in before.items():
        made = (agents / name).read_bytes()
        assert made != content
        assert made.count(b"\r\n") == made.count(b"\n")
        (agents / name).write_bytes(made + b"\r\n")
    main(["uninstall"])
    left = {name: (agents / name).read_bytes() for name in before}
    assert all(content.count(b"\r\n") == content.count(b"\n") for content in left.values())
    assert b"afterimage" not in b"".join(left.values())


def test_a_link_stays_a_link_and_a_mode_a_mode(agents: Path) -> None:
    file, kept = agents / ".claude/settings.json", agents / "dotfiles.json"
    kept.write_bytes(file.read_bytes())
    kept.chmod(0o640)
    file.unlink()
    file.symlink_to(kept)
    main(["setup"])
    assert file.is_symlink()
    assert b"run.py" in kept.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o640
    main(["uninstall"])
    assert kept.read_text() == FILES[".claude/settings.json"]


def test_as_a_plugin_the_settings_only_name_it(agents: Path) -> None:
    before = everything(agents)
    main(["setup", "claude-code"])
    main(["setup", "--plugin", "claude-code"])
    settings = json.loads((agents / ".claude/settings.json").read_text())
    assert "PreToolUse" not in settings["hooks"]
    assert settings["enabledPlugins"] == {"afterimage@afterimage": True}
    root = Path(settings["extraKnownMarketplaces"]["afterimage"]["source"]["path"])
    (listed,) = json.loads((root / ".claude-plugin/marketplace.json").read_text())["plugins"]
    plugin = root / listed["source"]
    assert json.loads((plugin / ".claude-plugin/plugin.json").read_text())["name"] == "afterimage"
    assert "PreToolUse" in json.loads((plugin / "hooks/hooks.json").read_text())["hooks"]
    assert json.loads((plugin / ".mcp.json").read_text())["mcpServers"]["afterimage"]["args"][-1] == "mcp"
    main(["uninstall"])
    assert everything(agents) == before


def test_without_an_agent_one_must_be_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup"]) == 1
    assert "claude-code" in capsys.readouterr().err


def test_what_is_installed_runs_as_it_stands_there(agents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["setup"])
    capsys.readouterr()
    checks = looked_at(capsys)
    for title in ("Claude Code", "Codex", "Gemini CLI", "Cursor"):
        assert checks[f"hooks of {title}"]["verdict"] == "ok", checks[f"hooks of {title}"]
    assert checks["spool"]["verdict"] == "ok"
    assert not list((agents / ".afterimage").glob("spool/*")), "looking leaves nothing behind"
    file = agents / ".codex/hooks.json"
    file.write_text(file.read_text().replace("python3 ", "python-that-is-gone "))
    checks = looked_at(capsys)
    assert checks["hooks of Codex"]["verdict"] == "fail"


@pytest.mark.parametrize(
    ("client", "file", "content", "named"),
    [
        ("claude-code", ".claude/settings.json", '{"disableAllHooks": true}', "disableAllHooks"),
        ("codex", ".codex/config.toml", "[features]\nhooks = false\n", "features.hooks"),
        ("codex", ".codex/config.toml", "[features]\ncodex_hooks = false\n", "features.codex_hooks"),
        ("gemini", ".gemini/settings.json", '{"hooksConfig": {"enabled": false}}', "hooksConfig.enabled"),
        ("gemini", ".gemini/settings.json", '{"hooksConfig": {"disabled": ["afterimage"]}}', "hooksConfig.disabled"),
    ],
)
def test_hooks_that_a_client_has_switched_off_are_not_called_ready(  # noqa: PLR0917
    agents: Path, capsys: pytest.CaptureFixture[str], client: str, file: str, content: str, named: str
) -> None:
    (agents / file).write_text(content)
    assert main(["setup", client]) == 0
    said = capsys.readouterr().out
    assert "it runs no hooks as long as this stands" in said
    assert f"{named}" in said
    assert "ready" not in said
    checks = looked_at(capsys)
    (check,) = [check for name, check in checks.items() if name.startswith("hooks of")]
    assert (check["verdict"], named in check["found"]) == ("fail", True)


def test_a_plugin_that_the_user_switched_off_is_not_called_ready(
    agents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (agents / ".claude/settings.json").write_text('{"enabledPlugins": {"afterimage@afterimage": false}}')
    main(["setup", "--plugin", "claude-code"])
    assert "enabledPlugins.afterimage@afterimage: false" in capsys.readouterr().out


def test_what_an_administrator_switched_off_counts_too(
    agents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    managed = tmp_path / "managed-settings.json"
    managed.write_text('{"allowManagedHooksOnly": true}')
    monkeypatch.setattr(switches, "_MANAGED", (managed,))
    main(["setup", "claude-code"])
    assert f"allowManagedHooksOnly in {managed}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("client", "file", "content", "named"),
    [
        ("claude-code", ".claude/settings.json", '{"disableAllHooks": true}', "disableAllHooks"),
        ("claude-code", ".claude/settings.local.json", '{"disableAllHooks": true}', "disableAllHooks"),
        ("codex", ".codex/config.toml", "[features]\nhooks = false\n", "features.hooks"),
        ("gemini", ".gemini/settings.json", '{"hooksConfig": {"enabled": false}}', "hooksConfig.enabled"),
    ],
)
@pytest.mark.parametrize("where", [".", "src/deep"])
def test_what_a_project_switches_off_is_told_in_that_project(  # noqa: PLR0917
    agents: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    client: str,
    file: str,
    content: str,
    named: str,
    where: str,
) -> None:
    project = agents / "project"
    for folder in (project / ".git", project / where, (project / file).parent):
        folder.mkdir(parents=True, exist_ok=True)
    (project / file).write_text(content)
    main(["setup", client])
    assert "in this project" not in capsys.readouterr().out
    monkeypatch.chdir(project / where)
    main(["setup", client])
    assert f"it runs no hooks in this project as long as this stands: {named}" in capsys.readouterr().out
    title = {"claude-code": "Claude Code", "codex": "Codex", "gemini": "Gemini CLI"}[client]
    check = checked(capsys, f"{title} here")
    assert check["verdict"] == "note"
    assert f"{named}" in check["found"]
    assert str(project / file) in check["found"]
    assert checked(capsys, f"hooks of {title}")["verdict"] == "ok", "elsewhere they run"


def test_a_home_is_no_project_of_its_own(
    agents: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (agents / ".claude/settings.json").write_text('{"disableAllHooks": true}')
    monkeypatch.chdir(agents)
    main(["setup", "claude-code"])
    assert "in this project" not in capsys.readouterr().out


def test_a_marketplace_of_somebody_else_s_by_our_name_stays(agents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = agents / ".claude/settings.json"
    theirs = {
        "extraKnownMarketplaces": {"afterimage": {"source": {"source": "github", "repo": "x/y"}}},
        "enabledPlugins": {"afterimage@afterimage": True},
    }
    file.write_text(json.dumps(theirs))
    assert main(["setup", "--plugin", "claude-code"]) == 1
    assert "extraKnownMarketplaces.afterimage is another marketplace" in capsys.readouterr().err
    assert json.loads(file.read_text()) == theirs
    assert main(["setup", "claude-code"]) == 0
    assert json.loads(file.read_text()).items() >= theirs.items()
    file.write_text(file.read_text() + "\n")
    assert main(["uninstall"]) == 0
    assert json.loads(file.read_text()) == theirs


def test_a_plugin_that_is_used_no_more_is_not_looked_at(agents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["setup", "--plugin", "claude-code"])
    assert "afterimage" not in json.loads((agents / ".claude.json").read_text()).get("mcpServers", {})
    capsys.readouterr()
    assert checked(capsys, "MCP server of Claude Code")["verdict"] == "ok"
    (agents / ".claude/settings.json").write_text("{}")
    assert checked(capsys, "hooks")["found"] == "in no coding agent"


@pytest.mark.slow
def test_a_server_that_cannot_run_is_named_to_nobody(
    agents: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["setup"])
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "mcp" else found(name))
    capsys.readouterr()
    checks = looked_at(capsys)
    assert checks["MCP server of Codex"]["verdict"] == "fail"
    main(["uninstall"])
    main(["setup"])
    assert 'pip install "ai-afterimage[mcp]"' in capsys.readouterr().err
    assert "afterimage" not in tomllib.loads((agents / ".codex/config.toml").read_text()).get("mcp_servers", {})
    assert json.loads((agents / ".cursor/mcp.json").read_text()) == {}
    checks = looked_at(capsys)
    assert checks["MCP server of Cursor"]["verdict"] == "note"
    assert "ai-afterimage[mcp]" in checks["MCP server of Cursor"]["remedy"]


@pytest.mark.parametrize("file", [".claude/settings.json", ".codex/hooks.json", ".codex/config.toml"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(
    agents: Path, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    (agents / file).unlink(missing_ok=True)
    os.mkfifo(agents / file)
    assert main(["setup"]) == 1
    assert f"{agents / file} is no file: put one there, or take it away" in capsys.readouterr().err
    assert "AfterTool" in (agents / ".gemini/settings.json").read_text()
    assert main(["doctor"]) in {0, 1}


def test_what_the_configuration_leaves_out_the_hooks_leave_out(agents: Path) -> None:
    file = agents / ".afterimage" / "config.yaml"
    file.parent.mkdir()
    file.write_text("filter: {skip_paths: [clients/], skip_extensions: [.tf], code_extensions: [.md]}")
    main(["setup", "codex"])
    known = Settings(str(file.parent))
    assert (known.skip_paths, known.skip_endings, known.code_endings) == (["clients/"], [".tf"], [".md"])
    file.write_text("filter: {skip_extensions: [.sql]}")
    main(["sync"])
    known = Settings(str(file.parent))
    assert (known.skip_paths, known.skip_endings, known.code_endings) == ([], [".sql"], [])
    assert known.sync, "and what setup said stays"
