"""Threads that wait for the server, so that who asked need not: a query can be given up at any time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Semaphore, Thread
from typing import Any, Final, TypeVar

from app.store.port import Budget

T = TypeVar("T")

_LOOK_SECONDS: Final = 0.02
"""How often a waiting caller looks whether somebody cancelled."""


class Threads:
    """Threads that are made when they are needed and kept for the next request.

    They are daemons, unlike those of ``ThreadPoolExecutor``: a request that hangs does not keep
    the program from ending.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._number = 0
        self._lock = Lock()
        self._idle = Semaphore(0)
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()

    def run(self, work: Callable[[], T]) -> Future[T]:
        """Do the work in a thread; with all of them busy it is done when one is free."""
        future: Future[T] = Future()
        self._work.put((future, work))
        if not self._idle.acquire(blocking=False):
            with self._lock:
                if self._number < self._most:
                    self._number += 1
                    Thread(target=self._serve, daemon=True, name="elasticsearch").start()
        return future

    def close(self) -> None:
        """Let each thread end after what it is at."""
        with self._lock:
            for _ in range(self._number):
                self._work.put(None)

    def _serve(self) -> None:
        while (item := self._work.get()) is not None:
            future, work = item
            if future.set_running_or_notify_cancel():
                _settle(future, work)
            del item, future, work  # An idle thread must not keep a big answer alive.
            self._idle.release()


def _settle(future: Future[T], work: Callable[[], T]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - the edge of a thread: it is raised where one waits
        future.set_exception(error)
    else:
        future.set_result(result)


def result_within(future: Future[T], budget: Budget) -> T:
    """Wait for a result; raise QueryCancelled or QueryTooSlow as soon as the budget says so."""
    while True:
        try:
            return future.result(min(_LOOK_SECONDS, budget.left))
        except TimeoutError:
            if future.done():
                raise
            budget.check()
