"""What the page of the hour around an event shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from markupsafe import Markup

from app.store.port import EventStore
from app.sysmon.events import Event, EventKey, time_text
from app.sysmon.query import EventQuery
from app.web import links
from app.web.around import Around, AroundArgs, find_around
from app.web.event_pane import EventPane, kind_label, pane_of
from app.web.event_pivots import hour_around, window_text
from app.web.formats import base_name
from app.web.histogram import Histogram, Legend, histogram_of
from app.web.histogram_svg import draw_histogram
from app.web.pages import Page
from app.web.results import CLOCKS_APART, DayLine, Line, Row, Rows, Table, address, headings
from app.web.texts import _, ngettext
from app.web.users import ProcessOf, User, users_of
from app.web.what import short

STEP: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AroundPage(Page):
    """All that events/around.html may use. Addresses are empty where there is nothing to go to."""

    template: ClassVar[str] = "events/around.html"
    tab: ClassVar[str] = "search"

    title: str
    computer: str
    event: str
    """What happened at the centre, in a few words."""
    event_href: str
    correlation: str
    search: str
    twin: str
    total: int
    total_text: str
    shown_text: str
    is_first: bool
    chart: Markup
    legend: tuple[Legend, ...]
    remark: str
    table: Table
    newer: str
    older: str
    first: str
    folds: bool
    other_folding: str
    pane: EventPane


def around_page(store: EventStore, picked: Event, args: AroundArgs, pane_event: Event) -> AroundPage:
    """Ask the store and return the page; ``pane_event`` is the event that the pane shows."""
    links_of = _Links(picked, args)
    together = store.together()
    drawn = together.ask(lambda: _histogram(store, hour_around(picked)))
    found = find_around(store, picked, args, lambda: drawn().total, together)
    histogram = drawn()
    pane = together.ask(lambda: _pane(store, pane_event, links_of, "", ""))
    users = together.ask(lambda: users_of(store, [burst.first for burst in found.bursts]))
    table = _table(store, found, pane_event.key, histogram, links_of, users())
    newer, older = _beside(table)
    computer = short(picked.computer, 60)
    return AroundPage(
        title=_("%(computer)s, %(window)s", computer=computer, window=window_text(picked)),
        computer=computer,
        event=_about(picked),
        event_href=address(links.event, str(picked.key)),
        correlation=address(links.event_correlation, str(picked.key)),
        search=links_of.search(found.window),
        twin=address(links.event, str(picked.key), "/around.json"),
        total=histogram.total,
        total_text=ngettext("%(num)s event", "%(num)s events", histogram.total),
        shown_text=_shown(found, args),
        is_first=args.is_first,
        chart=draw_histogram(histogram, None, picked.time),
        legend=tuple(
            Legend(category, count, links_of.search(found.window, f"Category:{category.value}"))
            for category, count in histogram.categories
        ),
        remark=_clocks(found.events),
        table=table,
        newer=links_of.page(newer=found.newer) if found.newer else "",
        older=links_of.page(older=found.older) if found.older else "",
        first="" if args.is_first else links_of.page(),
        folds=args.folds,
        other_folding=links_of.folding(not args.folds),
        pane=replace(pane(), newer=newer, older=older),
    )


def pane_alone(store: EventStore, picked: Event, args: AroundArgs, pane_event: Event) -> EventPane:
    """Return the pane as scripts fetch it: they know themselves which rows are near."""
    links_of = _Links(picked, args)
    here = links_of.same_page(str(pane_event.key))
    return _pane(store, pane_event, links_of, here, here)


def _pane(store: EventStore, event: Event, links_of: _Links, newer: str, older: str) -> EventPane:
    close = "" if links_of.args.sel is None else links_of.same_page(None)
    return pane_of(store, event, newer=newer, older=older, close=close, counts=False)


def _beside(table: Table) -> tuple[str, str]:
    """Return the addresses that pick the rows above and below the picked one."""
    rows = list(table.rows)
    place = next((place for place, row in enumerate(rows) if row.is_picked), None)
    if place is None:
        return "", ""
    return (
        rows[place - 1].href if place else "",
        rows[place + 1].href if place + 1 < len(rows) else "",
    )


@dataclass(frozen=True, slots=True)
class _Links:
    """Addresses of this page with something changed."""

    picked: Event
    args: AroundArgs

    def page(self, *, newer: str | None = None, older: str | None = None) -> str:
        """Return the address of the page that begins there; of the first one without."""
        return self._around(newer=newer, older=older, fold=self._fold)

    def same_page(self, sel: str | None) -> str:
        """Return the address of this page with another event in the pane."""
        return self._around(
            newer=self.args.newer or None, older=self.args.older or None, fold=self._fold, sel=sel
        )

    def folding(self, folds: bool) -> str:
        """Return the address of this page with bursts folded or not."""
        fold = None if folds else "0"
        return self._around(newer=self.args.newer or None, older=self.args.older or None, fold=fold)

    def search(self, window: EventQuery, query: str | None = None) -> str:
        """Return the address of a search over the same hour."""
        start, end = (time_text(time) if time else None for time in (window.start, window.end))
        made = links.search(q=query, from_=start, to=end, computer=self.picked.computer)
        return address(lambda: made)

    @property
    def _fold(self) -> str | None:
        return None if self.args.folds else "0"

    def _around(self, **arguments: str | None) -> str:
        return address(lambda key: links.event_around(key, **arguments), str(self.picked.key))


def _histogram(store: EventStore, window: EventQuery) -> Histogram:
    """Return the hour's events per minute; silences are of all computers together."""
    start = window.start or datetime.min.replace(tzinfo=UTC)
    end = window.end or datetime.max.replace(tzinfo=UTC)
    together = store.together()
    own = together.ask(lambda: store.histogram(window, STEP))
    everywhere = together.ask(lambda: store.histogram(replace(window, computers=()), STEP))
    return histogram_of(start, end, STEP, own(), everywhere())


def _about(event: Event) -> str:
    name = short(base_name(event.image or ""), 60)
    kind = kind_label(event)
    return f"{kind}: {name}" if name else kind


def _shown(found: Around, args: AroundArgs) -> str:
    events = sum(len(burst.events) for burst in found.bursts)
    shown = ngettext("%(num)s event", "%(num)s events", events)
    rows = ngettext("%(num)s row", "%(num)s rows", len(found.bursts))
    said = (
        _("%(events)s shown in %(rows)s", events=shown, rows=rows)
        if args.folds
        else _("%(events)s shown", events=shown)
    )
    if args.is_first:
        return _("%(said)s around the event", said=said)
    return said


def _clocks(events: Iterable[Event]) -> str:
    apart = sum(
        event.utc_time is not None and abs(event.time - event.utc_time) > CLOCKS_APART for event in events
    )
    if not apart:
        return ""
    return ngettext(
        "%(num)s of the events shown has a UtcTime over a minute off: record time orders",
        "%(num)s of the events shown have a UtcTime over a minute off: record time orders",
        apart,
    )


def _table(
    store: EventStore,
    found: Around,
    shown: EventKey,
    histogram: Histogram,
    links_of: _Links,
    users: Mapping[ProcessOf, User],
) -> Table:
    rows = Rows(store=store, picked=shown, href=links_of.same_page, gaps=histogram.silences, users=users)
    return Table(
        caption=_("All events of the computer, newest first"),
        lines=tuple(_with_centre(rows.lines(found.bursts), found.picked, shown)),
        headings=headings(),
    )


def _with_centre(lines: Sequence[Line], centre: Event, shown: EventKey) -> Iterator[Line]:
    """Yield the lines; where another event is in the pane, one more says which row is the centre."""
    for line in lines:
        if isinstance(line, Row) and line.event.key == centre.key and shown != centre.key:
            yield DayLine(_("The hours are counted from this event"))
        yield line
