"""``EventStore.info``: what is in the indices, remembered for as long as they do not change."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from time import monotonic
from typing import Any, Final
from urllib.parse import quote, urlencode

from elasticsearch import AuthorizationException
from elasticsearch_dsl.query import Bool, Exists

from app.settings import Settings
from app.store.elastic.address import read_address
from app.store.elastic.bodies import EVENT_ID, search_body, time_at, value_of
from app.store.elastic.classes import odd_of, without_odd
from app.store.elastic.combining import Combining, Tally
from app.store.elastic.connection import Connection
from app.store.elastic.documents import Decoder
from app.store.elastic.doubtful import MOST_READ, reading_body
from app.store.elastic.field_paths import OWN_OBJECT
from app.store.elastic.index_fields import IndexFields
from app.store.elastic.indices import Names
from app.store.elastic.numbers import Numbers
from app.store.elastic.places import Fields, Layout
from app.store.port import Budget, ComputerInfo, StoreInfo
from app.sysmon.fields import FIELDS
from app.sysmon.text import fold

_LONG_SECONDS: Final = 0.5
"""What takes longer than this is not asked again at each change."""

_KEPT_FOR: Final = 10
"""An answer that took long is kept for so many times that time, though the indices change."""

_COMPUTER: Final = "Computer"
_MOST_IDS: Final = 65_536

#: What is read of the statistics: whether documents came or went, and how much they take.
_STATISTICS: Final = ",".join(
    [
        *("indices.*.uuid", "indices.*.primaries.docs.count"),
        *("indices.*.primaries.indexing.index_total", "indices.*.primaries.indexing.delete_total"),
        # Copies show what was added one after the other, and any of them may be asked.
        *("indices.*.total.docs.count", "indices.*.total.store.size_in_bytes"),
    ]
)
_EMPTY: Final = StoreInfo(0, 0, 0, None, None, {}, {})


@dataclass(frozen=True, slots=True)
class _Known:
    """An answer, the state of the indices that it is of, and until when it holds whatever happens."""

    info: StoreInfo
    state: Hashable
    layouts: frozenset[Layout]
    until: float


@dataclass(frozen=True, slots=True)
class _Statistics:
    """What the cluster counts by itself; without ``state`` it does not tell."""

    state: Hashable
    indices: int
    documents: int
    bytes: int


_UNKNOWN: Final = _Statistics(state=None, indices=0, documents=0, bytes=0)


class Informer:
    """Tells what is stored. Safe for several threads."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._numbers = Numbers(connection, Names(read_address(settings).prefix))
        self._decoder = Decoder()
        self._lock = Lock()
        self._known: _Known | None = None

    def info(self, fields: IndexFields, budget: Budget) -> StoreInfo:
        """Return what is in the store."""
        statistics = self._statistics(fields, budget)
        with self._lock:
            known = self._known
        if known is not None and known.layouts == fields.layouts:
            if known.state == statistics.state is not None:
                return replace(known.info, bytes=statistics.bytes)
            if monotonic() < known.until:
                return known.info
        began = monotonic()
        info = self._read(fields, statistics, budget) if fields.layouts else _EMPTY
        took = monotonic() - began
        until = began + took * _KEPT_FOR if took >= _LONG_SECONDS else 0.0
        with self._lock:
            self._known = _Known(info, statistics.state, fields.layouts, until)
        return info

    def forget(self) -> None:
        """Read anew at the next call."""
        with self._lock:
            self._known = None

    def _statistics(self, fields: Fields, budget: Budget) -> _Statistics:
        budget.check()
        path = f"/{quote(fields.indices, safe=',*')}/_stats/docs,indexing,store"
        params = {"ignore_unavailable": "true", "allow_no_indices": "true", "filter_path": _STATISTICS}
        with self._connection.asking():
            client = self._connection.client.options(request_timeout=max(budget.left, 1))
            try:
                answer = client.perform_request(
                    "GET", f"{path}?{urlencode(params)}", headers={"accept": "application/json"}
                )
            except AuthorizationException:  # It takes the privilege "monitor"; reading alone must do.
                return _UNKNOWN
        indices: Mapping[str, Any] = answer.body.get("indices", {})
        own = [each["primaries"] for each in indices.values()]
        changes = tuple(
            (
                each["uuid"],
                each["primaries"]["docs"]["count"],
                each["total"]["docs"]["count"],
                *sorted(each["primaries"]["indexing"].items()),
            )
            for each in indices.values()
        )
        return _Statistics(
            state=(fields.indices, changes),
            indices=len(indices),
            documents=sum(each["docs"]["count"] for each in own),
            bytes=sum(each["total"]["store"]["size_in_bytes"] for each in indices.values()),
        )

    def _read(self, fields: IndexFields, statistics: _Statistics, budget: Budget) -> StoreInfo:
        # The number first: batches that end meanwhile are counted without being promised.
        newest = self._numbers.newest() if Layout.OWN in fields.layouts else 0
        combining = Combining(self._connection, fields, budget, (_COMPUTER,))
        # Names that are too long for the index are read from the events, as far as these are few.
        odd = odd_of(fields, (_COMPUTER,))
        unnamed = (
            [] if odd is None else [reading_body(fields, Bool(filter=[odd, fields.sysmon()]), MOST_READ)]
        )
        query = without_odd(fields.sysmon(), fields, (_COMPUTER,))
        combined = combining.combinations(query, [_whole_body(fields), *unnamed])
        whole, *named = combined.beside
        for answer in named:
            events = self._decoder.events(answer["hits"]["hits"][:MOST_READ])
            combining.add([event for event in events if event is not None], combined.found)
        computers = _computers(combined.found)
        aggregations = whole.get("aggregations", {})
        return StoreInfo(
            events=whole["hits"]["total"]["value"],
            bytes=statistics.bytes,
            newest_batch=max(newest, _newest_of_others(aggregations)),
            first=min((computer.first for computer in computers.values()), default=None),
            last=max((computer.last for computer in computers.values()), default=None),
            computers=computers,
            event_ids=_event_ids(fields, aggregations),
            details=self._details(statistics),
            counts_documents=bool(fields.layouts - {Layout.OWN}),
            notes=tuple(fields.notes()),
        )

    def _details(self, statistics: _Statistics) -> dict[str, str | int]:
        details: dict[str, str | int] = {"server": f"Elasticsearch {self._connection.server.number}"}
        if statistics.state is not None:
            details |= {"indices": statistics.indices, "documents": statistics.documents}
        return details


def _whole_body(fields: Fields) -> dict[str, Any]:
    """Return the search for what is told of all events together."""
    aggregations: dict[str, Any] = {
        f"ids_{number}": {
            "filter": fields.of_layout(place.layout).to_dict(),
            "aggs": {"values": {"terms": {"field": place.path, "size": _MOST_IDS}}},
        }
        for number, place in enumerate(fields.ordered(EVENT_ID))
    }
    if fields.layouts - {Layout.OWN}:
        stamped, others = Exists(field="event.ingested"), Exists(field=OWN_OBJECT)
        unstamped = Bool(must_not=[others, stamped])
        aggregations["stamped"] = {
            "filter": Bool(must_not=[others]).to_dict(),
            "aggs": {"newest": {"max": {"field": "event.ingested"}}},
        }
        aggregations["unstamped"] = {
            "filter": unstamped.to_dict(),
            "aggs": {"newest": {"max": {"field": "@timestamp"}}},
        }
    return search_body(fields, fields.sysmon(), track_total_hits=True, aggs=aggregations)


def _newest_of_others(aggregations: Mapping[str, Any]) -> int:
    """Return the newest number of documents that others write: the microseconds of their storing."""
    found = [aggregations.get(name, {}).get("newest", {}).get("value") for name in ("stamped", "unstamped")]
    return max((int(value) * 1000 for value in found if value is not None), default=0)


def _event_ids(fields: Fields, aggregations: Mapping[str, Any]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for number, place in enumerate(fields.ordered(EVENT_ID)):
        for bucket in aggregations.get(f"ids_{number}", {}).get("values", {}).get("buckets", []):
            event_id = value_of(place, FIELDS[EVENT_ID], bucket["key"])
            if event_id is not None:
                counts[int(event_id)] = counts.get(int(event_id), 0) + bucket["doc_count"]
    return counts


def _computers(found: Mapping[Any, Tally]) -> dict[str, ComputerInfo]:
    """Join what is told of each computer, whatever the case of its name."""
    names: dict[str, str] = {}
    tallies: dict[str, Tally] = {}
    for ((computer,), _), tally in found.items():
        if computer is not None:
            name = names.setdefault(fold(str(computer)), str(computer))
            tallies.setdefault(name, Tally()).add(tally.count, tally.first, tally.last)
    return {
        name: ComputerInfo(tally.count, time_at(tally.first or 0), time_at(tally.last or 0))
        for name, tally in tallies.items()
    }
