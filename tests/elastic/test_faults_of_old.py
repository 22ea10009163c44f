"""What the tool before this one did not find: fields that a pipeline renames, event IDs that are
texts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from app.graph.tree import build_tree
from app.store.port import EventStore
from app.sysmon.condition import Match, Operator
from app.sysmon.query import EventQuery
from tests.builders import COMPUTER, NOON, event, new_guid, process_create
from tests.services import elastic
from tests.services.foreign import AGENT, MODULE, WINLOGBEAT_7, Shipper, open_reading, send

PARENT, CHILD = new_guid(), new_guid()
OLD_FIELD = "winlog.event_data.ProcessGuid"
EVENTS = [
    process_create(process_guid=PARENT, image="C:\\Windows\\explorer.exe"),
    process_create(process_guid=CHILD, parent_process_guid=PARENT, image="C:\\evil.exe"),
    event(3, process_guid=CHILD, image="C:\\evil.exe", destination_ip="203.0.113.9", destination_port=443),
]

Opened = tuple[EventStore, Elasticsearch, str]


@pytest.fixture(params=[MODULE, AGENT], ids=lambda shipper: shipper.name)
def renamed(request: pytest.FixtureRequest, elastic_url: str, tmp_path: Path) -> Iterator[Opened]:
    """Events whose fields a pipeline of Elastic has renamed."""
    shipper: Shipper = request.param
    with Elasticsearch(elastic_url) as client, elastic.own_prefix(elastic_url) as prefix:
        index = shipper.index(prefix)
        send(client, index, map(shipper.write, EVENTS), shipper.mappings)
        with open_reading(elastic_url, prefix, [index], tmp_path) as store:
            yield store, client, index


def test_a_process_is_found_though_a_pipeline_renamed_its_fields(renamed: Opened) -> None:
    store, client, index = renamed
    query = EventQuery(condition=Match("ProcessGuid", Operator.EQUALS, CHILD))

    # What the old tool asks for is in no document.
    assert client.count(index=index, query={"exists": {"field": OLD_FIELD}})["count"] == 0
    found = store.search(query).events
    assert sorted(one.event_id for one in found) == [1, 3]
    assert {one.get("Image") for one in found} == {"C:\\evil.exe"}


def test_its_tree_is_whole(renamed: Opened) -> None:
    store, _, _ = renamed
    tree = build_tree(store, COMPUTER, CHILD)

    assert {"C:\\Windows\\explorer.exe", "C:\\evil.exe"} <= {one.image for one in tree.processes()}


@pytest.mark.parametrize("is_text", [False, True], ids=["numbers", "texts"])
def test_event_ids_are_known_and_counted_though_they_are_texts(
    elastic_url: str, tmp_path: Path, is_text: bool
) -> None:
    documents = [WINLOGBEAT_7.write(one) for one in EVENTS]
    for document in documents:
        event_id = document["winlog"]["event_id"]
        document["winlog"]["event_id"] = str(event_id) if is_text else event_id
    with Elasticsearch(elastic_url) as client, elastic.own_prefix(elastic_url) as prefix:
        index = WINLOGBEAT_7.index(prefix)
        send(client, index, documents, WINLOGBEAT_7.mappings)
        with open_reading(elastic_url, prefix, [index], tmp_path) as store:
            query, day = EventQuery(), timedelta(days=1)

            assert store.info().event_ids == {1: 2, 3: 1}
            assert dict(store.terms(query, "EventId", 9).values) == {"1": 2, "3": 1}
            assert "other" not in str(store.terms(query, "Kind", 9).values).lower()
            steps = store.histogram(query, day)
            assert [(step.event_id, step.count) for step in steps] == [(1, 2), (3, 1)]
            assert all(step.start.date() == NOON.date() for step in steps)
