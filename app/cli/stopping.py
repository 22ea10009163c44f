"""Ctrl-C for commands that end whole: the first one asks, the second one interrupts."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Let Ctrl-C set the flag; a second one interrupts as usual."""
    stop = threading.Event()

    def interrupt(_number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        click.echo("\nStopping: what was read is stored first. Ctrl-C again ends at once.", err=True)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
