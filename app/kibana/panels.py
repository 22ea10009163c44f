"""The visualisations: of the classic kind (aggregations), which all versions of Kibana 8 show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.kibana.hunts import SYSMON_FILTER
from app.kibana.paths import EVENT_ID
from app.kibana.saved import SavedObject, dumps, search_source
from app.sysmon.kinds import KINDS, Category

Json = dict[str, Any]

EVENT_DATA: Final = "winlog.event_data"
COMPUTER: Final = "winlog.computer_name"

_LABELS: Final = {
    Category.CREATE_PROCESS: "process",
    Category.FILE_CREATE_TIME: "file time",
    Category.NET_ACCESS: "network",
    Category.IMAGE_LOADED: "image",
    Category.REMOTE_THREAD: "remote thread",
    Category.CREATE_FILE: "file",
    Category.REGISTRY: "registry",
    Category.WMI: "WMI",
    Category.DNS: "DNS",
    Category.PROCESS_ACCESS: "access",
    Category.PIPE: "pipe",
    Category.OTHER: "other",
}


@dataclass(frozen=True, slots=True)
class Panel:
    """A visualisation: its kind, what is counted in which groups, and how it is drawn."""

    key: str
    title: str
    type: str
    aggregations: tuple[Json, ...]
    params: Mapping[str, Any]
    description: str

    @property
    def id(self) -> str:
        return f"sysmonsearch-panel-{self.key}"

    def saved(self) -> SavedObject:
        """Return the visualisation."""
        title = f"SysmonSearch: {self.title}"
        source, references = search_source((SYSMON_FILTER,))
        state = {"aggs": self.aggregations, "params": self.params, "title": title, "type": self.type}
        return SavedObject(
            "visualization",
            self.id,
            {
                "description": self.description,
                "kibanaSavedObjectMeta": {"searchSourceJSON": source},
                "title": title,
                "uiStateJSON": "{}",
                "version": 1,
                "visState": dumps(state),
            },
            references,
        )


def _aggregation(number: int, type_: str, schema: str, **params: Any) -> Json:
    return {"enabled": True, "id": str(number), "params": params, "schema": schema, "type": type_}


def _count(label: str = "Events") -> Json:
    return _aggregation(1, "count", "metric", customLabel=label)


def _distinct(number: int, field: str, label: str) -> Json:
    return _aggregation(number, "cardinality", "metric", customLabel=label, field=field)


def _terms(number: int, field: str, schema: str, size: int, label: str, *, rest: bool = False) -> Json:
    return _aggregation(
        number,
        "terms",
        schema,
        customLabel=label,
        field=field,
        missingBucket=False,
        missingBucketLabel="Missing",
        order="desc",
        orderBy="1",
        otherBucket=rest,
        otherBucketLabel="Other",
        size=size,
    )


def _rare(number: int, field: str, most: int, label: str) -> Json:
    return _aggregation(number, "rare_terms", "bucket", customLabel=label, field=field, max_doc_count=most)


def _over_time(number: int, schema: str, interval: str, label: str) -> Json:
    return _aggregation(
        number,
        "date_histogram",
        schema,
        customLabel=label,
        drop_partials=False,
        extended_bounds={},
        field="@timestamp",
        interval=interval,
        min_doc_count=1,
        scaleMetricValues=False,
        useNormalizedEsInterval=True,
    )


def _by_category(number: int, schema: str) -> Json:
    filters = [
        {"input": {"language": "kuery", "query": query}, "label": _LABELS[category]}
        for category, query in categories()
    ]
    return _aggregation(number, "filters", schema, filters=filters)


def categories() -> Iterator[tuple[Category, str]]:
    """Yield each category with the KQL that finds its events: by event ID, which no language changes."""
    for category in Category:
        if category is Category.OTHER:  # IDs that Sysmon may add one day are other events too.
            yield category, f"not ({_with_ids(kind for kind in Category if kind is not category)})"
        else:
            yield category, _with_ids([category])


def _with_ids(wanted: Iterator[Category] | list[Category]) -> str:
    among = frozenset(wanted)
    ids = " or ".join(str(kind.event_id) for kind in KINDS.values() if kind.category in among)
    return " or ".join(f"{field}: ({ids})" for field in EVENT_ID)


def _axes(horizontal: bool) -> Json:
    bottom, left = ("left", "bottom") if horizontal else ("bottom", "left")
    labels = {"filter": not horizontal, "show": True, "truncate": 200 if horizontal else 100}
    return {
        "categoryAxes": [
            {
                "id": "CategoryAxis-1",
                "labels": labels,
                "position": bottom,
                "scale": {"type": "linear"},
                "show": True,
                "style": {},
                "title": {},
                "type": "category",
            }
        ],
        "valueAxes": [
            {
                "id": "ValueAxis-1",
                "labels": {"filter": horizontal, "rotate": 0, "show": True, "truncate": 100},
                "name": "LeftAxis-1",
                "position": left,
                "scale": {"mode": "normal", "type": "linear"},
                "show": True,
                "style": {},
                "title": {"text": "Events"},
                "type": "value",
            }
        ],
    }


def _bars(*, horizontal: bool = False, legend: bool = True) -> Json:
    return {
        "addLegend": legend,
        "addTimeMarker": False,
        "addTooltip": True,
        "grid": {"categoryLines": False},
        "labels": {"show": False},
        "legendPosition": "right",
        "seriesParams": [
            {
                "data": {"id": "1", "label": "Events"},
                "drawLinesBetweenPoints": True,
                "lineWidth": 2,
                "mode": "stacked",
                "show": True,
                "showCircles": True,
                "type": "histogram",
                "valueAxis": "ValueAxis-1",
            }
        ],
        "thresholdLine": {"color": "#E7664C", "show": False, "style": "full", "value": 10, "width": 1},
        "times": [],
        "type": "histogram",
        **_axes(horizontal),
    }


_PIE: Final[Json] = {
    "addTooltip": True,
    "distinctColors": False,
    "isDonut": True,
    "labels": {"last_level": True, "show": True, "truncate": 100, "values": True, "valuesFormat": "percent"},
    "legendDisplay": "show",
    "legendPosition": "right",
    "nestedLegend": False,
    "palette": {"name": "default", "type": "palette"},
    "type": "pie",
}

_TABLE: Final[Json] = {
    "perPage": 10,
    "percentageCol": "",
    "showMetricsAtAllLevels": False,
    "showPartialRows": False,
    "showToolbar": True,
    "showTotal": False,
    "totalFunc": "sum",
}

_IMAGE: Final = f"{EVENT_DATA}.Image"


def _top(key: str, title: str, field: str, description: str, *more: Json) -> Panel:
    """Return a table of the values of a field that most events have, and on how many computers."""
    metrics = (_count(), _distinct(3, COMPUTER, "Computers"), *more)
    groups = (_terms(2, f"{EVENT_DATA}.{field}", "bucket", 50, field),)
    return Panel(key, title, "table", (*metrics, *groups), _TABLE, description)


def _least(key: str, title: str, field: str, description: str) -> Panel:
    """Return a table of the values of a field that few events have."""
    metrics = (_count(), _distinct(3, COMPUTER, "Computers"))
    groups = (_rare(2, f"{EVENT_DATA}.{field}", 10, field),)
    return Panel(key, title, "table", (*metrics, *groups), _TABLE, description)


PANELS: Final = (
    Panel(
        "stats",
        "Events per category over time",
        "histogram",
        (_count(), _over_time(2, "segment", "auto", "Time"), _by_category(3, "group")),
        _bars(),
        "The categories are those of SysmonSearch, read from event IDs.",
    ),
    Panel(
        "summary",
        "Categories",
        "pie",
        (_count(), _by_category(2, "segment")),
        _PIE,
        "The categories are those of SysmonSearch, read from event IDs.",
    ),
    Panel(
        "hosts",
        "Computers per day",
        "table",
        (
            _count(),
            _over_time(2, "bucket", "d", "Day"),
            _terms(3, COMPUTER, "bucket", 10, "Computer"),
        ),
        {**_TABLE, "showTotal": True},
        "The ten computers of each day that logged most.",
    ),
    Panel(
        "images",
        "Images that log most",
        "horizontal_bar",
        (_count(), _terms(2, _IMAGE, "segment", 10, "Image")),
        _bars(horizontal=True, legend=False),
        "The ten programs of which Sysmon logged most events.",
    ),
    Panel(
        "computers",
        "Computers",
        "horizontal_bar",
        (_count(), _terms(2, COMPUTER, "segment", 20, "Computer")),
        _bars(horizontal=True, legend=False),
        "The twenty computers that logged most: also those that should log and do not, where they lack here.",
    ),
    _least(
        "rare-images",
        "Rare images",
        "Image",
        "Programs with at most ten events in the range: what is seldom is worth a look.",
    ),
    _top(
        "destinations",
        "Destinations",
        "DestinationIp",
        "Addresses that most connections went to, and how many programs spoke with each.",
        _distinct(4, _IMAGE, "Images"),
    ),
    _top(
        "dns",
        "DNS names",
        "QueryName",
        "Names that were asked for most, and how many programs asked for each.",
        _distinct(4, _IMAGE, "Images"),
    ),
    _least("rare-dns", "Rare DNS names", "QueryName", "Names that were asked for at most ten times."),
    _top(
        "registry",
        "Registry objects",
        "TargetObject",
        "Keys and values that were created, set, renamed or deleted most.",
    ),
)
"""Every visualisation: first those of the classic dashboard, then ours."""
