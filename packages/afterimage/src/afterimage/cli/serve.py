"""The command mcp: the memory as a server for coding agents."""

from __future__ import annotations

import sys

import click

from afterimage.cli.terminal import note


@click.command()
@click.option("--http", type=click.IntRange(0, 65_535), metavar="PORT", help="Serve on 127.0.0.1 at this port instead.")
def mcp(http: int | None) -> None:
    """Serve the memory to a coding agent, which starts this by itself (MCP over standard input and output).

    With --http, clients send the token in ~/.afterimage/mcp-token as `Authorization: Bearer TOKEN`.

    \b
    Example:
      afterimage mcp --http 8765
    """
    from importlib.util import find_spec

    from afterimage.errors import MissingServer

    if find_spec("mcp") is None:
        raise MissingServer(
            'the MCP server needs its library, which is not installed: pip install "ai-afterimage[mcp]"'
        )
    from afterimage.config import load_config
    from afterimage.mcp.run import serve_http, serve_stdio
    from afterimage.storage import get_storage_backend

    config = load_config()
    with get_storage_backend(config) as backend:
        if http is None:
            if sys.stdin.isatty():
                note("waiting for an agent, which starts this by itself after `afterimage setup`; Ctrl-D ends it")
            serve_stdio(config, backend)
        else:
            serve_http(config, backend, http, lambda url: note(f"at {url}, token in {config.directory / 'mcp-token'}"))


COMMANDS = (mcp,)
