"""Numbers of batches: each is given once, ascends, and is open while its batch is being written.

One small document of the cluster holds them, changed by compare-and-set. Numbers are
microseconds since 1970, so that they ascend though the document be lost, and stand in one
order with the times of documents that others write.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Lock, Thread
from time import sleep, time
from typing import Any, Final, NamedTuple, TypeVar

from elasticsearch import ApiError, BadRequestError, ConflictError, NotFoundError

from app.errors import StoreUnavailable
from app.store.elastic.connection import Connection
from app.store.elastic.indices import Names

LEASE_SECONDS: Final = 60.0
"""A writer that does not renew its number for so long is held for dead."""

SKEW_SECONDS: Final = 30.0
"""So far clocks of two machines may differ: a lease counts so much longer for others."""

_RENEWALS: Final = 4
"""So often a number is renewed in the time of its lease."""

_ID: Final = "batches"
_SECOND: Final = 1_000_000
_TRIES: Final = 100
_LONGEST_WAIT: Final = 0.2
_TOO_BUSY: Final = 429

T = TypeVar("T")


@dataclass(slots=True)
class _State:
    """What the document says: the last number given, the newest that has events, and the open ones."""

    last: int = 0
    stored: int = 0
    open: dict[int, int] = field(default_factory=dict)

    @classmethod
    def read(cls, source: dict[str, Any]) -> _State:
        leases = {int(number): int(end) for number, end in source["open"].items()}
        return cls(source["last"], source["stored"], leases)

    def written(self) -> dict[str, Any]:
        leases = {str(number): end for number, end in self.open.items()}
        return {"last": self.last, "stored": self.stored, "open": leases}

    def drop_expired(self, now: int) -> None:
        """Forget writers that are dead: what they left is visible, or never will be."""
        self.open = {number: end for number, end in self.open.items() if not _is_over(end, now)}


class _Version(NamedTuple):
    """The state, and by what the cluster tells whether it has changed since; None: it is not there."""

    state: _State
    seq_no: int | None = None
    term: int | None = None


def _is_over(end: int, now: int) -> bool:
    return end + SKEW_SECONDS * _SECOND < now


def _now() -> int:
    return int(time() * _SECOND)


class LeaseLost(StoreUnavailable):
    """A batch took so long that others hold its writer for dead."""

    def __init__(self) -> None:
        super().__init__(
            "Storing a batch was held up for so long that readers no longer waited for it. It was taken"
            " back; add it again."
        )


class Numbers:
    """The numbers of one store, for all processes that write there."""

    def __init__(self, connection: Connection, names: Names, lease_seconds: float = LEASE_SECONDS) -> None:
        self._connection = connection
        self._names = names
        self._lease_seconds = lease_seconds
        self._lock = Lock()
        self._seen: _Version | None = None
        self._leases: dict[int, int] = {}
        self._alone: set[int] = set()

    def begin(self) -> int:
        """Return a new number, above all that were given before; it is open until ``end``."""

        def open_one(state: _State, now: int) -> tuple[int, bool]:
            state.drop_expired(now)
            is_alone = not state.open
            state.last = max(now, state.last + 1)
            state.open[state.last] = now + self._lease
            return state.last, is_alone

        number, is_alone = self._change(open_one)
        if is_alone:
            self._alone.add(number)
        return number

    def renew(self, number: int) -> None:
        """Hold a number open for longer; raise LeaseLost where it was given up."""

        def hold(state: _State, now: int) -> None:
            self._check(number, now)
            state.open[number] = now + self._lease

        self._change(hold)

    def end(self, number: int, *, stored: bool) -> None:
        """Close a number: with ``stored`` its events are there, else it is as if it had never been.

        Raises LeaseLost where readers may have passed it by, and it is to be ``stored``.
        """

        def close(state: _State, now: int) -> None:
            if stored:
                self._check(number, now)
                state.stored = max(state.stored, number)
            state.open.pop(number, None)

        self._change(close)
        self._leases.pop(number, None)
        self._alone.discard(number)

    def is_lost(self, number: int) -> bool:
        """Tell whether a number that was not closed is held for that of a dead writer, by our clock."""
        return self._leases.get(number, 0) < _now()

    def was_alone(self, number: int) -> bool:
        """Tell whether no other number was open at any time since this one was given."""
        return number in self._alone and self._read().state.last == number

    def newest(self) -> int:
        """Return the newest number whose events are stored; 0: there is none."""
        return self._read().state.stored

    def safe_until(self, time: int | None = None) -> int:
        """Return the number up to which nothing more will come: all batches up to it are whole.

        With a ``time``, in microseconds, that is the number, or the one before the first open
        one: for those who read documents of others too, which have times for numbers. It must
        be so long ago that no writer's clock is still before it.
        """
        state, now = self._read().state, _now()
        until = state.last if time is None else time
        live = (number - 1 for number, end in state.open.items() if not _is_over(end, now))
        return min([until, *live])

    @contextmanager
    def held(self, number: int) -> Iterator[Flag]:
        """Renew a number now and then, in a thread; the flag is set where it was lost."""
        done, lost = Flag(), Flag()

        def hold() -> None:
            while not done.wait(self._lease_seconds / _RENEWALS):
                try:
                    self.renew(number)
                except LeaseLost:
                    lost.set()
                    return
                except StoreUnavailable:
                    continue  # The next attempt may succeed; if none does in time, ``is_lost`` says so.

        thread = Thread(target=hold, daemon=True, name="batch-lease")
        thread.start()
        try:
            yield lost
        finally:
            done.set()
            thread.join()

    @property
    def _lease(self) -> int:
        return int(self._lease_seconds * _SECOND)

    def _check(self, number: int, now: int) -> None:
        """Raise where a number is no longer ours: by our own clock, for a change of ours may have
        gone through though its answer was lost, and then the document lacks the number."""
        if self._leases.get(number, 0) < now:
            raise LeaseLost

    def _change(self, change: Callable[[_State, int], T]) -> T:
        """Change the document, as often as it takes: another process may be quicker."""
        with self._lock:
            for attempt in range(_TRIES):
                seen = self._seen if self._seen and attempt == 0 else self._read()
                state = _State(seen.state.last, seen.state.stored, dict(seen.state.open))
                result = change(state, _now())
                if self._written(state, seen):
                    self._leases |= {n: end for n, end in state.open.items() if seen.state.open.get(n) != end}
                    return result
                sleep(random.uniform(0, min(_LONGEST_WAIT, 0.005 * 2 ** min(attempt, 10))))  # noqa: S311
        raise StoreUnavailable(
            "Too many processes store events in Elasticsearch at once, so that no number was to be had for"
            " this batch. Nothing was lost; try again."
        )

    def _read(self) -> _Version:
        with self._connection.asking():
            try:
                found = self._connection.client.get(index=self._names.state, id=_ID)
            except NotFoundError:
                return _Version(self._anew())
        return _Version(_State.read(found["_source"]), found["_seq_no"], found["_primary_term"])

    def _anew(self) -> _State:
        """Return the state of a store that has no document yet, or has lost it."""
        answer = self._connection.client.search(
            index=self._names.events,
            size=0,
            aggregations={"newest": {"max": {"field": "sysmonsearch.batch"}}},
            allow_no_indices=True,
            ignore_unavailable=True,
            allow_partial_search_results=False,
        )
        newest = int(answer.get("aggregations", {}).get("newest", {}).get("value") or 0)
        return _State(newest, newest)

    def _written(self, state: _State, before: _Version) -> bool:
        """Write the document if it is still as it was before; remember it."""
        self._seen = None
        with self._connection.asking():
            try:
                if before.seq_no is None:
                    self._make_index()
                    guard: dict[str, Any] = {"op_type": "create"}
                else:
                    guard = {"if_seq_no": before.seq_no, "if_primary_term": before.term}
                answer = self._connection.client.index(
                    index=self._names.state, id=_ID, document=state.written(), **guard
                )
            except ConflictError:
                return False
            except ApiError as error:
                # A full disk has that status too, and does not pass by itself.
                if error.meta.status != _TOO_BUSY or error.error == "cluster_block_exception":
                    raise
                return False
        self._seen = _Version(state, answer["_seq_no"], answer["_primary_term"])
        return True

    def _make_index(self) -> None:
        """Make the index of the document, unless another process has."""
        settings = {"number_of_shards": 1, "number_of_replicas": 0, "auto_expand_replicas": "0-1"}
        try:
            self._connection.client.indices.create(
                index=self._names.state, settings={"index": settings}, mappings={"dynamic": False}
            )
        except BadRequestError as error:
            if error.error != "resource_already_exists_exception":
                raise
