"""The hour before and after an event: all that its computer logged, from the event outwards.

The first page holds the event itself. Each further page goes on where one before it ended,
towards newer or towards older events, so that a page deep in a busy hour costs no more
than the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.errors import BadQuery
from app.store.answers import count_document
from app.store.port import EventStore, Results
from app.store.together import Together
from app.sysmon.events import Event, EventKey, time_text
from app.sysmon.query import EventQuery, Order, encode_cursor
from app.web.event_pivots import hour_around
from app.web.results import Burst, Folding

NEWER_ROWS: Final = 14
"""So many rows stand above the event on its own page: it is in view without scrolling."""

ROWS: Final = 50
READ: Final = 250
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


def find_around(
    store: EventStore, picked: Event, args: AroundArgs, total: Callable[[], int], together: Together
) -> Around:
    """Return one page of the hours around an event; ``total`` says how many events are in them.

    What is asked first is asked ``together`` with what others ask.
    """
    window = hour_around(picked)
    if args.newer:
        newer = together.ask(lambda: _search(store, window, Order.OLDEST, args.newer, ROWS, args.folds))()
        behind = _behind_last(newer.bursts) if newer.bursts else args.newer
        return Around(picked=picked, window=window, bursts=_turned(newer), newer=newer.next, older=behind)
    if args.older:
        older = together.ask(lambda: _search(store, window, Order.NEWEST, args.older, ROWS, args.folds))()
        before = _before_first(older.bursts) if older.bursts else args.older
        return Around(picked=picked, window=window, bursts=older.bursts, newer=before, older=older.next)
    # All of it in one question: what costs is to find the rows, not how many they are.
    whole = together.ask(lambda: store.search(replace(window, size=READ)))
    if total() > READ:
        newer, older = _both(store, window, picked, args.folds)
    else:
        newer, older = _sides(whole(), picked, args.folds)
    return Around(
        picked=picked,
        window=window,
        bursts=(*_turned(newer), Burst([picked]), *older.bursts),
        newer=newer.next,
        older=older.next,
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """Rows in one direction from a place, the nearest first, and where the next ones begin."""

    bursts: tuple[Burst, ...]
    next: str | None


def _both(store: EventStore, window: EventQuery, picked: Event, folds: bool) -> tuple[_Side, _Side]:
    """Return the rows on both sides of the event, from a place amid many."""
    here = encode_cursor(picked.place)
    together = store.together()
    after = _asking(window, Order.OLDEST, here, NEWER_ROWS, folds)
    before = _asking(window, Order.NEWEST, here, ROWS - 1, folds)
    later, earlier = together.ask(lambda: store.search(after)), together.ask(lambda: store.search(before))
    newer = _side(later().events, later().next, NEWER_ROWS, folds)
    return newer, _side(earlier().events, earlier().next, ROWS - 1 - len(newer.bursts), folds)


def _sides(results: Results, picked: Event, folds: bool) -> tuple[_Side, _Side]:
    """Return the rows on both sides of the event, of all that there are."""
    after = [event for event in reversed(results.events) if event.place > picked.place]
    newer = _side(after, None, NEWER_ROWS, folds)
    before = [event for event in results.events if event.place < picked.place]
    return newer, _side(before, results.next, ROWS - 1 - len(newer.bursts), folds)


def _search(store: EventStore, window: EventQuery, order: Order, after: str, rows: int, folds: bool) -> _Side:
    results = store.search(_asking(window, order, after, rows, folds))
    return _side(results.events, results.next, rows, folds)


def _asking(window: EventQuery, order: Order, after: str, rows: int, folds: bool) -> EventQuery:
    return replace(window, order=order, after=after, size=READ if folds else rows)


def _side(events: Sequence[Event], following: str | None, rows: int, folds: bool) -> _Side:
    folding = Folding(rows, folds=folds)
    for event in events:
        if not folding.take(event):
            following = encode_cursor(folding.last.place) if folding.last else None
            break
    return _Side(tuple(folding.bursts), following)


def _turned(side: _Side) -> tuple[Burst, ...]:
    """Return bursts that were read towards newer events with the newest first, as rows stand."""
    turned = [Burst(burst.events[::-1]) for burst in side.bursts]
    return tuple(sorted(turned, key=lambda burst: burst.first.place, reverse=True))


def _before_first(bursts: tuple[Burst, ...]) -> str:
    return encode_cursor(max(event.place for burst in bursts for event in burst.events))


def _behind_last(bursts: tuple[Burst, ...]) -> str:
    return encode_cursor(min(event.place for burst in bursts for event in burst.events))


def around_document(store: EventStore, picked: Event, args: AroundArgs) -> dict[str, object]:
    """Return a page as JSON has it; ``newer`` and ``older`` are arguments of the pages beside it."""
    together = store.together()
    counted = together.ask(lambda: store.count(hour_around(picked)))
    found = find_around(store, picked, args, lambda: counted().value, together)
    count = counted()
    start, end = found.window.start, found.window.end
    return {
        "event_key": str(picked.key),
        "computer": picked.computer,
        "from": time_text(start) if start else None,
        "to": time_text(end) if end else None,
        "total": count_document(count),
        "events": [event.named() for event in found.events],
        "newer": found.newer,
        "older": found.older,
    }
