"""``stoic serve``: the web application."""

from __future__ import annotations

import click

#: Seconds after which answers are cut that did not end within `web.running.GRACE`: somebody reads them too slowly.
_GRACE = 30


@click.command("serve", epilog="\b\nExample:\n  stoic serve --port 8080")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, envvar="PORT")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that answer.")
def command(host: str, port: int, workers: int) -> None:
    """Serve the web application until it is stopped; replies under way may come to their end first.

    docs/deployment.md says how to do it for others than yourself.
    """
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        raise click.ClickException('serving needs the extra: pip install "stoic-emperor[web]"') from error
    from stoic_emperor.config import load_configuration

    behind_proxy = load_configuration().settings.web.trust_proxy > 0
    uvicorn.run(
        "stoic_emperor.web.api:app",
        host=host,
        port=port,
        workers=workers,
        # The application itself counts the proxies that it believes.
        proxy_headers=False,
        server_header=False,
        http=f"stoic_emperor.web.patience:{'PatientProtocol' if behind_proxy else 'CountingProtocol'}",
        timeout_graceful_shutdown=_GRACE,
    )
