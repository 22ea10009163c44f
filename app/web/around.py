"""The hour before and after an event: all that its computer logged, from the event outwards.

The first page holds the event itself. Each further page goes on where one before it ended,
towards newer or towards older events, so that a page deep in a busy hour costs no more
than the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from app.errors import BadQuery
from app.store.port import Budget, EventStore
from app.sysmon.events import Event, EventKey, time_text
from app.sysmon.query import EventQuery, Order, encode_cursor
from app.web.event_pivots import hour_around
from app.web.results import Burst, Folding

NEWER_ROWS: Final = 14
"""So many rows stand above the event on its own page: it is in view without scrolling."""

ROWS: Final = 50
READ: Final = 500
"""So many events at most are read and folded into the rows of one direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AroundArgs:
    """What an address says: where a page begins (at most one of the two), folding, and the pick."""

    newer: str = ""
    older: str = ""
    folds: bool = True
    sel: EventKey | None = None

    @classmethod
    def read(cls, arguments: Mapping[str, str]) -> AroundArgs:
        """Read the arguments of an address; raise BadQuery where they cannot be."""
        newer, older, fold = (arguments.get(name, "") for name in ("newer", "older", "fold"))
        if newer and older:
            raise BadQuery(
                "A page goes on towards newer events or towards older ones: leave 'newer' or 'older' out."
            )
        if fold not in {"", "0", "1"}:
            raise BadQuery(f"'fold' is 0 or 1, not {fold!r}.", text=fold)
        sel = arguments.get("sel", "")
        return cls(newer=newer, older=older, folds=fold != "0", sel=EventKey.parse(sel) if sel else None)

    @property
    def is_first(self) -> bool:
        """Whether this is the page that holds the event itself."""
        return not self.newer and not self.older


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """One page: bursts, newest first, and where the pages beside it begin (None: there is none)."""

    picked: Event
    window: EventQuery
    bursts: tuple[Burst, ...]
    newer: str | None
    older: str | None

    @property
    def events(self) -> list[Event]:
        """The events of the page, newest first."""
        found = [event for burst in self.bursts for event in burst.events]
        return sorted(found, key=lambda event: event.place, reverse=True)


def find_around(store: EventStore, picked: Event, args: AroundArgs, budget: Budget | None = None) -> Around:
    """Return one page of the hour around an event."""
    window = hour_around(picked)
    if args.newer:
        bursts, newer = _newer(store, window, args.newer, ROWS, args.folds, budget)
        return _page(picked, window, bursts, newer, args.newer if not bursts else _behind_last(bursts))
    if args.older:
        bursts, older = _older(store, window, args.older, ROWS, args.folds, budget)
        return _page(picked, window, bursts, args.older if not bursts else _before_first(bursts), older)
    here = encode_cursor(picked.place)
    above, newer = _newer(store, window, here, NEWER_ROWS, args.folds, budget)
    below, older = _older(store, window, here, ROWS - 1 - len(above), args.folds, budget)
    return _page(picked, window, (*above, Burst([picked]), *below), newer, older)


def _page(
    picked: Event, window: EventQuery, bursts: tuple[Burst, ...], newer: str | None, older: str | None
) -> Around:
    return Around(picked=picked, window=window, bursts=bursts, newer=newer, older=older)


def _older(
    store: EventStore, window: EventQuery, after: str, rows: int, folds: bool, budget: Budget | None
) -> tuple[tuple[Burst, ...], str | None]:
    folding, following = _read(store, replace(window, after=after, order=Order.NEWEST), rows, folds, budget)
    return tuple(folding.bursts), following


def _newer(
    store: EventStore, window: EventQuery, after: str, rows: int, folds: bool, budget: Budget | None
) -> tuple[tuple[Burst, ...], str | None]:
    folding, following = _read(store, replace(window, after=after, order=Order.OLDEST), rows, folds, budget)
    turned = [Burst(burst.events[::-1]) for burst in folding.bursts]
    return tuple(sorted(turned, key=lambda burst: burst.first.place, reverse=True)), following


def _read(
    store: EventStore, query: EventQuery, rows: int, folds: bool, budget: Budget | None
) -> tuple[Folding, str | None]:
    folding = Folding(rows, folds=folds)
    results = store.search(replace(query, size=READ if folds else rows), budget)
    for event in results.events:
        if not folding.take(event):
            return folding, encode_cursor(folding.last.place) if folding.last else None
    return folding, results.next


def _before_first(bursts: tuple[Burst, ...]) -> str:
    return encode_cursor(max(event.place for burst in bursts for event in burst.events))


def _behind_last(bursts: tuple[Burst, ...]) -> str:
    return encode_cursor(min(event.place for burst in bursts for event in burst.events))


def around_document(store: EventStore, found: Around) -> dict[str, object]:
    """Return a page as JSON has it; ``newer`` and ``older`` are arguments of the pages beside it."""
    count = store.count(found.window)
    start, end = found.window.start, found.window.end
    return {
        "event_key": str(found.picked.key),
        "computer": found.picked.computer,
        "from": time_text(start) if start else None,
        "to": time_text(end) if end else None,
        "total": {"value": count.value, "exact": count.exact},
        "events": [event.named() for event in found.events],
        "newer": found.newer,
        "older": found.older,
    }
