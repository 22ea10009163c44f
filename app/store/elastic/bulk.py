"""Sending documents: each is created once, whatever the cluster refuses or loses on the way."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event as Flag
from time import monotonic
from typing import Any, Final

import orjson
from elastic_transport import TransportError
from elasticsearch import ApiError

from app.errors import StoreUnavailable
from app.store.elastic import faults
from app.store.elastic.connection import Connection
from app.store.elastic.documents import Out
from app.store.elastic.numbers import LeaseLost

CHUNK_BYTES: Final = 2_000_000
THREADS: Final = 4
PATIENCE_SECONDS: Final = 120.0
"""So long a request is sent again that the cluster refuses; then the batch is given up."""

_REQUEST_SECONDS: Final = 60.0
_FIRST_WAIT: Final = 0.1
_LONGEST_WAIT: Final = 10.0
_CREATED: Final = 201
_EXISTS: Final = 409
_TOO_LARGE: Final = 413
_TOO_BUSY: Final = 429
_LATER: Final = frozenset({_TOO_BUSY, 502, 503, 504})
_ANSWER: Final = "items.create.status,items.create.error"

_Item = Mapping[str, Any]


@dataclass(slots=True)
class Sent:
    """What the cluster said of documents: so many it created, so many were there already.

    A document that was created though the answer was lost is then said to be there already.
    """

    created: int = 0
    existing: int = 0

    def __iadd__(self, other: Sent) -> Sent:
        self.created += other.created
        self.existing += other.existing
        return self


@dataclass(slots=True)
class Bulk:
    """Creates the documents of one batch; made anew for each.

    ``is_unsure``: a request went out whose end nobody knows, so that it may still take effect.
    ``is_late`` says that readers wait for the batch no more: nothing of it may be sent any longer.
    """

    connection: Connection
    chunk_bytes: int = CHUNK_BYTES
    threads: int = THREADS
    patience: float = PATIENCE_SECONDS
    is_unsure: bool = False
    is_late: Callable[[], bool] = lambda: False
    _stopped: Flag = field(default_factory=Flag)

    def send(self, documents: Iterable[Out]) -> Sent:
        """Create what is not there yet, in chunks, several at a time; no ``_id`` may come twice.

        On an error no further chunk is sent, those on their way are waited for, and the error
        is raised.
        """
        total = Sent()
        with ThreadPoolExecutor(self.threads) as pool:
            waiting: set[Future[Sent]] = set()
            try:
                for chunk in _chunks(documents, self.chunk_bytes):
                    if len(waiting) > self.threads:  # One more than are sent, to be ready.
                        waiting = _collect(waiting, total)
                    waiting.add(pool.submit(self._create, chunk))
                while waiting:
                    waiting = _collect(waiting, total)
            except BaseException:
                self._stopped.set()
                raise
        return total

    def _create(self, chunk: Sequence[Out]) -> Sent:
        """Create the documents of a chunk; what is refused for now is sent again."""
        sent, back_off = Sent(), _BackOff(self.patience, self._stopped, self.is_late)
        with self.connection.asking():
            while chunk and not self._stopped.is_set():
                if self.is_late():
                    raise LeaseLost
                try:
                    items = self._ask(chunk)
                except ApiError as error:
                    if error.meta.status == _TOO_LARGE and len(chunk) > 1:
                        return self._halves(chunk, sent)
                    if error.meta.status not in _LATER:
                        raise
                    self.is_unsure |= error.meta.status != _TOO_BUSY
                    back_off.wait(error)
                except TransportError as error:
                    self.is_unsure = True
                    back_off.wait(error)
                else:
                    chunk = self._refused(chunk, items, sent, back_off)
        return sent

    def _ask(self, chunk: Sequence[Out]) -> list[_Item]:
        client = self.connection.client.options(
            request_timeout=_REQUEST_SECONDS, max_retries=0, retry_on_status=()
        )
        operations: list[Any] = []  # Lines that are JSON already.
        for document in chunk:
            action = {"create": {"_index": document.index, "_id": document.id}}
            operations += (orjson.dumps(action), document.body)
        answer = client.bulk(operations=operations, filter_path=_ANSWER)
        return [item["create"] for item in answer["items"]]

    def _halves(self, chunk: Sequence[Out], sent: Sent) -> Sent:
        """Send a chunk in two parts: something on the way takes no request of its size."""
        middle = len(chunk) // 2
        for half in (chunk[:middle], chunk[middle:]):
            sent += self._create(half)
        return sent

    def _refused(
        self, chunk: Sequence[Out], items: Sequence[_Item], sent: Sent, back_off: _BackOff
    ) -> list[Out]:
        """Count what was done, wait if something was refused, and return that."""
        refused = []
        for document, item in zip(chunk, items, strict=True):
            status = item["status"]
            if status == _CREATED:
                sent.created += 1
            elif status == _EXISTS:
                sent.existing += 1
            elif status in _LATER and not _is_blocked(item):
                refused.append(document)
                last = item
            else:
                raise self._failure(document, item)
        if refused:
            back_off.wait(faults.refused(last["status"], last, self.connection.address))
        return refused

    def _failure(self, document: Out, item: _Item) -> StoreUnavailable:
        error = faults.refused(item["status"], item, self.connection.address)
        if _is_blocked(item):
            return StoreUnavailable(str(error))
        return StoreUnavailable(f"{error} It was about the event {document.id}, for {document.index}.")


def _is_blocked(item: _Item) -> bool:
    """Tell whether the index takes nothing until a person does something: the disk is full."""
    return bool(item["error"]["type"] == "cluster_block_exception")


def _chunks(documents: Iterable[Out], most: int) -> Iterator[list[Out]]:
    """Yield documents in lists of about ``most`` bytes; one that is larger comes alone or last."""
    chunk: list[Out] = []
    size = 0
    for document in documents:
        chunk.append(document)
        size += len(document.body)
        if size >= most:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _collect(waiting: set[Future[Sent]], total: Sent) -> set[Future[Sent]]:
    """Wait for the next answers, add them up, and return what is still on its way."""
    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        total += future.result()
    return waiting


class _BackOff:
    """Waits longer each time, by chance, so that writers that were refused do not come back as one."""

    def __init__(self, patience: float, stopped: Flag, is_late: Callable[[], bool]) -> None:
        self._until = monotonic() + patience
        self._stopped = stopped
        self._is_late = is_late
        self._next = _FIRST_WAIT

    def wait(self, error: Exception) -> None:
        """Wait; raise the error where it has been too long already."""
        if monotonic() >= self._until:
            raise error
        self._stopped.wait(random.uniform(self._next / 2, self._next))  # noqa: S311
        self._next = min(self._next * 2, _LONGEST_WAIT)
        if self._is_late():
            raise error
