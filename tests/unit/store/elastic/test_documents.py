"""Events as documents: what is written gives back exactly what was stored."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.layouts.reader import Reader
from app.store.elastic.documents import Decoder, Out, documents_of, id_of
from app.store.elastic.indices import Names
from app.sysmon.batch import SCHEMA, EventBatch
from app.sysmon.events import Event
from tests import builders
from tests.builders import NOON, as_stored, batch_of, event, network_connect, process_create
from tests.contract.strategies import events

NAMES = Names("sysmonsearch")
BUILDERS: list[Callable[[], Event]] = [
    made
    for name, made in inspect.getmembers(builders, inspect.isfunction)
    if inspect.signature(made).return_annotation == "Event"
    and not name.startswith("_")
    and name not in ("event", "as_stored")
]


def _written(*some: Event, number: int = 7) -> list[Out]:
    return list(documents_of(batch_of(*some), number, "import", NAMES))


def _hits(documents: Sequence[Out]) -> list[dict[str, Any]]:
    return [{"_index": one.index, "_id": one.id, "_source": orjson.loads(one.body)} for one in documents]


def _read(*some: Event) -> list[Event | None]:
    return Decoder().events(_hits(_written(*some)))


def _source(one: Event) -> Mapping[str, Any]:
    source = orjson.loads(_written(one)[0].body)
    assert isinstance(source, dict)
    return source


@pytest.mark.parametrize("made", BUILDERS, ids=lambda made: made.__name__)
def test_every_kind_of_event_comes_back(made: Callable[[], Event]) -> None:
    one = made()

    assert _read(one) == [one]


ODD = {
    "empty texts": process_create(image="", command_line=""),
    "NUL, quotes and line feeds": process_create(image='a\0b"c\\d\ne', rule_name="\x1b[31m\u202e"),
    "beyond ASCII": process_create(user="ПРИВЕТ\\🦊", computer="ws-ÄΣ\U0001f98a"),
    "a megabyte": process_create(command_line="x" * 2**20),
    "fields that no table knows": process_create(other={"New": "field", "": "", "UtcTime": "?"}),
    "no UtcTime": process_create(utc_time=None),
    "no record number": as_stored(process_create(record_id=None)),
    "neither": as_stored(process_create(record_id=None, utc_time=None)),
    "the first year": process_create(time=datetime(1, 1, 1, tzinfo=UTC)),
    "1601": process_create(time=datetime(1601, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
    "before 1970": process_create(time=datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    "9999": process_create(time=datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    "UtcTime in microseconds": process_create(utc_time=NOON + timedelta(microseconds=1)),
    "largest numbers": process_create(process_id=2**63 - 1, parent_process_id=-(2**63), record_id=2**63 - 1),
    "an event ID that no table knows": event(30, image="a"),
    "nothing but what it must have": event(1, utc_time=None),
    "all that stands around it": event(
        1, level="Information", channel="a", event_version=5, md5="0A", sha1="0B", sha256="0C", imphash="0D"
    ),
    "fields of other events": event(1, target_image="a", query_name="b", source_port=1, hash="MD5=0A"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_events_come_back(name: str) -> None:
    assert _read(ODD[name]) == [ODD[name]]


def test_every_column_comes_back_in_events_whose_process_is_a_source_and_in_others() -> None:
    integers = {field.name for field in SCHEMA if str(field.type) == "int64"}
    for event_id in (1, 8, 10, 22, 30):
        values = {
            column: 5 if column in integers else f"value of {column}"
            for column in SCHEMA.names
            if column not in {"time", "utc_time", "computer", "event_id", "content_hash", "other"}
        }
        one = event(event_id, **values)

        assert _read(one) == [one]


@given(st.lists(events(), max_size=8))
def test_any_events_come_back_in_their_order(some: list[Event]) -> None:
    assert _read(*some) == some


@given(events())
def test_the_id_is_the_event_key(one: Event) -> None:
    assert [document.id for document in _written(one)] == [str(one.key)]


def test_a_key_that_is_too_long_for_an_id_is_hashed() -> None:
    one = process_create(computer="ä" * 300)

    assert _written(one)[0].id == sha256(str(one.key).encode()).hexdigest() == id_of(str(one.key))
    assert id_of(str(process_create().key)).startswith("ws-01.example~1~")


def test_the_month_of_utctime_names_the_index_and_nothing_else_does() -> None:
    december = datetime(2018, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    some = [
        process_create(time=NOON, utc_time=december),
        process_create(time=NOON, utc_time=None),
        process_create(time=datetime(1601, 1, 1, tzinfo=UTC)),
        process_create(time=datetime(9999, 12, 31, tzinfo=UTC)),
        process_create(time=datetime(7, 3, 1, tzinfo=UTC)),
    ]

    assert [document.index.removeprefix("sysmonsearch-events-") for document in _written(*some)] == [
        "2018.12",
        "undated",
        "1601.01",
        "9999.12",
        "0007.03",
    ]


def test_a_document_reads_as_winlogbeat_writes_it() -> None:
    one = network_connect(time=NOON + timedelta(microseconds=1500), record_id=12, level="Information")

    source = _source(one)

    assert source["@timestamp"] == "2019-01-08T12:00:00.001500Z"
    assert source["event"] == {"code": "3", "kind": "event", "provider": "Microsoft-Windows-Sysmon"}
    assert source["log"] == {"level": "Information"}
    assert source["winlog"]["event_id"] == "3"
    assert source["winlog"]["record_id"] == "12"
    assert source["winlog"]["event_data"]["DestinationPort"] == "8080"
    assert source["winlog"]["event_data"]["UtcTime"] == "2019-01-08 12:00:00.001"
    assert source["sysmonsearch"] == {
        "batch": 7,
        "source": "import",
        "time": 1_546_948_800_001_500,
        "utc_time": 1_546_948_800_001_000,
    }


def test_a_reader_of_winlogbeats_documents_reads_ours() -> None:
    one = process_create(level="Information", channel="Microsoft-Windows-Sysmon/Operational", event_version=5)
    reader = Reader()
    reader.document(dict(_source(one)), "here")

    assert list(reader.take().events()) == [one]


def test_an_empty_batch_has_no_documents() -> None:
    assert _written() == []


def test_a_part_of_a_batch_is_written_though_its_dictionaries_hold_more() -> None:
    some = [process_create(image=f"{n}.exe") for n in range(4)]
    part = EventBatch(batch_of(*some).table.slice(1, 2))

    assert Decoder().events(_hits(list(documents_of(part, 1, "", NAMES)))) == some[1:3]


def _winlogbeat(**winlog: object) -> dict[str, Any]:
    return {
        "_index": "winlogbeat-7",
        "_id": "a",
        "_source": {
            "@timestamp": "2019-01-08T12:00:00.000Z",
            "log": {"level": "information"},
            "winlog": {
                "channel": "Microsoft-Windows-Sysmon/Operational",
                "computer_name": "ws-01",
                "event_id": 5,
                "record_id": 4,
                "version": 3,
                "event_data": {"UtcTime": "2019-01-08 12:00:00.000", "Image": "a.exe"},
                **winlog,
            },
        },
    }


def test_documents_of_others_are_read_among_ours() -> None:
    one, two = process_create(), process_create()
    ours = _hits(_written(one, two))

    found = Decoder().events([ours[0], _winlogbeat(), ours[1], _winlogbeat(record_id=5)])

    assert (found[0], found[2]) == (one, two)
    assert [(e.image, e.values["record_id"]) for e in (found[1], found[3]) if e] == [
        ("a.exe", 4),
        ("a.exe", 5),
    ]


def test_what_cannot_be_read_is_none_and_has_a_reason() -> None:
    hits = [
        {**_winlogbeat(), "_id": "good"},
        {**_winlogbeat(computer_name=""), "_id": "nameless"},
        {**_winlogbeat(channel="Security"), "_id": "security"},
        {"_index": "winlogbeat-7", "_id": "strange", "_source": {"a": 1}},
        {**_winlogbeat(event_data={"UtcTime": "never"}), "_id": "timeless"},
        {"_index": "winlogbeat-7", "_id": "empty"},
        {"_index": "sysmonsearch-events-2019.01", "_id": "broken", "_source": {"sysmonsearch": {}}},
        {**_winlogbeat(record_id=9), "_id": "good too"},
    ]
    del hits[4]["_source"]["@timestamp"]
    decoder = Decoder()

    found = decoder.events(hits)

    assert [one is None for one in found] == [False, True, True, True, True, True, True, False]
    assert found[7] is not None
    assert found[7].values["record_id"] == 9
    assert list(decoder.unreadable) == [
        "sysmonsearch-events-2019.01/broken",
        "winlogbeat-7/security",
        *(f"winlogbeat-7/{name}" for name in ("nameless", "strange", "empty", "timeless")),
    ]
    assert decoder.unreadable["winlogbeat-7/nameless"] == "It names no computer."


def test_a_document_of_another_without_record_number_has_its_content_hash() -> None:
    found = Decoder().events([_winlogbeat(record_id=None)])[0]

    assert found is not None
    assert "content_hash" in found.values
