"""Transcripts of Claude Code: messages as its API has them, each in a line with where and when it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from afterimage.ingest.lines import Answer, Call, Item, Setting, moment, text

CLIENT = "claude-code"


def read(line: Mapping[str, Any], setting: Setting) -> tuple[Setting, list[Item]]:
    """What stands in ``line``. Summaries and subagents' lines hold nothing for us."""
    if line.get("isSidechain") is True or line.get("type") == "summary":
        return setting, []
    branch = text(line, "gitBranch") or setting.branch
    setting = replace(
        setting,
        # A line that was copied from another session is that session's.
        session=text(line.get("forkedFrom"), "sessionId") or text(line, "sessionId") or setting.session,
        cwd=text(line, "cwd") or setting.cwd,
        branch="" if branch == "HEAD" else branch,
        at=moment(line, setting.at),
    )
    message = line.get("message")
    content = message.get("content") if isinstance(message, Mapping) else None
    items: list[Item] = []
    for part in content if isinstance(content, list) else []:
        kind = text(part, "type")
        if kind == "tool_use" and isinstance(part.get("input"), Mapping):
            items.append(Call(text(part, "id"), text(part, "name"), part["input"], setting))
        elif kind == "tool_result":
            items.append(Answer(text(part, "tool_use_id"), {"is_error": part.get("is_error") is True}))
    return setting, items
