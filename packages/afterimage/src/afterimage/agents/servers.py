"""Our MCP server in a client's settings: put in, taken out, and told from somebody else's of the same name."""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from afterimage.agents import jsonc
from afterimage.agents.clients import mcp_program
from afterimage.agents.reading import setting_at

#: The name of our MCP server in the clients' settings.
SERVER = "afterimage"
#: Where the settings name servers, in JSON and in TOML.
_SECTION = "mcpServers"
_TABLE = "mcp_servers"
_BEGIN = "# afterimage: begin"
_END = "# afterimage: end"


def named_in(path: Path) -> Any:
    """What a settings file calls by the name of our server; None if it names nothing so."""
    return setting_at(path, _TABLE if path.suffix == ".toml" else _SECTION, SERVER)


def starts_afterimage(server: Any) -> bool:
    """Whether ``server`` is AfterImage's, whoever wrote it: ``… afterimage mcp``, or ``… -m afterimage mcp``."""
    words = _words(server)
    return words[-1:] == ["mcp"] and any(Path(word).name == SERVER for word in words[-2:-1])


def described(server: Any) -> str:
    """What ``server`` is, without arguments and paths of addresses, which may hold a token."""
    if words := _words(server):
        return words[0]
    url = server.get("url", server.get("httpUrl")) if isinstance(server, dict) else None
    with contextlib.suppress(ValueError):
        address = urlsplit(url if isinstance(url, str) else "")
        if address.hostname:
            return f"{address.scheme}://{address.hostname}"
    return "no program"


def is_ours(server: Any) -> bool:
    """Whether setup wrote ``server``, with whichever interpreter."""
    return _words(server)[1:] == mcp_program()[1:]


def with_server(text: str, extra: dict[str, str]) -> str:
    """JSON settings with our server, unless somebody else's has its name.

    Args:
        extra: what the client wants beside program and arguments.
    """
    known = jsonc.get(text, [_SECTION, SERVER])
    # What a user set beside program and arguments stays.
    if _words(known) == mcp_program() or (known is not None and not is_ours(known)):
        return text
    return jsonc.put(text, [_SECTION, SERVER], {**extra, **_ours()})


def without_server(text: str) -> str:
    """JSON settings without our server."""
    if is_ours(jsonc.get(text, [_SECTION, SERVER])):
        text = jsonc.remove(text, [_SECTION, SERVER])
        if jsonc.get(text, [_SECTION]) == {}:
            text = jsonc.remove(text, [_SECTION])
    return text


def with_server_toml(text: str) -> str:
    """TOML settings with our server in lines of its own, unless somebody else's has its name.

    Raises:
        jsonc.Unparsable, tomllib.TOMLDecodeError: it cannot be added so that nothing else comes to mean another thing.
    """
    if _words(_servers(tomllib.loads(text)).get(SERVER)) == mcp_program():
        return text
    rest = without_server_toml(text)
    known = tomllib.loads(rest)
    servers = _servers(known)
    if SERVER in servers:
        return text
    lines = [_BEGIN, f"[{_TABLE}.{SERVER}]", *(_assigned(*pair) for pair in _ours().items()), _END]
    gap = "" if not rest else "\n" if rest.endswith("\n") else "\n\n"
    made = rest + gap + "\n".join(lines) + "\n"
    with contextlib.suppress(tomllib.TOMLDecodeError):
        if _same(tomllib.loads(made), {**known, _TABLE: {**servers, SERVER: _ours()}}):
            return made
    # Better no change than a file that its owner cannot read.
    raise jsonc.Unparsable(
        f"{_TABLE} = {{…}} takes no table after it: write each server in it as a table, [{_TABLE}.NAME], and run setup "
        f"again; or put between its braces: {SERVER} = {_inline(_ours())}"
    )


def without_server_toml(text: str) -> str:
    """TOML settings without the lines that setup wrote.

    By what the settings mean, not by the marks alone: these may stand in a text, or have something of others between
    them. What would change anything but our server is not taken out.

    Raises:
        jsonc.Unparsable, tomllib.TOMLDecodeError: they cannot be read.
    """
    known = tomllib.loads(text)
    if not starts_afterimage(_servers(known).get(SERVER)):
        return text
    wanted = _without(known)
    for begin, end in _marked(text):
        head = text[:begin]
        rest = (head[:-1] if head.endswith("\n\n") else head) + text[end:].removeprefix("\n")
        try:
            parsed = tomllib.loads(rest)
        except tomllib.TOMLDecodeError:
            continue
        if SERVER not in _servers(parsed) and _same(_without(parsed), wanted):
            return rest
    return text


def _marked(text: str) -> Iterator[tuple[int, int]]:
    """Where lines begin that look like our first one, each with where the next ends that looks like our last."""
    last = re.compile(rf"^{_END}[ \t\r]*$", re.MULTILINE)
    for first in re.finditer(rf"^{_BEGIN}[ \t\r]*$", text, re.MULTILINE):
        if end := last.search(text, first.end()):
            yield first.start(), end.end()


def has_ours_toml(text: str) -> bool:
    """Whether TOML settings name our server.

    Raises:
        jsonc.Unparsable, tomllib.TOMLDecodeError: they cannot be read.
    """
    return is_ours(_servers(tomllib.loads(text)).get(SERVER))


def _assigned(key: str, value: Any) -> str:
    # JSON's strings are TOML's, too, but for its way of writing what is beyond 16 bits.
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"


def _inline(values: dict[str, Any]) -> str:
    return "{ " + ", ".join(_assigned(*pair) for pair in values.items()) + " }"


def _servers(settings: dict[str, Any]) -> dict[str, Any]:
    servers = settings.get(_TABLE, {})
    if not isinstance(servers, dict):
        raise jsonc.Unparsable(f"{_TABLE} is no table")
    return servers


def _without(settings: dict[str, Any]) -> dict[str, Any]:
    """``settings`` without a server of our name, and without a table of servers that has none."""
    rest = {name: server for name, server in _servers(settings).items() if name != SERVER}
    others = {key: value for key, value in settings.items() if key != _TABLE}
    return {**others, _TABLE: rest} if rest else others


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    # As texts: 1 is not 1.0 then, and not-a-number is itself. The order of tables means nothing.
    return _ordered(one) == _ordered(other)


def _ordered(value: Any) -> str:
    if isinstance(value, dict):
        return repr(sorted((key, _ordered(part)) for key, part in value.items()))
    return repr([_ordered(part) for part in value]) if isinstance(value, list) else repr(value)


def _ours() -> dict[str, Any]:
    program = mcp_program()
    return {"command": program[0], "args": program[1:]}


def _words(server: Any) -> list[str]:
    """The program that ``server`` starts, and its arguments; nothing if it starts none."""
    command, arguments = (server.get("command"), server.get("args")) if isinstance(server, dict) else (None, None)
    if not isinstance(command, str):
        return []
    return (
        [command, *(word for word in arguments if isinstance(word, str))] if isinstance(arguments, list) else [command]
    )
