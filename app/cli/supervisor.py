"""Keeping a worker alive beside the server: started, started again when it dies, ended at the end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event as Flag
from threading import Lock, Thread
from time import monotonic
from typing import Final

WORKER: Final = (sys.executable, "-c", "from app.cli.main import main; main()", "worker", "--supervised")

_PATIENCE_SECONDS: Final = 60.0
"""So long a worker may take to store what it has read, when it is told to end."""

_LONG_SECONDS: Final = 60.0
_LONGEST_WAIT_SECONDS: Final = 60.0


class Supervisor:
    """Has one child; waits twice as long each time it dies soon after its start."""

    def __init__(self, command: Sequence[str], say: Callable[[str], None], first_wait: float = 1.0) -> None:
        self._command = command
        self._say = say
        self._first_wait = first_wait
        self._ending = Flag()
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = Thread(target=self._run, daemon=True)

    @property
    def child(self) -> subprocess.Popen[bytes] | None:
        """The process that runs now, or ran last."""
        return self._child

    def start(self) -> None:
        """Start the child."""
        self._thread.start()

    def end(self, patience: float = _PATIENCE_SECONDS) -> None:
        """Tell the child to end, and end it if it does not."""
        with self._lock:
            self._ending.set()
            child = self._child
            if child is not None:
                child.terminate()
        if child is not None:
            try:
                child.wait(patience)
            except subprocess.TimeoutExpired:
                child.kill()
        self._thread.join()

    def _run(self) -> None:
        wait = self._first_wait
        while True:
            began = monotonic()
            child = self._started()
            if child is None:
                return
            with child:  # Which closes the pipe when it has ended.
                code = child.wait()
            if self._ending.is_set():
                return
            wait = self._first_wait if monotonic() - began > _LONG_SECONDS else wait
            how = f"by signal {-code}" if code < 0 else f"with code {code}"
            self._say(f"The worker ended {how}. It is started again in {wait:g} s; no job is lost.")
            if self._ending.wait(wait):
                return
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)

    def _started(self) -> subprocess.Popen[bytes] | None:
        """Start a child: its pipe closes when this process ends, and no Ctrl-C of ours reaches it."""
        with self._lock:
            if self._ending.is_set():
                return None
            self._child = subprocess.Popen(  # noqa: S603 - our own command
                self._command, stdin=subprocess.PIPE, start_new_session=True
            )
            return self._child


@contextmanager
def supervised(command: Sequence[str], say: Callable[[str], None]) -> Iterator[Supervisor]:
    """Keep a child alive while the block runs."""
    supervisor = Supervisor(command, say)
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.end()
