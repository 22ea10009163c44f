"""The embedded store's reading side: catalogue, value summaries and DuckDB put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from threading import Event as Flag
from threading import Lock
from typing import Final, TypeVar

from app.errors import BadQuery, NotFound
from app.settings import Settings
from app.store.catalogue import Catalogue
from app.store.embedded_counts import Counting
from app.store.embedded_engine import Engine, FileGone
from app.store.embedded_guids import GuidFinder
from app.store.embedded_keys import KeyFinder
from app.store.embedded_picked import PickedReader
from app.store.embedded_rarity import RarityFinder
from app.store.embedded_rows import EventReader, file_errors
from app.store.embedded_search import Searcher
from app.store.embedded_sort import Sorter
from app.store.embedded_values import Values
from app.store.port import RARITY_FIELDS, Bucket, Budget, Count, Groups, Rarity, Results, Terms
from app.sysmon.events import Event, EventKey
from app.sysmon.fields import FIELDS
from app.sysmon.query import EventQuery, cursor_behind, decode_cursor, decode_sorted

T = TypeVar("T")

_MICROSECOND: Final = timedelta(microseconds=1)
_GLANCE_SECONDS: Final = 0.02


class EmbeddedReader:
    """The reading methods of ``port.EventStore``, each as it is promised there."""

    def __init__(self, catalogue: Catalogue, settings: Settings) -> None:
        self._catalogue = catalogue
        self._seconds = settings.query_seconds
        self._engine = Engine(settings, catalogue.folder / "segments")
        self._values = Values(self._engine)
        self._events = EventReader(self._engine)
        self._keys = KeyFinder(self._engine, self._events)
        self._guids = GuidFinder()
        self._picked = PickedReader(settings.query_threads)
        self._lock = Lock()
        self._questions = 0
        self._closed = Flag()
        self._rarity = RarityFinder(self._engine)

    def search(self, query: EventQuery, budget: Budget | None = None) -> Results:
        budget = budget or self._budget()
        return self._answered(lambda: self._page(query, budget))

    def count(self, query: EventQuery, budget: Budget | None = None) -> Count:
        budget = budget or self._budget()
        return self._answered(lambda: self._counting(query, budget).count())

    def histogram(
        self, query: EventQuery, step: timedelta, budget: Budget | None = None
    ) -> tuple[Bucket, ...]:
        budget = budget or self._budget()
        return self._answered(lambda: self._counting(query, budget).histogram(step // _MICROSECOND))

    def terms(
        self, query: EventQuery, name: str, size: int, *, rarest: bool = False, budget: Budget | None = None
    ) -> Terms:
        budget = budget or self._budget()
        return self._answered(lambda: self._counting(query, budget).terms([name], size, rarest=rarest)[0])

    def facets(
        self, query: EventQuery, names: Sequence[str], size: int, *, budget: Budget | None = None
    ) -> tuple[Terms, ...]:
        budget = budget or self._budget()
        return self._answered(lambda: self._counting(query, budget).terms(names, size))

    def groups(
        self,
        query: EventQuery,
        names: Sequence[str],
        step: timedelta | None,
        limit: int,
        budget: Budget | None,
    ) -> Groups:
        budget = budget or self._budget()
        length = None if step is None else step // _MICROSECOND
        return self._answered(lambda: self._counting(query, budget).groups(names, length, limit))

    def rarity(
        self, values: Sequence[tuple[str, str]], budget: Budget | None = None
    ) -> tuple[Rarity | None, ...]:
        for name, _ in values:
            if name not in RARITY_FIELDS:
                raise BadQuery(f"There is no rarity of the field {name}.")
        budget = budget or self._budget()
        return self._answered(lambda: self._rarity.find(values, self._catalogue.live(), budget))

    def event(self, key: EventKey, budget: Budget | None = None) -> Event:
        for event in self.events([key], budget):
            return event
        raise NotFound(f"No event {key} is stored.")

    def events(self, keys: Sequence[EventKey], budget: Budget | None = None) -> tuple[Event, ...]:
        budget = budget or self._budget()
        found = self._answered(lambda: self._keys.events(keys, self._catalogue.live(), budget))
        by_key = {event.key: event for event in found}
        return tuple(by_key[key] for key in keys if key in by_key)

    def warm(self) -> None:
        """Read what first questions need and a file has: indexes, footers, value summaries.

        In small steps, each when no question is being answered, until the memory for it is full.
        """
        columns = sorted({FIELDS[name].column for name in RARITY_FIELDS})
        segments = self._catalogue.live()
        steps: list[Callable[[], object]] = [
            partial(self._guids.open, [segment], segments) for segment in segments
        ]
        for segment in segments:
            steps.append(partial(self._picked.footer, str(segment.path)))
            steps += (partial(self._rarity.seen.of, segment.summary_path, column) for column in columns)
        for step in steps:
            while self._questions and not self._closed.wait(_GLANCE_SECONDS):
                pass
            if self._closed.is_set() or self._rarity.seen.is_full:
                return
            with file_errors(str(self._catalogue.folder)):
                step()

    def close(self) -> None:
        """Give back the memory that queries hold."""
        self._closed.set()
        self._engine.close()

    def _answered(self, work: Callable[[], T]) -> T:
        """Do the work of a question, and once more where a file was replaced meanwhile."""
        with self._lock:
            self._questions += 1
        try:
            return _retried(work)
        finally:
            with self._lock:
                self._questions -= 1

    def _budget(self) -> Budget:
        return Budget(self._seconds)

    def _counting(self, query: EventQuery, budget: Budget) -> Counting:
        return Counting(self._searcher(), query, budget)

    def _searcher(self) -> Searcher:
        return Searcher(self._catalogue.live(), self._engine, self._values, self._guids, self._picked)

    def _page(self, query: EventQuery, budget: Budget) -> Results:
        field, most = query.sort_field, query.size + 1
        if field is not None:
            behind = None if query.after is None else decode_sorted(query.after, field)
            found = Sorter(self._searcher(), query, field, budget).first(behind, most)
        else:
            place = None if query.after is None else decode_cursor(query.after)
            found = self._searcher().first(query, place, most, budget)
        events = self._events.read(found[: query.size], budget)
        return Results(tuple(events), cursor_behind(query, events[-1]) if len(found) == most else None)


def _retried(work: Callable[[], T]) -> T:
    """Do the work, and once more where a file was replaced meanwhile.

    The work begins with reading the catalogue, which then names the new file.
    """
    try:
        return work()
    except FileGone:
        return work()
