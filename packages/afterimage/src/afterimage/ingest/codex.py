"""Transcripts of Codex ("rollouts"): a head, then the calls and answers as its API has them, and events beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from afterimage.ingest.lines import Answer, Call, Item, Setting, moment, text

CLIENT = "codex"

#: Names that its shell had; to a hook they are all one.
_SHELLS = frozenset({"shell", "shell_command", "local_shell", "container.exec", "exec_command"})
_STATUS = re.compile(r"^Process exited with code (-?\d+)", re.MULTILINE)


def read(line: Mapping[str, Any], setting: Setting) -> tuple[Setting, list[Item]]:
    """What stands in ``line``. What was compacted is a summary of lines that stand here too."""
    payload = line.get("payload")
    if not isinstance(payload, Mapping):
        return setting, []
    setting = replace(setting, at=moment(line, setting.at))
    match text(line, "type"):
        case "session_meta":
            return _head(payload, setting), []
        case "turn_context":
            return replace(setting, cwd=text(payload, "cwd") or setting.cwd), []
        case "response_item":
            return setting, _item(payload, setting)
        case "event_msg":
            return setting, _event(payload)
    return setting, []


def _head(payload: Mapping[str, Any], setting: Setting) -> Setting:
    if setting.session:
        # That of the session this one was forked from, copied with its lines.
        return replace(setting, forked_from=setting.forked_from or text(payload, "id"))
    git = payload.get("git")
    source = payload.get("source")
    return replace(
        setting,
        session=text(payload, "id"),
        cwd=text(payload, "cwd"),
        branch=text(git, "branch"),
        commit=text(git, "commit_hash"),
        remote=text(git, "repository_url"),
        forked_from=text(payload, "forked_from_id"),
        sidechain=isinstance(source, Mapping) and "subagent" in source,
    )


def _item(payload: Mapping[str, Any], setting: Setting) -> list[Item]:
    call = text(payload, "call_id")
    match text(payload, "type"):
        case "function_call":
            return _call(call, text(payload, "name"), _arguments(payload.get("arguments")), setting)
        case "custom_tool_call":
            return _call(call, text(payload, "name"), {"command": text(payload, "input")}, setting)
        case "local_shell_call":
            action = payload.get("action")
            given = {"command": action.get("command")} if isinstance(action, Mapping) else {}
            if folder := text(action, "working_directory"):
                given["workdir"] = folder
            return _call(call, "local_shell", given, setting)
        case "function_call_output" | "custom_tool_call_output":
            return [Answer(call, _response(payload.get("output")))]
    return []


def _call(call: str, name: str, given: Mapping[str, Any], setting: Setting) -> list[Item]:
    return [Call(call, "Bash" if name in _SHELLS else name, given, setting)]


def _arguments(spelled: object) -> Mapping[str, Any]:
    try:
        found = json.loads(spelled) if isinstance(spelled, str) else spelled
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _event(payload: Mapping[str, Any]) -> list[Item]:
    match text(payload, "type"):
        case "exec_command_end":
            return [Answer(text(payload, "call_id"), {"exit_code": payload.get("exit_code")})]
        case "patch_apply_end":
            return [Answer(text(payload, "call_id"), {"success": payload.get("success")})]
    return []


def _response(output: object) -> object:
    if isinstance(output, list):
        output = "\n".join(text(part, "text") for part in output)
    if isinstance(output, str) and (found := _STATUS.search(output[:500])):
        return {"exit_code": int(found[1])}
    return output
