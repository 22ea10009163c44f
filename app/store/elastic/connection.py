"""One way to ask Elasticsearch: with a budget, to be cancelled, and with errors that say what to do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from math import ceil
from time import monotonic, sleep
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode
from uuid import uuid4

from elastic_transport import TransportApiResponse, TransportError
from elasticsearch import ApiError, Elasticsearch

from app.errors import StoreUnavailable
from app.settings import Settings
from app.store.elastic import faults
from app.store.elastic.address import read_address
from app.store.elastic.client import (
    MOST_CONNECTIONS,
    REQUEST_SECONDS,
    RETRIED,
    Serializer,
    auth_headers,
    make_client,
    retries,
)
from app.store.elastic.gathering import gathering
from app.store.elastic.server import Server, check_reading, read_server
from app.store.elastic.waiting import Threads, result_within
from app.store.port import Budget

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)
_JSON: Final = "application/vnd.elasticsearch+json; compatible-with=8"
_LINES: Final = "application/vnd.elasticsearch+x-ndjson; compatible-with=8"
_OPEN: Final = {"ignore_unavailable": "true", "allow_no_indices": "true"}
"""A pattern that fits nothing is no error, nor is an index that was deleted or closed meanwhile."""
_WHOLE: Final = {"allow_partial_search_results": "false"}
_KEPT: Final = "2m"
"""How long a point in time stays open after each use."""
_GRACE_SECONDS: Final = 1.0
"""A request outlives its query's budget by so much: the server, asked to keep it, answers first."""
READING_SECONDS: Final = 30.0
"""So long it is believed that who asks may read all that is named."""
_PATIENCE_SECONDS: Final = 3.0
_AGAIN_SECONDS: Final = 0.2
_STOP_TRIES: Final = 20
_ROUNDED_ABOVE: Final = 5.0
"""Seconds; what is left of less time is told to the server exactly."""
_dumps: Final = Serializer().json_dumps


class Connection:
    """A cluster, and the questions to it.

    Safe to use from several threads. Every method raises errors of ``app.errors`` only, but for
    ``client``: what is asked through it belongs in ``with connection.asking():``.
    """

    def __init__(self, settings: Settings) -> None:
        self.address = read_address(settings)
        self.client: Elasticsearch = make_client(self.address)
        self._headers = auth_headers(self.address)
        self._threads = Threads(MOST_CONNECTIONS)
        self._server: Server | None = None
        self._reading_until = 0.0

    @property
    def server(self) -> Server:
        """What answers: read once, when it is first asked for.

        Raises StoreUnavailable where it is no Elasticsearch, or one that is too old, or where not
        all that is named may be read.
        """
        if self._server is None:
            with self.asking():
                server = read_server(self.client)
            self._check_reading()
            self._server = server
        return self._server

    def _check_reading(self) -> None:
        with self.asking():
            check_reading(self.client, self.address)
        self._reading_until = monotonic() + READING_SECONDS

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Turn every error of the client into one of ``app.errors`` that says what to do."""
        try:
            yield
        except (TransportError, ApiError) as error:
            raise faults.translated(error, self.address) from error

    def search(self, body: Mapping[str, Any], *, indices: str, budget: Budget) -> dict[str, Any]:
        """Return the answer to one search of the indices and patterns; whole, or an error."""
        if gathering() is not None:
            return self.searches([(indices, body)], budget=budget)[0]

        def ask() -> dict[str, Any]:
            answer = self._ask(_path(indices, "_search"), _OPEN | _WHOLE, body, budget)
            _check_whole(answer, budget)
            return answer

        return self.patiently(ask, budget)

    def searches(
        self, requests: Sequence[tuple[str, Mapping[str, Any]]], *, budget: Budget
    ) -> list[dict[str, Any]]:
        """Return the answers to several searches, each of (indices, body), sent as one request."""
        if not requests:
            return []

        together = gathering()

        def ask() -> list[dict[str, Any]]:
            if together is not None:
                return together.searches(requests, budget)
            answers = self.send([(request, budget) for request in requests], budget)
            return [self.read(answer, budget) for answer in answers]

        return self.patiently(ask, budget)

    def send(
        self, requests: Sequence[tuple[tuple[str, Mapping[str, Any]], Budget]], budget: Budget
    ) -> list[dict[str, Any]]:
        """Send several searches as one request; return the answers unread, each may be an error."""
        return list(self._ask("/_msearch", {}, _lines(requests), budget)["responses"])

    def read(self, answer: dict[str, Any], budget: Budget) -> dict[str, Any]:
        """Return an answer to one of several searches, or raise the error that it is."""
        if "error" in answer:
            raise _refused(answer["status"], answer, self, budget)
        _check_whole(answer, budget)
        return answer

    def patiently(self, ask: Callable[[], T], budget: Budget) -> T:
        """Return the answer; ask again for a moment while a shard has no copy that answers.

        That is so whenever an index is made, and when a node has gone: another copy takes over.
        """
        end = monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return ask()
            except faults.NoShards as error:
                if monotonic() >= end:
                    raise StoreUnavailable(str(error)) from error
            budget.check()
            sleep(_AGAIN_SECONDS)

    @contextmanager
    def point(self, indices: str, *, budget: Budget) -> Iterator[str]:
        """Open a point in time over indices and patterns, and close it at the end."""
        path, params = _path(indices, "_pit"), {**_OPEN, "keep_alive": _KEPT}
        opened = self.patiently(lambda: self._ask(path, params, None, budget), budget)
        faults.check_shards(opened)
        close = partial(self._send, "DELETE", "/_pit", {"id": opened["id"]}, seconds=_GRACE_SECONDS)
        try:
            yield opened["id"]
        except BaseException:
            self._threads.run(close)  # Whoever gave up does not wait for this too.
            raise
        try:
            close()
        except TransportError:
            _log.warning("A point in time was not closed; Elasticsearch closes it within %s.", _KEPT)

    def point_search(self, body: Mapping[str, Any], *, budget: Budget) -> dict[str, Any]:
        """Return the answer to one search of a point in time, which ``body["pit"]["id"]`` names."""
        kept = {"keep_alive": _KEPT} | dict(body["pit"])
        answer = self._ask("/_search", _WHOLE, {**body, "pit": kept}, budget)
        _check_whole(answer, budget)
        return answer

    def close(self) -> None:
        """Give back connections and threads."""
        self._threads.close()
        self.client.close()

    def _ask(
        self,
        path: str,
        params: Mapping[str, str],
        body: Mapping[str, Any] | bytes | None,
        budget: Budget,
    ) -> dict[str, Any]:
        """Send a request in a thread and wait for the answer, or until the budget says no."""
        budget.check()
        if monotonic() >= self._reading_until:
            # What answers is looked at before it is trusted, and who asks may lose rights later on.
            look = self._check_reading if self._server else lambda: self.server
            result_within(self._threads.run(look), budget)
        target = f"{path}?{urlencode(params)}" if params else path
        name = f"sysmonsearch-{uuid4().hex}"
        content = body if isinstance(body, bytes) else _timed(body, budget)
        future = self._threads.run(
            partial(self._send, "POST", target, content, seconds=budget.left + _GRACE_SECONDS, name=name)
        )
        try:
            with self.asking():
                meta, answer = result_within(future, budget)
        except BaseException:
            if not future.done():
                self._threads.run(partial(self._stop, name, future.done))
            raise
        if meta.status >= 300:
            raise _refused(meta.status, answer, self, budget)
        return dict(answer)

    def _send(
        self, method: str, target: str, body: Any, *, seconds: float = REQUEST_SECONDS, name: str = ""
    ) -> TransportApiResponse:
        """Send a request by the client's transport: ``client.options`` takes 0.3 ms for each."""
        headers = {"accept": _JSON, **self._headers}
        if body is not None:
            headers["content-type"] = _LINES if isinstance(body, bytes) else _JSON
        if name:
            headers["x-opaque-id"] = name
        return self.client.transport.perform_request(
            method,
            target,
            body=body,
            headers=headers,
            request_timeout=seconds,
            max_retries=retries(self.address),
            retry_on_status=RETRIED,
            retry_on_timeout=False,
        )

    def _stop(self, name: str, is_done: Any) -> None:
        """Make the server stop what it does under this name; it may not have begun yet.

        Where that is not allowed, or fails, the search ends by the time limit that it carries.
        """
        for _ in range(_STOP_TRIES):
            if is_done():
                return
            try:
                meta, tasks = self._send("GET", "/_tasks?actions=*search*", None, seconds=_GRACE_SECONDS)
                if meta.status >= 300:
                    return
                for task in _tasks_named(tasks, name):
                    path = f"/_tasks/{quote(task)}/_cancel"
                    if self._send("POST", path, None, seconds=_GRACE_SECONDS).meta.status == 403:
                        return
            except TransportError:
                return
            sleep(0.05)


def _path(indices: str, what: str) -> str:
    if not indices:
        raise ValueError("No index is named: all of them would be searched.")
    return f"/{quote(indices, safe='*,')}/{what}"


def _timed(body: Mapping[str, Any] | None, budget: Budget) -> dict[str, Any] | None:
    """Return a search that the server itself ends when the budget is used up.

    In whole seconds while there are several: who asks waits no longer than the budget anyway, and
    the server remembers an answer only for whoever asks the very same, the time included.
    """
    if body is None:
        return None
    left = budget.left
    time = f"{ceil(left)}s" if left > _ROUNDED_ABOVE else f"{max(1, int(left * 1000))}ms"
    return {**body, "timeout": time}


def _lines(requests: Sequence[tuple[tuple[str, Mapping[str, Any]], Budget]]) -> bytes:
    """Return the body of a request of several searches, each with its time."""
    lines: list[bytes] = []
    for (indices, body), budget in requests:
        _path(indices, "_search")
        options = {
            "ignore_unavailable": True,
            "allow_no_indices": True,
            "allow_partial_search_results": False,
        }
        lines += (_dumps({"index": indices.split(","), **options}), _dumps(_timed(body, budget)))
    return b"\n".join(lines) + b"\n"


def _check_whole(answer: Mapping[str, Any], budget: Budget) -> None:
    if answer.get("timed_out"):
        raise _too_slow(budget)
    faults.check_shards(answer)


def _refused(status: int, body: object, connection: Connection, budget: Budget) -> Exception:
    if faults.is_timeout(body):
        return _too_slow(budget)
    return faults.refused(status, body, connection.address)


def _too_slow(budget: Budget) -> Exception:
    """Return the budget's own error: the server's clock may be a little ahead of ours."""
    try:
        sleep(min(budget.left, _GRACE_SECONDS))
        budget.check()
    except faults.BUDGET_ERRORS as error:
        return error
    return faults.server_gave_up()


def _tasks_named(tasks: Mapping[str, Any], name: str) -> list[str]:
    return [
        number
        for node in tasks.get("nodes", {}).values()
        for number, task in node["tasks"].items()
        if task.get("cancellable") and task.get("headers", {}).get("X-Opaque-Id") == name
    ]
