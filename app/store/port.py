"""The storage port: all that the program may ask of an engine.

Values cross it, never an engine's rows or exceptions. Each docstring is a promise, and
``tests/contract`` has a test of each promise, run over every adapter. For all reading
methods: a store that cannot answer raises StoreUnavailable; it never returns an empty or
partial result in its place. A query that outlives its budget raises QueryTooSlow.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event as Flag
from time import monotonic
from types import TracebackType
from typing import Final, Self

import pyarrow as pa

from app.errors import QueryCancelled, QueryTooSlow
from app.store.together import Together
from app.sysmon.batch import EventBatch
from app.sysmon.events import Event, EventKey
from app.sysmon.query import EventQuery


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a batch: ``added + duplicates`` is its length.

    ``batch`` is the number under which it is stored, None where all were duplicates.
    """

    added: int
    duplicates: int
    batch: int | None


@dataclass(frozen=True, slots=True)
class Results:
    """One page of events, and the cursor of the next one (None: this is the last)."""

    events: tuple[Event, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Count:
    """A number of events; not exact: there are at least so many, or, ``at_most``, no more."""

    value: int
    exact: bool = True
    at_most: bool = False

    @property
    def at_least(self) -> bool:
        return not self.exact and not self.at_most


@dataclass(frozen=True, slots=True)
class Bucket:
    """Events of one ID in the step that begins at ``start``."""

    start: datetime
    event_id: int
    count: int


@dataclass(frozen=True, slots=True)
class Terms:
    """The values of a field, as texts, with the number of events of each.

    ``distinct`` counts all values; ``missing`` the events that have none. Values that
    differ in case only are counted apart, as they are written.

    ``error`` above 0: there are too many values to count them all. Each count may be too low
    by so many, a value that is left out may have so many, and ``distinct`` is an estimate.
    """

    values: tuple[tuple[str, int], ...]
    distinct: int
    missing: int
    error: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Events that are alike: they have the same values, or none (None), in the fields asked for.

    ``start`` is where their step of record time begins, None where no step was asked for;
    ``first`` and ``last`` are record times.
    """

    values: tuple[str | None, ...]
    start: datetime | None
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups in the order of their values, and whether these are all."""

    rows: tuple[Group, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Rarity:
    """Where and when a value was seen, in all that is stored: events, computers, record times.

    ``is_estimate``: the number of computers is about right only, for there are many.
    """

    computers: int
    events: int
    first: datetime
    last: datetime
    is_estimate: bool = False


@dataclass(frozen=True, slots=True)
class StoredColumns:
    """Rows of whole batches, in order of storing: columns asked for, and ``batch``.

    ``through`` is the newest batch number that they reach: the mark of a scan that has
    read them.
    """

    table: pa.Table
    through: int


@dataclass(frozen=True, slots=True)
class ComputerInfo:
    """What is stored of one computer."""

    events: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What is in the store. Times are record times; None: the store is empty.

    A computer whose name is written in several cases is one, under one of these names.
    ``counts_documents``: others write here too, so an event may lie here more than once;
    pages show it once, but all that is counted are documents. ``notes`` are sentences for
    people about what is stored in a way that costs time or hides something.
    """

    events: int
    bytes: int
    newest_batch: int
    first: datetime | None
    last: datetime | None
    computers: Mapping[str, ComputerInfo]
    event_ids: Mapping[int, int]
    details: Mapping[str, str | int] = field(default_factory=dict)
    """What only this engine has: number of segments, name of the index …"""
    counts_documents: bool = False
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Budget:
    """How long one query may take; another thread may cancel it.

    The clock runs from the making. A budget serves one query or several that belong
    together.
    """

    seconds: float
    _ends: float = field(init=False)
    _cancelled: Flag = field(init=False, default_factory=Flag)

    def __post_init__(self) -> None:
        self._ends = monotonic() + self.seconds

    def cancel(self) -> None:
        """Stop the query: it raises QueryCancelled."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    @property
    def left(self) -> float:
        """Seconds that are left; never below 0."""
        return max(0.0, self._ends - monotonic())

    def check(self) -> None:
        """Raise when the time is up or somebody cancelled."""
        if self.cancelled:
            raise QueryCancelled("The query was cancelled.")
        if self.left == 0:
            raise QueryTooSlow(
                f"The query took more than {self.seconds:g} seconds and was stopped. Narrow it: a"
                " shorter time range, one computer, an event ID, or a field in place of free text."
            )


RARITY_FIELDS: Final = frozenset(
    {
        *("Image", "SourceImage", "Process", "ParentImage", "TargetImage", "ImageLoaded"),
        *("CommandLine", "TargetFilename", "PipeName", "Hashes", "MD5", "SHA1", "SHA256", "IMPHASH"),
        *("DestinationIp", "DestinationHostname", "QueryName"),
    }
)
"""The fields that ``EventStore.rarity`` can be asked about."""


class EventStore(ABC):
    """Events, stored once each, and the questions to them.

    Safe to use from several threads. ``budget`` None means the store's default.
    """

    @abstractmethod
    def add(self, batch: EventBatch, source: str) -> Added:
        """Store the events that are not stored yet.

        On an error none of them is stored, unless the engine broke down in the midst: then
        adding the batch again stores the rest, and none is lost or doubled.

        An event is the same when its key is (computer without case, event ID, UtcTime in
        milliseconds, record number or else content): the first copy stays, within one
        batch too, and though two processes add at once. The batch gets one number, above
        all numbers that were visible before. ``source`` says where it came from, for people.
        Seen by every reader when this returns.
        """

    @abstractmethod
    def search(self, query: EventQuery, budget: Budget | None = None) -> Results:
        """Return one page of matching events in the query's order.

        Equal times stand in one fixed order (``Event.place``), so following ``next`` to the
        end shows every event once that was stored before and matches. Events stored
        meanwhile show if they belong behind the cursor. A cursor of another ``sort`` is a
        BadQuery; one of another condition or order goes on from its event.
        """

    @abstractmethod
    def count(self, query: EventQuery, budget: Budget | None = None) -> Count:
        """Count the matching events; order, size and cursor do not matter."""

    def together(self) -> Together:
        """Return what takes several questions that do not wait for each other's answers.

        What they ask of the store goes to the engine at once where each way there is long. The
        answers, and the errors, are those of asking one after the other.
        """
        return Together()

    def is_exact(self, query: EventQuery, budget: Budget | None = None) -> bool:
        """Tell whether what is counted of a query is exact; False: there are at most so many.

        Holds for ``count``, ``histogram``, ``terms``, ``facets`` and ``groups``. An engine that
        cannot express a condition counts all that may match where those are too many to be read.
        """
        return True

    @abstractmethod
    def histogram(
        self, query: EventQuery, step: timedelta, budget: Budget | None = None
    ) -> tuple[Bucket, ...]:
        """Count matching events per step of record time and event ID.

        Steps begin at whole multiples of ``step`` since 1970; one that would begin before the
        calendar does begins with it. Empty ones are left out; sorted by start, then event ID.
        """

    @abstractmethod
    def terms(
        self, query: EventQuery, name: str, size: int, *, rarest: bool = False, budget: Budget | None = None
    ) -> Terms:
        """Count matching events per value of the field ``name`` (of ``fields.FIELDS``).

        Most frequent first (``rarest``: least frequent first), equal counts by value. At
        most ``size`` values.
        """

    def facets(
        self, query: EventQuery, names: Sequence[str], size: int, *, budget: Budget | None = None
    ) -> tuple[Terms, ...]:
        """Return what ``terms`` says of each of these fields, most frequent values first."""
        return tuple(self.terms(query, name, size, budget=budget) for name in names)

    @abstractmethod
    def groups(
        self,
        query: EventQuery,
        names: Sequence[str],
        *,
        step: timedelta | None = None,
        limit: int = 20_000,
        budget: Budget | None = None,
    ) -> Groups:
        """Count matching events per combination of the values of the fields ``names``.

        With a ``step``, per step of record time too; steps are those of ``histogram``. In the
        order of the values, as ``EventQuery.sort`` compares them but without value first, then
        of the start. The first ``limit`` (at least 1) of them; not ``complete``: there are more.
        """

    @abstractmethod
    def rarity(
        self, values: Sequence[tuple[str, str]], budget: Budget | None = None
    ) -> tuple[Rarity | None, ...]:
        """Return where and when each of these values was seen; None: never.

        Each is a field (of ``RARITY_FIELDS``, or BadQuery) and a whole value in any case. A
        name that is for some events only (``Image``) speaks of all, as the spanning name does.
        A hash is one that Hashes or Hash hold. Computers that differ in case only are one.
        """

    @abstractmethod
    def event(self, key: EventKey, budget: Budget | None = None) -> Event:
        """Return the event with this key; raise NotFound where none is stored."""

    @abstractmethod
    def events(self, keys: Sequence[EventKey], budget: Budget | None = None) -> tuple[Event, ...]:
        """Return the events with these keys, in the order of the keys.

        Keys that are not stored are left out: compare the keys to learn which.
        """

    @abstractmethod
    def batches(
        self, after: int, columns: Sequence[str], until: int | None = None
    ) -> Iterator[StoredColumns]:
        """Yield rows of batches with ``after < number <= until`` in order of storing.

        ``columns`` are names of ``batch.SCHEMA``. No row comes twice, none is left out,
        whatever compaction does meanwhile; a chunk holds whole batches, numbers ascend from
        chunk to chunk. Ends at the newest batch that was stored when it began.
        """

    @abstractmethod
    def info(self) -> StoreInfo:
        """Return what is in the store, without reading events."""

    def tidy(self) -> None:
        """Do the upkeep that is due, such as merging small files; cheap where nothing is due.

        Changes nothing that a query shows, but what the settings no longer keep. Queries and
        adding go on meanwhile. An engine that looks after itself does nothing here.
        """
        return

    def warm(self) -> None:
        """Read ahead what first questions will need, in a thread of the caller's.

        Changes no answer and keeps no question waiting; ends early where the store is closed.
        """
        return

    def close(self) -> None:
        """Give back what the store holds open; it is not used afterwards."""
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
