"""``sysmonsearch serve``."""

from __future__ import annotations

import ipaddress
import signal
from collections.abc import Container
from contextlib import nullcontext
from pkgutil import resolve_name

import click

from app.cli.supervisor import WORKER, supervised
from app.errors import BadSetting
from app.settings import Settings


@click.command()
@click.option("--host", help="Address to listen on; loopback only.  [default: SYSMONSEARCH_HOST]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port.  [default: SYSMONSEARCH_PORT]")
@click.option("--no-worker", is_flag=True, help="Start no worker; run `sysmonsearch worker` yourself.")
@click.pass_obj
def command(settings: Settings, host: str | None, port: int | None, no_worker: bool) -> None:
    """Serve the pages on this machine, until Ctrl-C.

    A worker for imports is started beside it, started again when it dies, and ended with it:
    what it has read is stored first.

    \b
    Example:
      sysmonsearch serve --port 8080
    """
    host, port = host or settings.host, settings.port if port is None else port
    _refuse_other_than_loopback(host)
    from app.store.open import open_store

    # By name: neither of the two tops of the program imports the other.
    make_server = resolve_name("app.web.server:make_server")

    with open_store(settings) as store:  # What is wrong with the data folder is said here, not on each page.
        computers = store.info().computers
    try:
        server = make_server(settings, host, port)
    except OSError as error:
        raise BadSetting(
            f"Cannot listen on {host}:{port}: {error.strerror}."
            " Is the program running already? Choose another --port."
        ) from error
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # As Ctrl-C, so that the worker is ended too.
    _greet(f"http://{server.effective_host}:{server.effective_port}", computers)
    try:
        with nullcontext() if no_worker else supervised(WORKER, _say):
            server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
    click.echo("Stopped.")


def _greet(address: str, computers: Container[str]) -> None:
    """Say where the pages are, and where to look first if the demo is stored."""
    from app.demo.scenario import INFECTED

    process_address = resolve_name("app.web.links:process")
    click.echo(f"SysmonSearch is at {address} (Ctrl-C stops it)")
    for infected in INFECTED:
        if infected.computer in computers:
            path = process_address(infected.computer.lower(), infected.process_guid)
            click.echo(f"The demo's infected process on {infected.computer}: {address}{path}")


def _say(line: str) -> None:
    click.echo(line, err=True)


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
