"""The command ui: the memory as pages on this machine."""

from __future__ import annotations

import click

from afterimage.cli.terminal import memory, note


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="The port on 127.0.0.1 [default: a free one].")
@click.option("--no-browser", is_flag=True, help="Show the link only, and open no browser.")
def ui(port: int, no_browser: bool) -> None:
    """Browse, search, compare and forget in a browser, on this machine only. Ctrl-C ends it.

    The link opens once, in one browser, which is then let in until it is closed.

    \b
    Example:
      afterimage ui
      afterimage ui --no-browser --port 8777
    """
    from importlib.util import find_spec

    from afterimage.errors import MissingServer

    missing = [name for name in ("starlette", "uvicorn", "jinja2") if find_spec(name) is None]
    if missing:
        raise MissingServer(f'the pages need {", ".join(missing)}, not installed here: pip install "ai-afterimage[ui]"')
    from afterimage.ui.run import serve

    with memory() as (config, backend):
        backend.initialize()
        serve(
            config,
            backend,
            port,
            lambda link: click.echo(f"{link}\n(good once; Ctrl-C ends it)"),
            browser=not no_browser,
        )
        note("ended")


COMMANDS = (ui,)
