"""A store in use: batches are added while others search, count and follow; what each of them saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event as Flag
from threading import Lock, Thread
from time import monotonic, sleep

from app.errors import StoreUnavailable
from app.store.port import Budget, EventStore
from app.sysmon.condition import Match, Operator
from app.sysmon.events import Event
from app.sysmon.query import EventQuery
from tests.builders import NOON, batch_of, process_create

ROWS = 200
"""Events of a batch: on five days of each of two months."""
PATIENCE = 240.0


def numbered(batch: int) -> list[Event]:
    """Return the events of a batch: any process makes the same ones."""
    return [
        process_create(
            record_id=batch * ROWS + row,
            computer=f"ws-{row % 5}.example",
            time=NOON + timedelta(days=row % 10 * 5, seconds=batch, milliseconds=row),
            process_guid=f"5c3485a0-{batch:04x}-{row:04x}-0010-000000000001",
            command_line=f"batch-{batch:04d} row {row}",
        )
        for row in range(ROWS)
    ]


def of_batch(batch: int, size: int = 70) -> EventQuery:
    """Return the query for a batch, in several pages."""
    return EventQuery(condition=Match("CommandLine", Operator.STARTS_WITH, f"batch-{batch:04d} "), size=size)


@dataclass
class Traffic:
    """Threads over stores of their own, until ``stop``.

    ``wrong`` holds what nobody must ever see; ``refused`` how often each of them was told that the
    store cannot answer, and ``sentences`` in which words.
    """

    open_store: Callable[[], EventStore]
    pause: float = 0.2
    """Between batches."""
    acknowledged: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    followed: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    sentences: set[str] = field(default_factory=set)
    mark: int = 0
    _next: int = 0
    _stopped: Flag = field(default_factory=Flag)
    _lock: Lock = field(default_factory=Lock)
    _threads: list[Thread] = field(default_factory=list)

    def start(self) -> None:
        """Let two add, and one each search, count and follow."""
        for name, work in (
            ("add", self._add),
            ("add", self._add),
            ("search", self._search),
            ("count", self._count),
            ("follow", self._follow),
        ):
            self._threads.append(Thread(target=self._work, args=(name, work), daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let all come to the end of what they are at."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, batches: int) -> None:
        """Wait until so many more batches were acknowledged."""
        wanted, end = len(self.acknowledged) + batches, monotonic() + PATIENCE
        while len(self.acknowledged) < wanted:
            assert not self.wrong, self.wrong[:5]
            assert monotonic() < end, f"the store does not go on: {self.refused}, {self.sentences}"
            sleep(0.1)

    def _work(self, name: str, work: Callable[[EventStore], None]) -> None:
        with self.open_store() as store:
            while not self._stopped.is_set():
                try:
                    work(store)
                    self.answered[name] += 1
                except StoreUnavailable as error:
                    self.refused[name] += 1
                    self.sentences.add(str(error))
                    sleep(0.1)
                except BaseException as error:  # noqa: BLE001 - the test reads it
                    self.wrong.append(f"{name}: {type(error).__name__}: {error}")
                    return

    def _add(self, store: EventStore) -> None:
        with self._lock:
            batch, self._next = self._next, self._next + 1
        try:
            added = store.add(batch_of(*numbered(batch)), f"batch {batch}")
        except StoreUnavailable:
            self.failed.append(batch)
            raise
        if added.added != ROWS:
            self.wrong.append(f"add: batch {batch} was new, and {added} was said of it")
        self.acknowledged.append(batch)
        sleep(self.pause)

    def _search(self, store: EventStore) -> None:
        """Look for the newest acknowledged batch and an older one: all of each must be found, once."""
        known = list(self.acknowledged)
        for batch in {known[-1], known[len(known) // 3]} if known else ():
            found: list[Event] = []
            query = of_batch(batch)
            while True:
                page = store.search(query, Budget(20))
                found += page.events
                if page.next is None:
                    break
                query = query.following(page.next)
            records = [int(str(event.values["record_id"])) for event in found]
            if sorted(records) != list(range(batch * ROWS, batch * ROWS + ROWS)):
                self.wrong.append(f"search: {len(set(records))} of {ROWS} ({len(records)} hits) of {batch}")
            if [event.place for event in found] != sorted((event.place for event in found), reverse=True):
                self.wrong.append(f"search: batch {batch} is out of order")
        sleep(0.05)

    def _count(self, store: EventStore) -> None:
        known = list(self.acknowledged)
        least = len(known) * ROWS
        counted = store.count(EventQuery(), Budget(20)).value
        steps = store.histogram(EventQuery(), timedelta(days=1), Budget(20))
        computers = store.terms(EventQuery(), "Computer", 10, budget=Budget(20))
        most = self._next * ROWS
        sums = {
            "count": counted,
            "histogram": sum(step.count for step in steps),
            "terms": sum(count for _, count in computers.values),
        }
        for name, value in sums.items():
            if not least <= value <= most:
                self.wrong.append(f"{name}: {value} events, and {least} to {most} are there")
        sleep(0.1)

    def _follow(self, store: EventStore) -> None:
        for chunk in store.batches(self.mark, ["record_id"]):
            self.followed.update(chunk.table["record_id"].to_pylist())
            self.mark = chunk.through
        sleep(0.3)
