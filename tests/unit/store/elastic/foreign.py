"""Indices of others as tests make them, and what the store reads of their mappings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elasticsearch import Elasticsearch
from elasticsearch_dsl import A, Search
from elasticsearch_dsl.query import Query

from app.settings import Settings
from app.store.elastic.connection import Connection
from app.store.elastic.documents import documents_of
from app.store.elastic.index_fields import IndexFields
from app.store.elastic.indices import Names
from app.store.elastic.mapping import mapping
from app.store.elastic.mappings import read_fields
from app.store.elastic.places import Place
from app.store.port import Budget
from app.sysmon.events import Event
from tests.builders import batch_of
from tests.unit.layouts.pipeline import through_pipeline
from tests.unit.layouts.render import Document, winlogbeat_7

WINLOGBEAT: Mapping[str, Any] = {
    "date_detection": False,
    "dynamic_templates": [
        {"texts": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}}
    ],
    "properties": {
        "@timestamp": {"type": "date"},
        "message": {"type": "text"},
        "destination": {"properties": {"ip": {"type": "ip"}}},
        "source": {"properties": {"ip": {"type": "ip"}}},
        "winlog": {"properties": {"event_id": {"type": "keyword"}, "record_id": {"type": "keyword"}}},
        "event": {"properties": {"code": {"type": "keyword"}}},
    },
}
"""As Winlogbeat's template has it: texts are keywords."""

IMAGE = "winlog.event_data.Image"
TEXT: Mapping[str, Any] = {"type": "text"}


def properties_of(path: str, field: Mapping[str, Any]) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        field = {"properties": {name: field}}
    return dict(field)


class Cluster:
    """Indices of the test's own, and what is read of them."""

    def __init__(self, url: str, prefix: str) -> None:
        store = f"{url.replace('http', 'elasticsearch', 1)}/{prefix}-beat-*"
        self.settings = Settings(store=store, elastic_prefix=prefix)
        self.connection = Connection(self.settings)
        self.client: Elasticsearch = self.connection.client
        self.prefix = prefix

    def index(self, name: str, mappings: Mapping[str, Any], *documents: Document) -> str:
        index = f"{self.prefix}-beat-{name}"
        self.client.indices.create(index=index, mappings=mappings, settings={"number_of_replicas": 0})
        self._fill(index, documents)
        return index

    def own(self, *events: Event) -> None:
        names = Names(self.prefix)
        index = names.of_month("2019-05")
        settings = {"number_of_replicas": 0}
        self.client.indices.create(index=index, mappings=mapping(), settings=settings)
        self._fill(index, [one.body for one in documents_of(batch_of(*events), 1, "test", names)])

    def fill(self, name: str, *documents: Document) -> None:
        self._fill(f"{self.prefix}-beat-{name}", documents)

    def _fill(self, index: str, documents: Any) -> None:
        for document in documents:
            self.client.index(index=index, document=document)
        self.client.indices.refresh(index=index)

    def fields(self) -> IndexFields:
        return read_fields(self.connection, self.connection.address, Budget(30))

    def count(self, fields: IndexFields, query: Query) -> int:
        body = Search().query(query).extra(size=0, runtime_mappings=fields.runtime).to_dict()
        answer = self.connection.search(body, indices=fields.indices, budget=Budget(30))
        return int(answer["hits"]["total"]["value"])

    def terms(self, fields: IndexFields, place: Place) -> dict[Any, int]:
        search = Search().query(fields.sysmon()).extra(size=0, runtime_mappings=fields.runtime)
        layout = search.aggs.bucket("layout", A("filter", filter=fields.of_layout(place.layout)))
        layout.bucket("found", A("terms", field=place.path, size=100))
        answer = self.connection.search(search.to_dict(), indices=fields.indices, budget=Budget(30))
        buckets = answer["aggregations"]["layout"]["found"]["buckets"]
        return {bucket["key"]: bucket["doc_count"] for bucket in buckets}


def raw(event: Event, **data: Any) -> Document:
    document = winlogbeat_7(event)
    document["winlog"]["event_data"] |= data
    return document


def module(event: Event) -> Document:
    return through_pipeline(winlogbeat_7(event))
