"""``sysmonsearch worker``: run jobs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread
from typing import Final

import click

from app.cli.output import safe
from app.settings import Settings

_NICE: Final = 5
"""Pages go before jobs where both want the processor."""


@click.command()
@click.option("--until-empty", is_flag=True, help="End when no job is queued.")
@click.option("--supervised", is_flag=True, hidden=True)
@click.pass_obj
def command(settings: Settings, until_empty: bool, supervised: bool) -> None:
    """Run jobs, such as the imports that the pages were given.

    `sysmonsearch serve` starts a worker by itself; with --no-worker you run it where you
    like, on the same data folder. Several may run at once: each job is run by one.

    Ctrl-C or SIGTERM: what was read is stored, and the job is queued again. A worker that is
    killed loses nothing either: the next one goes on.

    \b
    Examples:
      sysmonsearch worker
      sysmonsearch worker --until-empty
    """
    from app.jobs.worker import run_worker

    with _told_to_end() as end:
        if supervised:
            _follow_the_supervisor(end)
        else:
            click.echo("Waiting for jobs (Ctrl-C stops it).")
        run_worker(settings, end, until_empty=until_empty, say=_say)


def _say(line: str) -> None:
    click.echo(f"worker: {safe(line)}", err=True)


@contextmanager
def _told_to_end() -> Iterator[Flag]:
    """Let Ctrl-C and SIGTERM set the flag; a second one ends at once."""
    end = Flag()

    def tell(_number: int, _frame: object) -> None:
        if end.is_set():
            raise KeyboardInterrupt
        end.set()

    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield end
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _follow_the_supervisor(end: Flag) -> None:
    """End when the process that started this one does, however that ended: then its pipe is closed."""
    os.nice(_NICE)

    def wait() -> None:
        # Not through sys.stdin: its lock, held by this thread, would stop the interpreter from ending.
        while os.read(0, 4096):
            continue
        end.set()

    Thread(target=wait, daemon=True).start()
