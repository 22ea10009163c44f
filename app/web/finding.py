"""Asks the store all that one search page shows.

Rows come first. What counts (histogram, facets) may take long where rows do not, so it has
a time of its own: when that is up the page comes without counts and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final

from app.errors import QueryTooSlow
from app.store.port import Bucket, Budget, Count, EventStore, StoreInfo
from app.sysmon.condition import EVERYTHING
from app.sysmon.query import EventQuery, Order, cursor_behind
from app.web.facets import Facet, Facets
from app.web.filters import SearchArgs
from app.web.histogram import MOST_BARS, Histogram, histogram_of, range_of, step_for
from app.web.received import all_received
from app.web.results import Burst, Folding
from app.web.stores import info_of
from app.web.users import ProcessOf, User, users_of

ROWS: Final = 50
"""So many rows a page has."""

FIRST_READ: Final = 100
MOST_READ: Final = 2_000
"""So many events at most are read and folded into one page's rows."""

_AMPLE: Final = 1.5
"""So many times what seems to be needed is read next: one large read costs less than two."""

COUNTING_SECONDS: Final = 5.0
"""Counting is given up after so long, unless the reader asks for it."""

_MOMENT: Final = timedelta(microseconds=1)
_LAST: Final = datetime.max.replace(tzinfo=UTC) - _MOMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The answer to a search.

    ``taken`` events stand in the bursts; ``next`` is where the next page begins. Without
    counts ``total`` is "at least" and ``facets`` and ``histogram`` are missing.
    """

    info: StoreInfo
    bursts: tuple[Burst, ...]
    taken: int
    next: str | None
    total: Count
    histogram: Histogram | None
    facets: tuple[Facet, ...]
    seconds: float
    users: Mapping[ProcessOf, User] = field(default_factory=dict)
    """The users of the rows' processes, where the events name none."""

    @property
    def computers(self) -> int:
        """The number of computers with found events, however many the facet shows."""
        return next((facet.distinct for facet in self.facets if facet.key == "computers"), 0)


def find(store: EventStore, args: SearchArgs, query: EventQuery, *, has_links: bool = True) -> Found:
    """Ask the store for a page of rows, and for what is counted of all that matches."""
    began = monotonic()
    info = info_of(store)
    together = store.together()
    rows = together.ask(lambda: _rows(store, query, folds=args.folds))
    counted = together.ask(lambda: _counted(store, args, query, info, has_links))
    folding, after, users = rows()
    counts = counted()
    return Found(
        info=info,
        bursts=tuple(folding.bursts),
        taken=folding.taken,
        next=after,
        total=counts.total if counts else Count(folding.taken, exact=False),
        histogram=counts.histogram if counts else None,
        facets=counts.facets if counts else (),
        seconds=monotonic() - began,
        users=users,
    )


def _rows(
    store: EventStore, query: EventQuery, *, folds: bool
) -> tuple[Folding, str | None, Mapping[ProcessOf, User]]:
    folding, after = read_rows(store, query, folds=folds)
    return folding, after, users_of(store, [burst.first for burst in folding.bursts])


@dataclass(frozen=True, slots=True)
class _Counts:
    """What is counted of a search."""

    total: Count
    histogram: Histogram | None
    facets: tuple[Facet, ...]


def _counted(
    store: EventStore, args: SearchArgs, query: EventQuery, info: StoreInfo, has_links: bool
) -> _Counts | None:
    """Count all that matches; None: it takes too long, and the reader did not ask for it."""
    budget = None if args.count == "exact" else Budget(COUNTING_SECONDS)
    asked = Facets(store=store, args=args, query=query, info=info, has_links=has_links, budget=budget)
    together = store.together()
    drawn = together.ask(lambda: ask_histogram(store, query, info, budget))
    exact = together.ask(lambda: store.is_exact(replace(query, after=None), budget))
    answers = together.ask(asked.answers)
    try:
        histogram, is_exact = drawn(), exact()
        total = Count(histogram.total if histogram else 0, is_exact, at_most=not is_exact)
        facets = asked.facets(answers(), histogram.categories if histogram else ())
    except QueryTooSlow:
        if budget is None:
            raise
        return None
    return _Counts(total, histogram, facets)


def read_rows(store: EventStore, query: EventQuery, *, folds: bool) -> tuple[Folding, str | None]:
    """Return one page of rows and the cursor of the next."""
    folding = Folding(ROWS, folds=folds)
    size = FIRST_READ if folds else ROWS
    while True:
        results = store.search(replace(query, size=size))
        for event in results.events:
            before = folding.last
            if not folding.take(event) and before is not None:
                return folding, cursor_behind(query, before)
        if results.next is None or folding.taken >= MOST_READ or not folds:
            return folding, results.next
        query = query.following(results.next)
        size = _next_size(folding)


def _next_size(folding: Folding) -> int:
    """Return how many events will fill the page, if they fold as those before them did."""
    rows = len(folding.bursts)
    wanted = int((ROWS + 1 - rows) * folding.taken / rows * _AMPLE)
    return min(max(wanted, FIRST_READ), MOST_READ - folding.taken)


def ask_histogram(
    store: EventStore, query: EventQuery, info: StoreInfo, budget: Budget | None
) -> Histogram | None:
    """Return the histogram of the range asked for, or of that in which something was found.

    None: there is nothing to draw.
    """
    query = replace(query, after=None, sort=None, order=Order.NEWEST)
    start, end = query.start or info.first, query.end or (info.last and min(info.last, _LAST) + _MOMENT)
    if start is None or end is None or start >= end:
        return None
    step = step_for(start, end)
    found = store.histogram(query, step, budget)
    span = range_of(found, step)
    if (query.start is None or query.end is None) and span is not None:
        start, end = query.start or span[0], query.end or span[1]
        finer = step_for(start, end)
        if finer < step and (end - start) / step < MOST_BARS / 3:
            step, query = finer, replace(query, start=start, end=end)
            found = store.histogram(query, step, budget)
    if query.condition == EVERYTHING:
        received: Sequence[Bucket] = found
    else:
        received = all_received(store, info, replace(query, condition=EVERYTHING), step, budget)
    return histogram_of(start, end, step, found, received)
