"""Saved objects: what Kibana keeps, and takes as lines of JSON.

Shapes are those of Kibana 8.9: later versions of 8 bring them up to their own when they are
imported. The same arguments give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Attributes = Mapping[str, Any]

DATA_VIEW: Final = "sysmonsearch-events"
"""The id of the data view; links to Discover name it."""

CORE_VERSION: Final = "8.8.0"
TYPE_VERSIONS: Final = {
    "index-pattern": "8.0.0",
    "search": "8.0.0",
    "visualization": "8.5.0",
    "dashboard": "8.9.0",
}
"""Type -> the version in whose shape its objects are written."""

SEARCH_SOURCE: Final = "kibanaSavedObjectMeta.searchSourceJSON"


@dataclass(frozen=True, slots=True)
class Reference:
    """That an object needs another, under a name that stands in the object."""

    name: str
    type: str
    id: str


@dataclass(frozen=True, slots=True)
class SavedObject:
    """One object as it is imported."""

    type: str
    id: str
    attributes: Attributes
    references: tuple[Reference, ...] = ()

    def line(self) -> str:
        """Return the object as one line of JSON."""
        references = [{"id": each.id, "name": each.name, "type": each.type} for each in self.references]
        return dumps(
            {
                "attributes": self.attributes,
                "coreMigrationVersion": CORE_VERSION,
                "id": self.id,
                "managed": False,
                "references": references,
                "type": self.type,
                "typeMigrationVersion": TYPE_VERSIONS[self.type],
            }
        )


def dumps(value: object) -> str:
    """Return a value as JSON that is the same on every run."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter under the query bar: a query of Elasticsearch's, and the name that it shows."""

    name: str
    query: Mapping[str, Any]

    def named(self, **index: str) -> dict[str, Any]:
        """Return the filter; ``index`` is the data view, as ``index`` or ``indexRefName``."""
        meta = {
            "alias": self.name,
            "disabled": False,
            "key": "query",
            "negate": False,
            "type": "custom",
            "value": dumps(self.query),
            **index,
        }
        return {"$state": {"store": "appState"}, "meta": meta, "query": self.query}


def search_source(filters: tuple[Filter, ...]) -> tuple[str, tuple[Reference, ...]]:
    """Return what is searched: everything in the data view that passes the filters; and the references."""
    names = [f"{SEARCH_SOURCE}.filter[{place}].meta.index" for place in range(len(filters))]
    source = {
        "filter": [each.named(indexRefName=name) for each, name in zip(filters, names, strict=True)],
        "indexRefName": f"{SEARCH_SOURCE}.index",
        "query": {"language": "kuery", "query": ""},
    }
    references = tuple(
        Reference(name, "index-pattern", DATA_VIEW) for name in (f"{SEARCH_SOURCE}.index", *names)
    )
    return dumps(source), references
