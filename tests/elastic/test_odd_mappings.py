"""Indices of others whose mappings or documents are not as one would wish: events are found all
the same, and what costs time is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from app.store.port import Count, EventStore
from app.sysmon.condition import Condition, Match, Not, Operator
from app.sysmon.events import Event
from app.sysmon.query import EventQuery
from tests.builders import event, process_create
from tests.elastic.comparing import judge_of, pages, read
from tests.services import elastic
from tests.services.foreign import LONGEST, MODULE, UNMAPPED, WINLOGBEAT_7, Document, open_reading, send

COMMAND = "winlog.event_data.CommandLine"


_HOUR = timedelta(hours=1)

Open = Callable[..., EventStore]


@pytest.fixture
def opened(elastic_url: str, tmp_path: Path) -> Iterator[Open]:
    """What fills indices, each with a mapping and documents, and opens a store that reads them."""
    stores: list[EventStore] = []
    with Elasticsearch(elastic_url) as client, elastic.own_prefix(elastic_url) as prefix:

        def open_with(**indices: tuple[Mapping[str, Any], Sequence[Document]]) -> EventStore:
            for name, (mappings, documents) in indices.items():
                send(client, f"{prefix}-{name}", documents, mappings)
            stores.append(open_reading(elastic_url, prefix, [f"{prefix}-*"], tmp_path))
            return stores[-1]

        yield open_with
        for store in stores:
            store.close()


def found(store: EventStore, condition: Condition) -> list[Event]:
    """Return what a condition finds, which must be as many as are counted."""
    events = pages(store, EventQuery(condition=condition))
    assert store.count(EventQuery(condition=condition)) == Count(len(events))
    return events


def mapped(path: str, how: Mapping[str, Any]) -> dict[str, Any]:
    """Return the usual mapping with another one for a field in ``winlog.event_data``."""
    mappings = {**WINLOGBEAT_7.mappings}
    winlog = {**mappings["properties"]["winlog"]["properties"]}
    winlog["event_data"] = {"properties": {path: how}}
    mappings["properties"] = {**mappings["properties"], "winlog": {"properties": winlog}}
    return mappings


CONDITIONS: Sequence[Condition] = [
    Match("CommandLine", Operator.EQUALS, "cmd.exe /c Whoami /ALL"),
    Match("CommandLine", Operator.CONTAINS, "WHOAMI"),
    Match("CommandLine", Operator.ENDS_WITH, "/all", case_sensitive=True),
    Match("CommandLine", Operator.REGEX, "who.*all$"),
    Match("CommandLine", Operator.EXISTS),
    Not(Match("CommandLine", Operator.WILDCARD, "*/c*")),
]


def test_a_field_that_is_text_here_and_keyword_and_object_there_is_found_in_all(opened: Open) -> None:
    commands = ["cmd.exe /c whoami /all", "CMD.EXE /C WHOAMI /ALL", "cmd.exe", "whoami"]
    words, keywords = (
        [WINLOGBEAT_7.write(process_create(command_line=command)) for command in commands] for _ in range(2)
    )
    objects = [WINLOGBEAT_7.write(process_create(command_line="x"))]
    objects[0]["winlog"]["event_data"]["CommandLine"] = {"within": "an object"}
    store = opened(
        words=(mapped("CommandLine", {"type": "text"}), words),
        keywords=(WINLOGBEAT_7.mappings, keywords),
        objects=(WINLOGBEAT_7.mappings, objects),
    )
    judge = judge_of([*words, *keywords])
    (lacking,) = read(objects).events()

    for condition in CONDITIONS:
        events = [one for one in found(store, condition) if one.key != lacking.key]
        assert events == found(judge, condition), condition
    assert found(store, Match("CommandLine", Operator.CONTAINS, "object")) == []
    judge = judge_of([*words, *keywords, *objects])
    assert any(f"{COMMAND} is an object in" in note for note in store.info().notes)
    query = EventQuery(sort="Image")
    assert pages(store, query) == pages(judge, query)
    assert {one.key for one in pages(store, EventQuery(sort="CommandLine"))} >= {
        one.key for one in pages(judge, EventQuery()) if one.key != lacking.key
    }
    assert any(COMMAND in note and "text" in note for note in store.info().notes)


def test_all_fields_are_texts_only(opened: Open) -> None:
    documents = [WINLOGBEAT_7.write(made) for made in (process_create(), event(3, destination_port=443))]
    words = {"dynamic_templates": [{"words": {"match_mapping_type": "string", "mapping": {"type": "text"}}}]}
    store, judge = opened(words=(words, documents)), judge_of(documents)

    assert pages(store, EventQuery()) == pages(judge, EventQuery())
    for match in (
        Match("Image", Operator.ENDS_WITH, "\\CMD.EXE"),
        Match("DestinationPort", Operator.LESS, "1000"),
        Match("EventId", Operator.EQUALS, "3"),
    ):
        assert found(store, match) == found(judge, match)
        assert len(found(store, match)) == 1


def test_a_command_line_that_is_too_long_for_the_index_is_found_and_said(opened: Open) -> None:
    long = f"powershell.exe -enc {'QQBB' * LONGEST} | Out-Null"
    made = [process_create(command_line=long), process_create(command_line="powershell.exe")]
    documents = [WINLOGBEAT_7.write(one) for one in made]
    store, judge = opened(beat=(WINLOGBEAT_7.mappings, documents)), judge_of(documents)

    for match in (
        Match("CommandLine", Operator.EQUALS, long.upper()),
        Match("CommandLine", Operator.ENDS_WITH, "| out-null"),
        Match("CommandLine", Operator.STARTS_WITH, "powershell.exe -enc qqbb"),
        Match("CommandLine", Operator.REGEX, "(QQBB){900}"),
        Match("*", Operator.CONTAINS, "Out-Null"),
    ):
        assert len(found(store, match)) == 1, match
        assert found(store, match) == found(judge, match)
    terms = store.terms(EventQuery(), "CommandLine", 10)
    assert terms == judge.terms(EventQuery(), "CommandLine", 10)
    assert any(f"{COMMAND} in 1 document" in note for note in store.info().notes)


def test_a_pattern_that_no_index_has_is_an_empty_store(opened: Open) -> None:
    store = opened()

    assert pages(store, EventQuery()) == []
    assert store.count(EventQuery()) == Count(0)
    assert store.info().events == 0
    assert store.histogram(EventQuery(), step=_HOUR) == ()


def test_a_document_without_computer_or_time_is_no_event(opened: Open) -> None:
    whole, nameless, timeless, empty = (WINLOGBEAT_7.write(process_create()) for _ in range(4))
    del nameless["winlog"]["computer_name"]
    del timeless["@timestamp"]
    del timeless["winlog"]["event_data"]["UtcTime"]
    empty["winlog"]["computer_name"] = ""
    documents = [whole, nameless, timeless, empty]
    store = opened(beat=(WINLOGBEAT_7.mappings, documents))

    assert pages(store, EventQuery()) == list(read(documents).events())
    assert store.info().events == 1
    assert store.info().event_ids == {1: 1}


def test_guids_are_found_whatever_the_case_of_their_fields_names(opened: Open) -> None:
    guid, other = "5c3485a0-0000-0000-0010-00000000beef", "5c3485a0-0000-0000-0010-00000000cafe"
    made = event(10, process_guid=guid, target_process_guid=other, process_id=1, target_process_id=2)
    documents = [WINLOGBEAT_7.write(made) for _ in range(2)]
    data = documents[1]["winlog"]["event_data"]
    for name in [name for name in data if name.endswith("GUID")]:
        data[name.replace("GUID", "Guid")] = data.pop(name).upper()
    documents[1]["winlog"]["record_id"] += 1
    for mappings in (WINLOGBEAT_7.mappings, UNMAPPED.mappings):
        store = opened(**{f"beat-{len(mappings)}": (mappings, documents)})
        for name, value in (("SourceProcessGuid", guid), ("TargetProcessGuid", other)):
            for text in (value, f"{{{value.upper()}}}"):
                match = Match(name, Operator.EQUALS, text.strip("{}"))
                assert len({event.key for event in pages(store, EventQuery(condition=match))}) == 2, match


def test_a_field_that_is_a_number_here_and_a_text_there(opened: Open) -> None:
    made = [event(3, destination_port=port) for port in (443, 80, 8080)]
    documents = [WINLOGBEAT_7.write(one) for one in made]
    store = opened(
        numbers=(mapped("DestinationPort", {"type": "long"}), documents[:2]),
        texts=(WINLOGBEAT_7.mappings, documents[2:]),
        module=(MODULE.mappings, [MODULE.write(event(3, destination_port=22))]),
    )

    def ports(match: Match) -> list[str]:
        return sorted(str(one.get("DestinationPort")) for one in found(store, match))

    assert ports(Match("DestinationPort", Operator.GREATER, "79")) == ["443", "80", "8080"]
    assert ports(Match("DestinationPort", Operator.EQUALS, "22")) == ["22"]
    assert ports(Match("DestinationPort", Operator.STARTS_WITH, "80")) == ["80", "8080"]
    assert dict(store.terms(EventQuery(), "DestinationPort", 9).values) == dict.fromkeys(
        ("22", "443", "80", "8080"), 1
    )
