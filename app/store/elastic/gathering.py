"""Searches of several questions that are asked together: they go to the cluster in one request.

Each question runs in a thread of its own. As soon as all of them wait for searches, these are
sent as one ``_msearch``; a search that several ask for (what is doubtful in a query, as a
rule) is sent once. So a page takes as many requests as its longest question, not as all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from threading import Lock, Thread
from time import monotonic
from typing import Any, Final, Protocol, TypeVar

import orjson

from app.errors import QueryCancelled, QueryTooSlow, SysmonSearchError
from app.store.port import Budget
from app.store.together import Together

Answer = TypeVar("Answer")
Request = tuple[str, Mapping[str, Any]]

_PATIENCE_SECONDS: Final = 0.05
"""A question that computes for so long is not waited for: it may wait for one of the others."""

_GRACE_SECONDS: Final = 0.25
"""The server ends a search at its time limit by itself, and is given so long to say it."""


class Sender(Protocol):
    """What sends searches: ``Connection``."""

    def send(self, requests: Sequence[tuple[Request, Budget]], budget: Budget) -> list[dict[str, Any]]:
        """Return the answers of several searches, unread: each of them may be an error."""

    def read(self, answer: dict[str, Any], budget: Budget) -> dict[str, Any]:
        """Return an answer, or raise the error that it is."""


@dataclass(slots=True, eq=False)
class _Wanted:
    """The searches that one question waits for."""

    requests: Sequence[Request]
    budget: Budget
    since: float = field(default_factory=monotonic)
    answers: Future[list[dict[str, Any]]] = field(default_factory=Future)


@dataclass(slots=True)
class Gathering:
    """The searches of all questions that are asked together."""

    sender: Sender
    _lock: Lock = field(default_factory=Lock)
    _busy: int = 0
    """So many questions do not wait."""
    _waiting: list[_Wanted] = field(default_factory=list)

    def searches(self, requests: Sequence[Request], budget: Budget) -> list[dict[str, Any]]:
        """Return the answers to some searches, when the others wait too."""
        wanted = _Wanted(requests, budget)
        with self._lock:
            self._waiting.append(wanted)
        self.leave()
        try:
            return self._result(wanted)
        except (QueryTooSlow, QueryCancelled):
            with self._lock:
                if wanted in self._waiting:  # Else whoever sends it counts it as busy again.
                    self._waiting.remove(wanted)
                    self._busy += 1
            raise

    def join(self, number: int = 1) -> None:
        """Count questions that begin, or go on."""
        with self._lock:
            self._busy += number

    def leave(self) -> None:
        """Count a question that waits, or is done; send what all wait for now."""
        with self._lock:
            self._busy -= 1
            taken = self._taken() if self._busy <= 0 else []
        self._send(taken)

    def _result(self, wanted: _Wanted) -> list[dict[str, Any]]:
        while True:
            try:
                return wanted.answers.result(min(_PATIENCE_SECONDS, wanted.budget.left))
            except TimeoutError:
                if wanted.answers.done():
                    raise
            wanted.budget.check()
            with self._lock:
                is_late = wanted in self._waiting and monotonic() - wanted.since >= _PATIENCE_SECONDS
                taken = self._taken() if is_late else []
            self._send(taken)

    def _taken(self) -> list[_Wanted]:
        taken, self._waiting = self._waiting, []
        return taken

    def _send(self, taken: Sequence[_Wanted]) -> None:
        """Send some searches, and give each question its answers."""
        while taken:
            try:
                answers = self._answers(taken)
            except (QueryTooSlow, QueryCancelled) as error:
                # One that has less time than the others does not take them with it.
                over = [wanted for wanted in taken if not wanted.budget.left or wanted.budget.cancelled]
                self._settle([(wanted, error) for wanted in over or taken])
                taken = [wanted for wanted in taken if wanted not in over] if over else []
            except SysmonSearchError as error:
                self._settle([(wanted, error) for wanted in taken])
                return
            else:
                self._settle([(wanted, self._read(wanted, answers)) for wanted in taken])
                return

    def _answers(self, taken: Sequence[_Wanted]) -> dict[bytes, dict[str, Any]]:
        """Ask each search once, with the time of whoever has most."""
        asked: dict[bytes, tuple[Request, Budget]] = {}
        for wanted in taken:
            for request in wanted.requests:
                name = _name(request)
                known = asked.get(name)
                if known is None or known[1].left < wanted.budget.left:
                    asked[name] = request, wanted.budget
        least = min(wanted.budget.left for wanted in taken)
        answers = self.sender.send(list(asked.values()), Budget(least + _GRACE_SECONDS))
        return dict(zip(asked, answers, strict=True))

    def _read(
        self, wanted: _Wanted, answers: Mapping[bytes, dict[str, Any]]
    ) -> list[dict[str, Any]] | SysmonSearchError:
        try:
            return [self.sender.read(answers[_name(request)], wanted.budget) for request in wanted.requests]
        except SysmonSearchError as error:
            return error

    def _settle(self, settled: Sequence[tuple[_Wanted, list[dict[str, Any]] | SysmonSearchError]]) -> None:
        # Busy before they know it, or the first to go on would be taken for the only one.
        self.join(len(settled))
        for wanted, result in settled:
            if isinstance(result, SysmonSearchError):
                wanted.answers.set_exception(result)
            else:
                wanted.answers.set_result(result)


_GATHERING: ContextVar[Gathering | None] = ContextVar("gathering", default=None)


def gathering() -> Gathering | None:
    """Return where the searches of this thread are gathered; None: each is sent by itself."""
    return _GATHERING.get()


class Gathered(Together):
    """Questions whose searches are sent together. They begin when the first answer is wanted."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._questions: list[tuple[Future[Any], Callable[[], Any]]] = []

    def ask(self, question: Callable[[], Answer]) -> Callable[[], Answer]:
        future: Future[Answer] = Future()
        self._questions.append((future, question))

        def answer() -> Answer:
            if not future.done():
                self._begin()
            return future.result()

        return answer

    def _begin(self) -> None:
        """Ask all that is not asked yet, and wait until all is answered."""
        questions, self._questions = self._questions, []
        outer = _GATHERING.get()
        within = outer or Gathering(self._sender)
        within.join(len(questions))
        for future, question in questions:
            # With the context of who asks: a page's questions know which request they are of.
            run = copy_context().run
            Thread(target=run, args=(_answered, within, future, question), daemon=True).start()
        if outer:
            outer.leave()
        for future, _ in questions:
            future.exception()
        if outer:
            outer.join()


def _answered(within: Gathering, future: Future[Any], question: Callable[[], Any]) -> None:
    _GATHERING.set(within)
    try:
        result = question()
    except BaseException as error:  # noqa: BLE001 - the edge of a thread: it is raised where one waits
        future.set_exception(error)
    else:
        future.set_result(result)
    finally:
        within.leave()


def _name(request: Request) -> bytes:
    return orjson.dumps(request)
