"""The table of all events of a process, over its whole life, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from app.errors import BadQuery, NotFound
from app.graph.ask import ProcessLog
from app.graph.missing import not_found
from app.store.answers import count_document
from app.store.port import Count, Results
from app.store.remember import remembering
from app.sysmon.condition import equals_any
from app.sysmon.events import Event
from app.sysmon.query import EventQuery, Order
from app.web import links
from app.web.kibana import DiscoverLink, discover_process
from app.web.pages import Page
from app.web.results import Rows, Table, address, bursts_of, headings
from app.web.stores import get_store, info_of
from app.web.texts import _
from app.web.what import short

SIZE: Final = 100
"""So many events stand on a page."""

ORDERS: Final = ("oldest", "newest")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEventsPage(Page):
    """All that processes/events.html may use.

    ``count`` is exact or at least so many; ``first`` and ``last`` are the record times of the
    page. ``newest`` says in which order they stand.
    """

    template: ClassVar[str] = "processes/events.html"
    tab: ClassVar[str] = "search"

    title: str
    trail: tuple[tuple[str, str], ...]
    table: Table
    shown: int
    count: Count
    first: datetime | None
    last: datetime | None
    newest: bool
    other_order: str
    next: str
    beginning: str
    graph: str
    search: str
    json: str
    discover: DiscoverLink | None


def events_page(computer: str, guid: str, arguments: Mapping[str, str]) -> ProcessEventsPage:
    """Return a page of the events of a process; raise NotFound where it has none."""
    query, results, count = _found(computer, guid, arguments)
    newest = query.order is Order.NEWEST
    events = results.events
    name = events[0].computer if events else computer
    title = _(
        "All events of %(process)s on %(computer)s",
        process=short(_process_words(events), 100),
        computer=short(name, 100),
    )
    order = {"order": "newest" if newest else None}
    asked = links.field_query("SubjectProcessGuid", guid)
    return ProcessEventsPage(
        title=title,
        trail=(
            (_("Search"), links.search()),
            (short(name, 60), address(lambda computer: links.search(computer=computer), name)),
            (_("Process graph"), address(links.process, name, guid)),
        ),
        table=Table(
            caption=title,
            lines=Rows(store=get_store()).lines(bursts_of(events, folds=False)),
            headings=headings(),
        ),
        shown=len(events),
        count=count,
        first=min((event.time for event in events), default=None),
        last=max((event.time for event in events), default=None),
        newest=newest,
        other_order="?" if newest else "?order=newest",
        next=links.with_args(after=results.next, **order) if results.next else "",
        beginning=links.with_args(after=None, **order) if query.after else "",
        graph=address(links.process, name, guid),
        search=address(lambda computer: links.search(q=asked, computer=computer), name),
        json=address(lambda computer: links.process_events(computer, guid, ".json"), name),
        discover=discover_process(name, guid),
    )


def events_document(computer: str, guid: str, arguments: Mapping[str, str]) -> dict[str, object]:
    """Return a page of the events of a process as JSON has it; ``next`` is the ``after`` of the next."""
    _query, results, count = _found(computer, guid, arguments)
    return {
        "total": count_document(count),
        "events": [event.named() for event in results.events],
        "next": results.next,
    }


def _found(computer: str, guid: str, arguments: Mapping[str, str]) -> tuple[EventQuery, Results, Count]:
    """Return what an address asks for, and the answer; raise NotFound where the process has no events."""
    store = get_store()
    query = EventQuery(
        condition=equals_any("SubjectProcessGuid", [guid]),
        computers=(computer,),
        order=Order.NEWEST if _is_newest(arguments.get("order", "")) else Order.OLDEST,
        size=SIZE,
        after=arguments.get("after") or None,
    )
    together = store.together()
    found, counted = together.ask(lambda: store.search(query)), together.ask(lambda: store.count(query))
    results, count = found(), counted()
    if not count.value:
        raise _no_events(computer, guid)
    return query, results, count


def _is_newest(order: str) -> bool:
    if order and order not in ORDERS:
        raise BadQuery(
            _("There is no order '%(order)s': write oldest or newest.", order=short(order, 100)), text=order
        )
    return order == "newest"


def _process_words(events: tuple[Event, ...]) -> str:
    """Return ``cmd.exe (3120)``, of the first event that says it."""
    named = next((event for event in events if event.image_name), None)
    if named is None:
        return _("a process")
    return f"{named.image_name} ({named.process_id})" if named.process_id is not None else named.image_name


def _no_events(computer: str, guid: str) -> NotFound:
    log = ProcessLog(remembering(get_store(), info_of(get_store())), computer, None)
    if log.some_started_by(guid, 1):
        return NotFound(
            _(
                "No event of this process is stored on %(computer)s, only those of what it started:"
                " its graph shows them.",
                computer=short(computer, 100),
            )
        )
    return not_found(log, guid)
