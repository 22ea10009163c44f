"""The address of Kibana's Discover with a question of ours: the same query, range and computers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from app.kibana.asking import ALL, SYSMON, any_text, iso, query_of
from app.kibana.paths import COMPUTER
from app.kibana.rison import rison
from app.kibana.saved import DATA_VIEW, Filter
from app.sysmon.query import EventQuery, Order

LONGEST: Final = 8_000
"""Longer addresses are not made: not every browser and proxy passes them on."""

_MOMENT: Final = timedelta(microseconds=1)
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2100, 1, 1, tzinfo=UTC)

_COLUMNS: Final = (
    "winlog.computer_name",
    "winlog.event_id",
    "winlog.event_data.Image",
    "winlog.event_data.CommandLine",
    "winlog.event_data.ProcessGuid",
)


@dataclass(frozen=True, slots=True)
class Discover:
    """An address of Discover. ``is_wider``: it shows more events, for Kibana cannot say the query."""

    href: str
    is_wider: bool


def discover(
    url: str, query: EventQuery, name: str, first: datetime | None = None, last: datetime | None = None
) -> Discover | None:
    """Return where Kibana shows the events of a question; None: the address would be too long.

    ``url`` is Kibana's address, ``name`` what the filter is called there. ``first`` and ``last`` are the
    times of the first and last event: the range, where the question has none (Kibana always wants one).
    """
    asked = query_of(query.condition)
    filters = [Filter("Sysmon events", SYSMON)]
    filters += _filters(query, name)
    state: dict[str, Any] = {
        "columns": _COLUMNS,
        "filters": [each.named(index=DATA_VIEW) for each in filters],
        "index": DATA_VIEW,
        "interval": "auto",
        "query": {"language": "kuery", "query": ""},
        "sort": [["@timestamp", "asc" if query.order is Order.OLDEST else "desc"]],
    }
    time = {"time": _range(query, first, last)}
    href = f"{url}/app/discover#/?_g={_encoded(time)}&_a={_encoded(state)}"
    return Discover(href, asked.is_wider) if len(href) <= LONGEST else None


def _filters(query: EventQuery, name: str) -> Iterator[Filter]:
    if query.computers:
        yield Filter(", ".join(query.computers), any_text(COMPUTER, query.computers))
    wanted = query_of(query.condition).maybe
    if wanted != ALL:
        yield Filter(name, wanted)


def _range(query: EventQuery, first: datetime | None, last: datetime | None) -> dict[str, str]:
    # Kibana takes the end in, we do not.
    start = query.start or first or _FIRST
    end = query.end - _MOMENT if query.end else (last or _LAST) + timedelta(milliseconds=1)
    return {"from": iso(start), "to": iso(end)}


def _encoded(state: dict[str, Any]) -> str:
    return quote(rison(state), safe="!'()*,:@/$")
