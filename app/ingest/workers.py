"""An import in several processes: each reads files of its own and adds to the store.

They share nothing but the store. Each has a pipe to the main thread of the first process,
which hands out the work and gathers what they tell; whoever dies closes its pipe. The
first process reads too, in a thread that does as the other processes do: it has begun
long before they have started.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Final

from app.errors import SysmonSearchError
from app.ingest.collector import Collector
from app.ingest.feed import Ended, Ends, Feed, Stopped
from app.ingest.report import Step
from app.ingest.sources import Part, share_out
from app.ingest.streams import Limits
from app.settings import Settings

_LOOK_SECONDS: Final = 0.2
"""So often it is looked whether somebody wants to stop."""


class Wants:
    """A worker has read what it was given."""


@dataclass(slots=True)
class _Worker:
    number: int
    runs: BaseProcess | Thread
    pipe: Connection
    part: Part | None = None
    was_told: bool = False  # That nothing more comes.

    def end(self) -> None:
        """End it at once if it is a process; a thread ends with the next that it would tell."""
        self.pipe.close()
        if isinstance(self.runs, BaseProcess):
            self.runs.kill()
        self.runs.join()


def run_workers(
    settings: Settings,
    files: Sequence[Part],
    jobs: int,
    source: str,
    collector: Collector,
    stop: Callable[[], bool],
) -> Ended:
    """Read the files in ``jobs`` processes, this one among them.

    After a failure, or when asked to stop, all store what they have and end.
    """
    parts = share_out(files, jobs)
    workers = [_start(settings, source, number) for number in range(jobs)]
    ends: list[Ended] = []
    try:
        for worker in workers:
            _hand_out(worker, next(parts, None))
        while workers:
            wait([worker.pipe for worker in workers], _LOOK_SECONDS)
            if stop() or any(end.error for end in ends):
                for worker in workers:
                    _hand_out(worker, None)
            for worker in list(workers):
                ended = _listen(worker, parts, collector)
                if ended is not None:
                    workers.remove(worker)
                    worker.runs.join()
                    worker.pipe.close()
                    ends.append(ended)
    except SysmonSearchError as error:
        ends.append(Ended(error=str(error)))
    finally:
        for worker in workers:
            worker.end()
    stopped = stop() and (any(end.stopped for end in ends) or next(parts, None) is not None)
    errors = dict.fromkeys(end.error for end in ends if end.error)
    return Ended(" ".join(errors) or None, stopped)


def _start(settings: Settings, source: str, number: int) -> _Worker:
    """Start a worker: the first is a thread, all others are processes."""
    # Not by fork: connections to the state database do not survive one.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    if number == 0:
        thread = Thread(target=work, args=(theirs, settings, source), daemon=True)
        thread.start()
        return _Worker(number, thread, ours)
    process = context.Process(target=work_apart, args=(theirs, settings, source), daemon=True)
    with _deaf_to_interrupts():
        process.start()
    theirs.close()
    return _Worker(number, process, ours)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let what is started here hear no Ctrl-C: that is for the first process, which tells the others."""
    resource_tracker.ensure_running()  # Started later, it would hear, and change what is blocked here.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _listen(worker: _Worker, parts: Iterator[Part], collector: Collector) -> Ended | None:
    """Take all that a process has told; return its end, if it came to that."""
    try:
        while worker.pipe.poll():
            told = worker.pipe.recv()
            if isinstance(told, Step):
                collector.take(told, worker.number)
            elif isinstance(told, Ended):
                return told
            elif not worker.was_told:
                _hand_out(worker, next(parts, None))
    except (EOFError, ConnectionError):
        worker.runs.join()
        code = worker.runs.exitcode or 0 if isinstance(worker.runs, BaseProcess) else 1
        how = f"by signal {-code}" if code < 0 else f"with code {code}"
        what = f" while it read {worker.part.name}" if worker.part else ""
        return Ended(error=f"A process of the import was ended {how}{what}.")
    return None


def _hand_out(worker: _Worker, part: Part | None) -> None:
    if worker.was_told:
        return
    worker.part, worker.was_told = part or worker.part, part is None
    try:
        worker.pipe.send(part)
    except ConnectionError:
        worker.was_told = True  # It is dead; reading from its pipe will tell.


def work_apart(pipe: Connection, settings: Settings, source: str) -> None:
    """Work in a process of one's own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first process, which tells us.
    work(pipe, settings, source)


def work(pipe: Connection, settings: Settings, source: str) -> None:
    """Read parts until None comes, and say how it ended."""
    with pipe, suppress(BrokenPipeError, EOFError, ConnectionResetError):  # Nobody listens any more.
        pipe.send(_read_parts(pipe, settings, source))


def _read_parts(pipe: Connection, settings: Settings, source: str) -> Ended:
    from app.store.open import open_store

    stopped = False
    try:
        with open_store(settings) as store:
            feed = Feed(store, Limits.of(settings), source, Ends(pipe.send, pipe.poll))
            try:
                while (part := pipe.recv()) is not None:
                    feed.read(part)
                    pipe.send(Wants())
            except Stopped:
                stopped = True
            finally:
                feed.flush()
                feed.tell()
    except SysmonSearchError as failure:
        return Ended(str(failure), stopped)
    return Ended(stopped=stopped)
