"""The indices that this program fills itself: their names, and when they are dropped."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from elasticsearch_dsl import Search

from app.settings import Settings
from app.store.elastic.connection import Connection
from app.store.port import Budget
from app.sysmon.events import microseconds

_GIGABYTE: Final = 1_000_000_000
_SECONDS: Final = 60.0
_MOST_INDICES: Final = 10_000
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Names:
    """What this program's own things in the cluster are called."""

    prefix: str

    @property
    def events(self) -> str:
        """The pattern of all indices with events."""
        return f"{self.prefix}-events-*"

    @property
    def state(self) -> str:
        """The index of what the program remembers between its processes."""
        return f"{self.prefix}-state"

    @property
    def template(self) -> str:
        """The index template of the indices with events."""
        return f"{self.prefix}-events"

    @property
    def pipeline(self) -> str:
        """The ingest pipeline that each document goes through."""
        return f"{self.prefix}-ingest"

    def of_month(self, month: str) -> str:
        """Return the index of the events of a month, as in ``2019-01``."""
        return f"{self.prefix}-events-{month.replace('-', '.')}"

    @property
    def undated(self) -> str:
        """The index of all events without UtcTime: their keys hold no time that could decide."""
        return f"{self.prefix}-events-undated"

    def is_own(self, index: str) -> bool:
        """Tell whether an index is one of these: the pattern may fit others."""
        month = re.fullmatch(rf"{re.escape(self.prefix)}-events-\d{{4}}\.\d\d", index)
        return month is not None or index == self.undated


@dataclass(frozen=True, slots=True)
class Month:
    """An index of ours: its newest record time in microseconds, and its size without copies."""

    name: str
    newest: int
    events: int
    bytes: int


def drop_old(connection: Connection, names: Names, settings: Settings, now: datetime) -> list[Month]:
    """Drop what the settings no longer keep: whole months of ours, oldest first; say it in the log.

    A month goes when its newest event is too old, so events stay a month longer at most.
    """
    if not settings.retention_days and not settings.retention_gb:
        return []
    dropped = []
    for month, reason in overdue(read_months(connection, names), settings, now):
        with connection.asking():
            connection.client.indices.delete(index=month.name, ignore_unavailable=True)
        _log.warning("Dropped %s with %d events: %s.", month.name, month.events, reason)
        dropped.append(month)
    return dropped


def overdue(months: Sequence[Month], settings: Settings, now: datetime) -> list[tuple[Month, str]]:
    """Return the months to drop, oldest first, each with the reason."""
    found = []
    kept = sorted(months, key=lambda month: month.newest)
    if settings.retention_days:
        oldest = microseconds(now - timedelta(days=settings.retention_days))
        reason = f"older than {settings.retention_days} days"
        found = [(month, reason) for month in kept if month.newest < oldest]
        kept = kept[len(found) :]
    if settings.retention_gb:
        size = sum(month.bytes for month in kept)
        for month in kept:
            if size <= settings.retention_gb * _GIGABYTE:
                break
            size -= month.bytes
            found.append((month, f"more than {settings.retention_gb} GB of events"))
    return found


def read_months(connection: Connection, names: Names) -> list[Month]:
    """Return our indices that hold events."""
    search = Search().extra(size=0, track_total_hits=False)
    search.aggs.bucket("indices", "terms", field="_index", size=_MOST_INDICES).metric(
        "newest", "max", field="sysmonsearch.time"
    )
    answer = connection.search(search.to_dict(), indices=names.events, budget=Budget(_SECONDS))
    with connection.asking():
        stats = connection.client.indices.stats(
            index=names.events,
            metric="store",
            filter_path="indices.*.primaries.store.size_in_bytes",
        ).body.get("indices", {})
    return [
        Month(
            name=bucket["key"],
            newest=int(bucket["newest"]["value"]),
            events=bucket["doc_count"],
            bytes=stats[bucket["key"]]["primaries"]["store"]["size_in_bytes"],
        )
        for bucket in answer.get("aggregations", {}).get("indices", {"buckets": []})["buckets"]
        if names.is_own(bucket["key"]) and bucket["key"] in stats
    ]
