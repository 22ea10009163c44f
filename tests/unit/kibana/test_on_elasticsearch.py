"""What Kibana is given, asked of a real Elasticsearch: filters find what this program finds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from elasticsearch import Elasticsearch, helpers

from app.kibana.asking import SYSMON, any_text, query_of
from app.kibana.data_view import EVENT_FIELD, runtime_fields
from app.kibana.hunts import HUNTS
from app.kibana.panels import categories
from app.kibana.paths import COMPUTER, EVENT_ID
from app.store.elastic.documents import documents_of
from app.store.elastic.indices import Names
from app.store.elastic.mapping import mapping
from app.sysmon.condition import Condition
from app.sysmon.evaluate import holds
from app.sysmon.events import Event
from app.sysmon.kinds import KINDS, Category, category_of
from app.sysmon.language import parse
from tests.builders import batch_of, dns_query, event, process_access, process_create, registry_value_set
from tests.contract.conditions import EVENTS, GROUPS

CASES = [case for group in GROUPS.values() for case in group]

KEYWORDS = {
    "dynamic_templates": [
        {"texts": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 8191}}}
    ],
    "properties": {"@timestamp": {"type": "date"}},
}
"""The mapping of an index that Winlogbeat fills, as far as it matters here."""

Documents = list[tuple[Event, dict[str, Any]]]


class Shown:
    """Events in an index, as documents of one layout, and what a filter of Kibana's finds there."""

    def __init__(self, client: Elasticsearch, index: str, documents: Documents) -> None:
        self._client, self._index = client, index
        self.events = [said for said, _ in documents]
        actions = [
            {"_index": index, "_id": str(place), "_source": source}
            for place, (_, source) in enumerate(documents)
        ]
        helpers.bulk(client, actions, refresh=True)

    def found(self, query: dict[str, Any]) -> set[int]:
        return self.found_by_each([query])[0]

    def found_by_each(self, queries: list[dict[str, Any]]) -> list[set[int]]:
        searches: list[dict[str, Any]] = []
        for query in queries:
            searches += [{}, {"query": query, "size": 1_000, "_source": False}]
        answers = self._client.msearch(index=self._index, searches=searches)["responses"]
        assert not [answer["error"] for answer in answers if "error" in answer]
        return [{int(hit["_id"]) for hit in answer["hits"]["hits"]} for answer in answers]

    def wanted(self, condition: Condition) -> set[int]:
        return {place for place, said in enumerate(self.events) if holds(condition, said)}

    def links(self) -> list[str | None]:
        """Return the query that leads from each document to its event here."""
        answer = self._client.search(
            index=self._index,
            size=1_000,
            runtime_mappings=runtime_fields(),
            fields=[{"field": EVENT_FIELD}],
            source=False,
        )
        hits = sorted(answer["hits"]["hits"], key=lambda hit: int(hit["_id"]))
        return [hit.get("fields", {}).get(EVENT_FIELD, [None])[0] for hit in hits]


def own(events: list[Event]) -> Documents:
    out = documents_of(batch_of(*events), 1, "test", Names("h"))
    return [(said, orjson.loads(each.body)) for said, each in zip(events, out, strict=True)]


def raw(events: list[Event]) -> Documents:
    """As Winlogbeat 7 and 8 write them: GUIDs in braces and capitals, and nothing of ours."""
    documents = []
    for said, source in own(events):
        del source["sysmonsearch"]
        data = source["winlog"]["event_data"]
        data.update(said.other)
        for name in data:
            if name.endswith("Guid"):
                data[name] = "{" + data[name].upper() + "}"
        documents.append((said, source))
    return documents


def winlogbeat_6(events: list[Event]) -> Documents:
    documents = []
    for said, source in raw(events):
        winlog = source["winlog"]
        old = {
            "@timestamp": source["@timestamp"],
            "computer_name": winlog["computer_name"],
            "event_data": winlog["event_data"],
            "event_id": int(winlog["event_id"]),
            "log_name": winlog.get("channel"),
            "source_name": "Microsoft-Windows-Sysmon",
            "record_number": winlog.get("record_id"),
            "version": winlog.get("version"),
            "level": source.get("log", {}).get("level"),
        }
        documents.append((said, {name: value for name, value in old.items() if value is not None}))
    return documents


def has_odd_letters(said: Event) -> bool:
    """Tell whether an event has letters beyond ASCII that fold to ASCII: Elasticsearch keeps them apart."""
    return any(letter in str(value) for value in said.values.values() for letter in "\u0130\u212a")


LAYOUTS = {"own": own, "raw": raw, "winlogbeat 6": winlogbeat_6}


@pytest.fixture
def client(elastic_url: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(elastic_url, request_timeout=60) as client:
        yield client


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def shown(client: Elasticsearch, prefix: str, layout: str, events: list[Event]) -> Shown:
    index = f"{prefix}-kibana"
    client.indices.create(
        index=index,
        mappings=mapping() if layout == "own" else KEYWORDS,
        settings={"number_of_replicas": 0},
    )
    return Shown(client, index, LAYOUTS[layout](events))


def test_filters_find_what_conditions_hold_for(
    client: Elasticsearch, elastic_prefix: str, layout: str
) -> None:
    events = list(EVENTS)
    index = shown(client, elastic_prefix, layout, events)
    conditions = list({str(case.condition): case.condition for case in CASES}.values())
    asked = [query_of(condition) for condition in conditions]

    missing, surplus = [], []
    answers = index.found_by_each([each.maybe for each in asked])
    for condition, each, found in zip(conditions, asked, answers, strict=True):
        wanted = index.wanted(condition)
        lost = {place for place in wanted - found if not has_odd_letters(events[place])}
        if lost:
            missing.append((condition, [events[place] for place in lost]))
        if not each.is_wider and not found <= wanted:
            surplus.append((condition, [events[place] for place in found - wanted]))

    assert not missing
    assert not surplus


def test_saved_searches_find_what_their_queries_find(
    client: Elasticsearch, elastic_prefix: str, layout: str
) -> None:
    events = [
        *(event(event_id, image="C:\\x.exe") for event_id in KINDS),
        process_create(
            image="C:\\WINDOWS\\System32\\WindowsPowerShell\\v1.0\\POWERSHELL.EXE", command_line="-EnC AA"
        ),
        process_create(parent_image="C:\\Program Files\\Microsoft Office\\WINWORD.EXE"),
        process_create(image="C:\\Users\\bob\\AppData\\Local\\Temp\\a.exe"),
        registry_value_set(target_object="HKU\\S-1\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\x"),
        registry_value_set(target_object="HKLM\\System\\CurrentControlSet\\Services\\x\\ImagePath"),
        process_access(target_image="C:\\Windows\\system32\\lsass.exe"),
        event(6, signed="true", signature_status="Valid"),
        event(6, signed="true", signature_status="Expired"),
    ]
    index = shown(client, elastic_prefix, layout, events)

    for hunt in HUNTS:
        asked = query_of(parse(hunt.query))
        wanted = index.wanted(parse(hunt.query))
        assert wanted, f"{hunt.key}: the test has no event of it"
        assert not asked.is_wider
        assert index.found(asked.maybe) == wanted, hunt.key


def test_computers_are_found_in_any_case_and_events_of_others_left_out(
    client: Elasticsearch, elastic_prefix: str
) -> None:
    events = [process_create(computer="WS-01.Example"), process_create(computer="ws-02")]
    index = shown(client, elastic_prefix, "raw", events)
    other = {"winlog": {"channel": "Security", "computer_name": "ws-01.example", "provider_name": "x"}}
    client.index(index=f"{elastic_prefix}-kibana", id="99", document=other, refresh=True)

    wanted = {"bool": {"filter": [SYSMON, any_text(COMPUTER, ["ws-01.example"])]}}

    assert index.found(wanted) == {0}


def test_categories_part_all_events(client: Elasticsearch, elastic_prefix: str) -> None:
    events = [event(event_id) for event_id in (*KINDS, 200)]
    index = shown(client, elastic_prefix, "raw", events)

    for category, kql in categories():
        wanted = {place for place, said in enumerate(events) if category_of(said.event_id) is category}
        assert index.found(_as_kibana_reads(kql)) == wanted, category
    assert {category for category, _ in categories()} == set(Category)


def _as_kibana_reads(kql: str) -> dict[str, Any]:
    """Return what Kibana makes of the little KQL that the categories are written in."""
    if kql.startswith("not ("):
        return {"bool": {"must_not": [_as_kibana_reads(kql.removeprefix("not (").removesuffix(")"))]}}
    ids = kql.split(": (")[1].split(")")[0].split(" or ")
    assert kql == " or ".join(f"{field}: ({' or '.join(ids)})" for field in EVENT_ID)
    return {"bool": {"should": [{"match": {field: each}} for field in EVENT_ID for each in ids]}}


def test_each_document_leads_to_its_event(client: Elasticsearch, elastic_prefix: str, layout: str) -> None:
    events = [
        process_create(computer="WS-01.example", record_id=4711),
        dns_query(computer="ws_02", record_id=4711),
        dns_query(computer='ws" or "*', record_id=1),
        dns_query(record_id=None),
    ]
    index = shown(client, elastic_prefix, layout, events)

    links = index.links()

    assert [link is not None for link in links] == [True, True, False, False]
    for place, link in enumerate(links):
        if link is not None:
            assert index.wanted(parse(link)) == {place}
