"""Conditions over documents of other programs, in all layouts at once, beside our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from hypothesis import given

from app.settings import Settings
from app.store.elastic.address import read_address
from app.store.elastic.conditions import compile_condition, compile_query
from app.store.elastic.connection import Connection
from app.store.elastic.documents import Decoder
from app.store.elastic.mappings import FieldsReader
from app.store.port import Budget
from app.sysmon.condition import Condition, Match, Not, Operator, equals_any
from app.sysmon.events import Event, value_text
from app.sysmon.fields import COLUMN_TYPES, HASH_COLUMNS, FieldType, name_in
from app.sysmon.query import EventQuery
from tests.builders import NOON, event, process_create
from tests.contract.conditions import EVENTS, GROUPS
from tests.contract.strategies import conditions
from tests.services import elastic
from tests.unit.store.elastic.test_conditions import MORE, Index, fill

CHANNEL = "Microsoft-Windows-Sysmon/Operational"
LONGEST = 100
GUID = "5c3485a0-1111-2222-3333-0123456789ab"
OTHERS = [
    process_create(process_guid=GUID, command_line="x" * 200 + " needle"),
    event(1, process_guid=GUID, hashes="SHA1=" + "0A" * 20 + ",MD5=" + "0B" * 16),
    event(3, process_guid=GUID, source_ip="10.1.2.3", destination_port=443, source_port_name="-"),
]
KEYWORDS: Mapping[str, Any] = {
    "dynamic_templates": [
        {"texts": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": LONGEST}}}
    ],
    "properties": {"@timestamp": {"type": "date"}},
}


def sysmon_data(event: Event) -> dict[str, Any]:
    """Return the fields as Sysmon writes them."""
    data: dict[str, Any] = {"UtcTime": value_text(event.utc_time), "RuleName": "-"} if event.utc_time else {}
    for column, value in event.values.items():
        if column in COMMON or column in HASH_COLUMNS:
            continue
        text = value_text(value)
        is_guid = COLUMN_TYPES.get(column) is FieldType.GUID
        data[name_in(column, event.event_id)] = f"{{{text.upper()}}}" if is_guid else text
    return {**data, **event.other}


COMMON = frozenset({"utc_time", "record_id", "event_version", "channel", "level", "content_hash"})


def as_winlogbeat_7(event: Event) -> dict[str, Any]:
    return {
        "@timestamp": event.time.isoformat(timespec="milliseconds"),
        "log": {"level": "information"},
        "winlog": {
            "channel": CHANNEL,
            "provider_name": "Microsoft-Windows-Sysmon",
            "computer_name": event.computer,
            "event_id": str(event.event_id),
            "record_id": event.values.get("record_id", 1),
            "event_data": sysmon_data(event),
        },
    }


def as_winlogbeat_6(event: Event) -> dict[str, Any]:
    return {
        "@timestamp": event.time.isoformat(timespec="milliseconds"),
        "log_name": CHANNEL,
        "source_name": "Microsoft-Windows-Sysmon",
        "computer_name": event.computer,
        "event_id": event.event_id,
        "record_number": str(event.values.get("record_id", 1)),
        "level": "Information",
        "event_data": sysmon_data(event),
    }


def as_ecs(event: Event) -> dict[str, Any]:
    """Return what the Sysmon module makes of an event; only a few of the fields are moved."""
    document = as_winlogbeat_7(event)
    data = document["winlog"]["event_data"]
    data.pop("UtcTime", None)
    process = {}
    for name, key in (("ProcessGuid", "entity_id"), ("Image", "executable"), ("CommandLine", "command_line")):
        if name in data:
            process[key] = data.pop(name)
    if data.get("ProcessId", "").isdigit():
        process["pid"] = int(data.pop("ProcessId"))
    return {**document, "event": {"module": "sysmon", "code": str(event.event_id)}, "process": process}


@pytest.fixture(scope="module")
def index(elastic_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """The events of all cases in four layouts; each is what the decoder makes of it."""
    with Elasticsearch(elastic_url, request_timeout=60) as client, elastic.own_prefix(elastic_url) as prefix:
        # Of IDs that no Sysmon has had yet, the fields of ECS are known for the next few dozen.
        some = [event for event in (*EVENTS, *MORE, *OTHERS) if event.event_id < 64]
        own = fill(client, prefix, some)
        indexed = {"w6": as_winlogbeat_6, "w7": as_winlogbeat_7, "ecs": as_ecs}
        for name, write in indexed.items():
            _index(client, f"{prefix}-{name}", [write(event) for event in some if event.time.year < 2200])
        store = f"{elastic_url.replace('http:', 'elasticsearch:')}/{prefix}-w6,{prefix}-w7,{prefix}-ecs"
        settings = Settings(data=tmp_path_factory.mktemp("var"), store=store, elastic_prefix=prefix)
        fields = FieldsReader(Connection(settings), read_address(settings)).read(Budget(30))
        answer = client.search(index=fields.indices, size=10_000)
        hits = answer["hits"]["hits"]
        events = {
            hit["_id"]: event
            for hit, event in zip(hits, Decoder().events(hits), strict=True)
            if event is not None
        }
        assert len(events) > 3 * len(own.events)
        yield Index(client, fields.indices, fields, events)


def _index(client: Elasticsearch, name: str, documents: Sequence[Mapping[str, Any]]) -> None:
    # A field that is new to an index takes its time: those of the documents are told beforehand.
    mappings = {**KEYWORDS, "properties": {**KEYWORDS["properties"], **_properties(documents)}}
    client.indices.create(index=name, mappings=mappings)
    lines: list[Any] = []
    for document in documents:
        lines += [{"create": {}}, document]
    answer = client.bulk(index=name, operations=lines, refresh=True)
    assert not answer["errors"], [item for item in answer["items"] if item["create"]["status"] >= 300][:3]


def _properties(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    data = [document.get("winlog", document)["event_data"] for document in documents]
    names = {name for fields in data for name in fields}
    event_data = {"properties": {name: {"type": "keyword", "ignore_above": LONGEST} for name in names}}
    is_within = "winlog" in documents[0]
    return {"winlog": {"properties": {"event_data": event_data}}} if is_within else {"event_data": event_data}


@pytest.mark.parametrize("name", GROUPS)
def test_the_bounds_hold_for_all_cases_in_all_layouts(index: Index, name: str) -> None:
    for case in GROUPS[name]:
        bounds = compile_query(EventQuery(condition=case.condition), index.fields)
        try:
            index.check(bounds, index.true(case.condition))
        except AssertionError as error:
            raise AssertionError(case.why, case.condition) from error


def test_the_bounds_hold_for_random_conditions_in_all_layouts(index: Index) -> None:
    @given(conditions())
    def check(condition: Condition) -> None:
        index.check(compile_query(EventQuery(condition=condition), index.fields), index.true(condition))

    check()


@pytest.mark.parametrize(
    "condition",
    [
        Match("ProcessGuid", Operator.EQUALS, GUID.upper()),
        Match("ProcessGuid", Operator.EQUALS, GUID.upper(), case_sensitive=True),
        Match("ProcessGuid", Operator.EQUALS, f"{{{GUID}}}"),
        Match("ProcessGuid", Operator.STARTS_WITH, "5C3485a0-1111"),
        Match("ProcessGuid", Operator.ENDS_WITH, "89ab"),
        Match("ProcessGuid", Operator.ENDS_WITH, "}"),
        Match("ProcessGuid", Operator.CONTAINS, "2222-3333"),
        Match("ProcessGuid", Operator.WILDCARD, "?c3485*ab"),
        Match("ProcessGuid", Operator.WILDCARD, "?5c3485*"),
        Match("ProcessGuid", Operator.REGEX, "^5c.*b$"),
        Match("RuleName", Operator.EXISTS),
        Match("RuleName", Operator.EQUALS, "-"),
        Match("SourcePortName", Operator.CONTAINS, "-"),
        Not(Match("SourcePortName", Operator.EXISTS)),
        Match("CommandLine", Operator.CONTAINS, "NEEDLE"),
        Match("CommandLine", Operator.EXISTS),
        Not(Match("CommandLine", Operator.ENDS_WITH, "needle")),
        Match("*", Operator.CONTAINS, "NEEDLE"),
        Match("MD5", Operator.EQUALS, "0b" * 16),
        Match("SHA1", Operator.STARTS_WITH, "0a0A"),
        Match("Hashes", Operator.CONTAINS, "md5=" + "0b" * 16),
        Match("ProcessId", Operator.GREATER, "9"),
        Match("Level", Operator.EQUALS, "information"),
        Match("Channel", Operator.CONTAINS, "sysmon"),
        Match("UtcTime", Operator.LESS_EQUAL, "2019-01-08 12:00:00.000"),
        Match("UtcTime", Operator.EQUALS, "2019-01-08 12:00:00.000"),
        Match("Time", Operator.GREATER, "2019-01-08 11:59:59.9999"),
        equals_any("Image", ["c:\\windows\\system32\\CMD.exe", "a"]),
    ],
    ids=str,
)
def test_the_bounds_hold_in_all_layouts(index: Index, condition: Condition) -> None:
    index.check(compile_query(EventQuery(condition=condition), index.fields), index.true(condition))
    index.check(compile_query(EventQuery(condition=Not(condition)), index.fields), index.true(Not(condition)))


@pytest.mark.parametrize(
    "condition",
    [
        Match("ProcessGuid", Operator.EQUALS, GUID.upper()),
        Match("ProcessGuid", Operator.CONTAINS, "2222-3333"),
        Match("Image", Operator.ENDS_WITH, "\\CMD.EXE"),
        Match("DestinationPort", Operator.EQUALS, "443"),
        Match("EventId", Operator.LESS, "5"),
        Match("Category", Operator.EQUALS, "registry"),
    ],
    ids=str,
)
def test_much_is_exact_in_all_layouts(index: Index, condition: Condition) -> None:
    assert compile_condition(condition, index.fields).exact


def test_a_range_of_whole_milliseconds_is_one_range_for_all_layouts(index: Index) -> None:
    bounds = compile_query(EventQuery(start=NOON), index.fields)

    assert bounds.exact
    assert str(bounds.sure.to_dict()).count("'range'") == 1
    index.check(bounds, {id_ for id_, event in index.events.items() if event.time >= NOON})
