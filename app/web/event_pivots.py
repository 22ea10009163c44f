"""Where a reader may go on from an event: graphs, tables, and events that share a value with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.store.port import Budget, Count, EventStore, Rarity
from app.sysmon.condition import Match, Operator
from app.sysmon.events import Event, value_text
from app.sysmon.fields import name_in
from app.sysmon.query import EventQuery
from app.web import links
from app.web.event_fields import content_hash
from app.web.formats import base_name, clock
from app.web.results import LONGEST_LINK, address
from app.web.texts import _, ngettext
from app.web.what import short

HOUR: Final = timedelta(hours=1)
MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pivot:
    """One way to go on. ``key`` is the key that takes it, ``count`` says what waits there."""

    icon: str
    text: str
    href: str
    count: str = ""
    key: str = ""
    title: str = ""


def hour_around(event: Event) -> EventQuery:
    """Return the question for all events of the computer from one hour before to one after.

    The record time counts, to the microsecond, both ends included. At the ends of the
    calendar there is no bound.
    """
    return EventQuery(
        start=_moved(event.time, -HOUR), end=_moved(event.time, HOUR + MOMENT), computers=(event.computer,)
    )


def _moved(time: datetime, by: timedelta) -> datetime | None:
    try:
        return time + by
    except OverflowError:
        return None


def window_text(event: Event) -> str:
    """Return the hour before to the hour after an event, as times of the day: ``20:57–22:57``."""
    query = hour_around(event)
    return f"{_minute(query.start)}–{_minute(query.end)}"


def _minute(time: datetime | None) -> str:
    return clock(time)[:5] if time else "…"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many events an event's process has, over all time, and its hour; None: not counted."""

    of_process: Count | None
    of_hour: Count | None


NOT_COUNTED: Final = Counts(None, None)
"""Where a page has much else to ask."""


def counts_of(store: EventStore, event: Event, budget: Budget | None = None) -> Counts:
    """Count the events of an event's process and of its hour."""
    together = store.together()
    of_process = together.ask(lambda: _count(store, event, budget))
    of_hour = together.ask(lambda: store.count(hour_around(event), budget))
    return Counts(of_process(), of_hour())


def pivots_of(event: Event, rarities: Mapping[str, Rarity], counts: Counts) -> tuple[Pivot, ...]:
    """Return the ways to go on from an event, the nearest first."""
    return tuple(
        pivot
        for pivot in (
            *_own_process(event, counts.of_process),
            *_around(event, counts.of_hour),
            *_others(event),
            *_shared(event, rarities),
        )
        if pivot.href
    )


def _others(event: Event) -> Iterator[Pivot]:
    """Yield the ways to the other processes that the event names."""
    for prefix, label in (("parent", _("Parent")), ("target", _("Target process"))):
        guid = event.text_of(f"{prefix}_process_guid")
        if guid:
            image, process_id = event.text_of(f"{prefix}_image"), event.text_of(f"{prefix}_process_id")
            yield Pivot(
                icon="i-hop",
                text=_("%(label)s: %(process)s", label=label, process=_named(image or "", process_id or "")),
                href=address(links.process, event.computer, guid),
            )


def _count(store: EventStore, event: Event, budget: Budget | None) -> Count | None:
    """Return how many events the event's process has."""
    if event.process_guid is None:
        return None
    condition = Match("SubjectProcessGuid", Operator.EQUALS, event.process_guid)
    return store.count(EventQuery(condition=condition, computers=(event.computer,)), budget)


def _named(image: str, process_id: str) -> str:
    name = short(base_name(image), 60) if image else _("process")
    return f"{name} ({process_id})" if process_id else name


def _events(count: int) -> str:
    return ngettext("%(num)s event", "%(num)s events", count)


def _counted(count: Count | None) -> str:
    if count is None:
        return ""
    said = _events(count.value)
    if count.exact:
        return said
    return _("at most %(events)s", events=said) if count.at_most else _("at least %(events)s", events=said)


def _own_process(event: Event, count: Count | None) -> Iterator[Pivot]:
    guid = event.process_guid
    if not guid:
        return
    name = _named(event.image or "", event.text_of("process_id") or "")
    yield Pivot(
        icon="i-graph",
        text=_("Process graph of %(process)s", process=name),
        href=address(links.process, event.computer, guid),
        key="g",
    )
    yield Pivot(
        icon="i-table",
        text=_("All events of %(process)s", process=name),
        href=address(links.process_events, event.computer, guid),
        count=_counted(count),
    )


def _around(event: Event, count: Count | None) -> Iterator[Pivot]:
    said = {"computer": short(_host(event.computer), 40), "window": window_text(event)}
    yield Pivot(
        icon="i-table",
        text=_("All events of %(computer)s, %(window)s", **said),
        href=address(links.event_around, str(event.key)),
        count=_counted(count),
        key="t",
    )
    yield Pivot(
        icon="i-clock",
        text=_("Graph of %(computer)s, %(window)s", **said),
        href=address(links.event_correlation, str(event.key)),
    )


def _host(computer: str) -> str:
    """Return a computer's name without its domain; the whole name stands in the head."""
    host = computer.split(".")[0]
    return computer if not host or host.isdigit() else host


def _shared(event: Event, rarities: Mapping[str, Rarity]) -> Iterator[Pivot]:
    """Yield searches for the values that other events may have too."""
    same = (
        *((name, _("Same %(hash)s", hash=name)) for name in content_hash(event)),
        ("Process", _("Same image")),
        ("ImageLoaded", _("Same loaded image")),
        ("TargetFilename", _("Same file")),
        ("DestinationIp", _("Same destination address")),
        ("QueryName", _("Same name asked for")),
        ("PipeName", _("Same pipe")),
    )
    for name, label in same:
        value = event.get(name)
        if value is None or len(value_text(value)) > LONGEST_LINK:
            continue
        rarity = rarities.get(name_in("image", event.event_id) if name == "Process" else name)
        yield Pivot(
            icon="i-search",
            text=label,
            href=links.search(q=links.field_query(name, value_text(value))),
            count=_seen(rarity) if rarity else "",
            title=short(value_text(value)),
        )


def _seen(rarity: Rarity) -> str:
    computers = ngettext("%(num)s computer", "%(num)s computers", rarity.computers)
    return _("%(events)s on %(computers)s", events=_events(rarity.events), computers=computers)
