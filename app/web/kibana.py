"""Links to Kibana's Discover, where the setting names a Kibana."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.kibana.discover import discover
from app.kibana.export import checked_url
from app.settings import Settings
from app.sysmon.condition import EVERYTHING, Condition, Match, Operator, all_of
from app.sysmon.events import Event
from app.sysmon.language import to_text
from app.sysmon.query import EventQuery
from app.web.event_pivots import hour_around
from app.web.stores import get_settings, get_store, info_of
from app.web.texts import _
from app.web.what import short

_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class DiscoverLink:
    """A link to Discover; ``title`` says what it shows, ``note`` that it is more than the page does."""

    href: str
    title: str
    note: str = ""


def check_settings(settings: Settings) -> None:
    """Raise BadSetting where the setting names no address that a page may link to."""
    if settings.kibana_url:
        checked_url(settings.kibana_url)


def discover_of(query: EventQuery) -> DiscoverLink | None:
    """Return the link to what a question finds; None: there is no Kibana, or the question is too long."""
    url = get_settings().kibana_url
    if not url:
        return None
    info = info_of(get_store())
    name = "" if query.condition == EVERYTHING else short(to_text(query.condition), _LONGEST_NAME)
    found = discover(checked_url(url), query, name, info.first, info.last)
    if found is None:
        return None
    if found.is_wider:
        title = _("Kibana cannot say all of this query: its Discover may show more events")
        return DiscoverLink(found.href, title, _("wider"))
    return DiscoverLink(found.href, _("The same query, range and computers in Kibana's Discover"))


def discover_event(event: Event) -> DiscoverLink | None:
    """Return the link to one event, with an hour around it: clocks of documents differ."""
    parts = [Match("EventId", Operator.EQUALS, str(event.event_id))]
    record, guid = event.text_of("record_id"), event.process_guid
    if record is not None:
        parts.append(Match("RecordId", Operator.EQUALS, record))
    elif guid is not None:
        parts.append(Match("SubjectProcessGuid", Operator.EQUALS, guid))
    around = hour_around(event)
    return discover_of(
        EventQuery(condition=all_of(parts), start=around.start, end=around.end, computers=around.computers)
    )


def discover_process(computer: str, guid: str) -> DiscoverLink | None:
    """Return the link to all events of a process."""
    condition: Condition = Match("SubjectProcessGuid", Operator.EQUALS, guid)
    return discover_of(EventQuery(condition=condition, computers=(computer,)))
