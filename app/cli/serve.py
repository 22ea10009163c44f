"""``sysmonsearch serve``."""

from __future__ import annotations

import ipaddress
from pkgutil import resolve_name

import click

from app.errors import BadSetting
from app.settings import Settings


@click.command()
@click.option("--host", help="Address to listen on; loopback only.  [default: SYSMONSEARCH_HOST]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port.  [default: SYSMONSEARCH_PORT]")
@click.pass_obj
def command(settings: Settings, host: str | None, port: int | None) -> None:
    """Serve the pages on this machine, until Ctrl-C.

    \b
    Example:
      sysmonsearch serve --port 8080
    """
    host, port = host or settings.host, settings.port if port is None else port
    _refuse_other_than_loopback(host)
    from waitress.server import create_server

    from app.store.open import open_store

    # By name: neither of the two tops of the program imports the other.
    create_app = resolve_name("app.web.app:create_app")

    open_store(settings).close()  # What is wrong with the data folder is said here, not on each page.
    try:
        server = create_server(create_app(settings), host=host, port=port)
    except OSError as error:
        raise BadSetting(
            f"Cannot listen on {host}:{port}: {error.strerror}."
            " Is the program running already? Choose another --port."
        ) from error
    click.echo(f"SysmonSearch is at http://{server.effective_host}:{server.effective_port} (Ctrl-C stops it)")
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
    click.echo("Stopped.")


def _refuse_other_than_loopback(host: str) -> None:
    # Without accounts anyone who reaches the port reads all logs.
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise BadSetting(
            f"{host} is not a loopback address. There are no accounts yet, so the program listens on this"
            " machine only: use 127.0.0.1, and a tunnel (ssh -L 8000:127.0.0.1:8000) from elsewhere."
        )
