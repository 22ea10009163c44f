"""Bad lines, hostile values, many files: nothing ends the reading and nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.layouts import columns
from app.layouts.reader import Reader, Reject
from tests.builders import NOON, network_connect, process_create
from tests.unit.layouts.read import read, refusal
from tests.unit.layouts.render import RENDERERS, azure, evtx, nxlog, winlogbeat_6, winlogbeat_7

GOOD = orjson.dumps(winlogbeat_7(process_create()))


def rejects_of(*lines: bytes, first: int = 1) -> list[Reject]:
    """Return the rejects of lines that a good one follows, which must be read."""
    reader = Reader()
    reader.lines([*lines, GOOD], first)
    assert len(reader.take()) == 1
    assert reader.records == reader.rejected + 1
    return reader.rejects


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a":', "It is no JSON that can be read: unexpected end of data at column 6."),
        (b"[1]", "It is [1], which is no object of fields."),
        (b"null", "It is null, which is no object of fields."),
        (b"{}", "It is of no layout that is known. Its fields are none."),
        (b'{"message":"x"}', "It is of no layout that is known. Its fields are 'message'."),
        (b'{"_source":{"_source":{}}}', "It is of no layout that is known. Its fields are '_source'."),
        (b'{"_source":5}', "_source is 5, which is no object of fields."),
        (b"[" * 100_000, "It is nested more than 1,024 deep, which no log is."),
        (b'{"winlog":' * 5000 + b"1" + b"}" * 5000, "It is nested more than 1,024 deep, which no log is."),
    ],
)
def test_a_bad_line_is_rejected_with_its_number_and_reading_goes_on(line: bytes, reason: str) -> None:
    assert rejects_of(line, first=17) == [Reject("line 17", reason)]


def test_blank_lines_are_no_records() -> None:
    assert rejects_of(b"", b"\n", b" \t\r\n", b"\xef\xbb\xbf") == []


def test_a_byte_order_mark_does_not_cost_a_record() -> None:
    reader = Reader()
    reader.lines([b"\xef\xbb\xbf" + GOOD + b"\r\n"], 1)
    assert (reader.rejects, len(reader)) == ([], 1)


def test_bytes_that_are_no_text_and_lone_surrogates_become_a_replacement_character() -> None:
    reader = Reader()
    line = orjson.dumps(winlogbeat_7(process_create(command_line="HERE")))
    for bad in (b"a\xffb", b"a\\ud800b", b"a\\uDC00b", b"\\ud83d\\ude00 \\udcffa"):
        reader.lines([line.replace(b"HERE", bad)], 1)
    lines = [event.get("CommandLine") for event in reader.take().events()]
    assert lines == ["a�b", "a�b", "a�b", "\U0001f600 �a"]


def test_a_backslash_before_ud800_is_a_backslash() -> None:
    line = orjson.dumps(winlogbeat_7(process_create(command_line="C:\\ud800\\x", image="HERE")))
    reader = Reader()
    reader.lines([line.replace(b"HERE", b"\\udfff")], 1)
    (event,) = reader.take().events()
    assert (event.get("CommandLine"), event.image) == ("C:\\ud800\\x", "�")


def test_lone_surrogates_of_another_json_parser_do_no_harm() -> None:
    document: Any = json.loads('{"a": "\\ud800x", "\\udcff": "y\\udc01"}')
    made = winlogbeat_7(process_create())
    made["winlog"]["event_data"] |= document | {"RuleName": "\ud83d\ude00"}
    made["winlog"]["computer_name"] = "ws\ud800"
    reader = Reader()
    reader.document(made, "item 1")
    (event,) = reader.take().events()
    assert event.other == {"a": "�x", "�": "y�"}
    assert (event.computer, event.get("RuleName")) == ("ws�", "\U0001f600")


def test_a_nul_is_kept() -> None:
    assert read(winlogbeat_7(process_create(command_line="a\0b"))).get("CommandLine") == "a\0b"


def test_a_command_line_of_a_megabyte_is_kept_whole() -> None:
    line = "x" * 2**20
    reader = Reader()
    reader.document(winlogbeat_7(process_create(command_line=line)), "")
    assert reader.characters > 2**20
    assert next(reader.take().events()).get("CommandLine") == line
    assert reader.characters == 0


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("ProcessId", "many", "many"),
        ("ProcessId", str(2**63), str(2**63)),
        ("ProcessId", 1.5, "1.5"),
        ("ProcessId", [1], "[1]"),
        ("ProcessGuid", "{not-a-guid}", "{not-a-guid}"),
        ("ParentProcessGuid", {"a": [True]}, '{"a":[true]}'),
        ("FieldOfTomorrow", False, "false"),
        ("UtcTime", "2019-02-30 12:00:00.000", "2019-02-30 12:00:00.000"),
        ("UtcTime", 5, "5"),
    ],
)
def test_a_value_that_does_not_fit_its_column_is_kept_under_its_name(
    name: str, value: object, kept: str
) -> None:
    document = winlogbeat_7(process_create())
    document["winlog"]["event_data"][name] = value
    event = read(document)
    assert event.other == {name: kept}
    assert event.get(name) == (kept if name == "FieldOfTomorrow" else None)


@pytest.mark.parametrize(
    ("value", "number"),
    [(2**40, 2**40), ("0x1a74", 0x1A74), ("-1", -1), (5.0, 5), ("007", 7), (2**63 - 1, 2**63 - 1)],
)
def test_numbers_are_numbers_however_they_are_written(value: object, number: int) -> None:
    document = winlogbeat_7(process_create())
    document["winlog"]["event_data"]["ProcessId"] = value
    assert read(document).process_id == number


def test_objects_in_text_fields_are_json() -> None:
    document = winlogbeat_7(process_create())
    document["winlog"]["event_data"] |= {"CommandLine": ["cmd", 1], "User": {"name": "a"}}
    event = read(document)
    assert (event.get("CommandLine"), event.get("User")) == ('["cmd",1]', '{"name":"a"}')


def test_a_value_too_deep_to_keep_costs_its_record_alone() -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    document = winlogbeat_7(process_create())
    document["winlog"]["event_data"]["CommandLine"] = deep
    assert "cannot be kept as text" in refusal(document)


@pytest.mark.parametrize(
    "name", ["event_id", "computer_name", "channel", "provider_name", "version", "record_id"]
)
@pytest.mark.parametrize("value", [[], {}, [1], {"a": 1}, True, 1.5, -1, 2**70, "", None])
def test_odd_types_in_the_envelope_do_no_harm(name: str, value: object) -> None:
    document = winlogbeat_7(process_create())
    document["winlog"][name] = value
    reader = Reader()
    reader.document(document, "item 1")
    reader.document(winlogbeat_7(process_create()), "item 2")
    assert len(reader.take()) + reader.rejected + reader.other_channels == 2


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def damaged(draw: st.DrawFn) -> object:
    """A document of some layout in which one value, anywhere, is another one."""
    layout = draw(st.sampled_from(sorted(RENDERERS)))
    document: Any = RENDERERS[layout](network_connect(time=NOON, utc_time=NOON))
    place = document
    while True:
        name = draw(st.sampled_from(sorted(place)))
        if not isinstance(place[name], dict) or draw(st.integers(0, 3)) == 0:
            break
        place = place[name]
        if not place:
            return document
    place[name] = draw(JSON)
    return document


@given(st.lists(damaged() | JSON, max_size=4))
def test_whatever_a_document_holds_reading_goes_on_and_counts_add_up(documents: list[object]) -> None:
    reader = Reader()
    for document in documents:
        reader.document(document, "item")
    reader.lines([orjson.dumps(document) for document in documents], 1)
    read_events = len(reader.take())
    assert reader.records == 2 * len(documents)
    assert reader.sysmon_events == read_events
    assert reader.rejected == len(reader.rejects)
    assert all(reject.reason.endswith(".") for reject in reader.rejects)


def test_more_shapes_than_are_kept_apart_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_MOST_SHAPES", 3)
    documents = []
    for number in range(20):
        document = nxlog(process_create(record_id=number)) | {
            f"Field{number}": f"value {number}",
            "Empty": "-",
        }
        documents.append(document)
    reader = Reader()
    for document in documents:
        reader.document(document, "")
    found = list(reader.take().events())
    assert [event.other for event in found] == [{f"Field{n}": f"value {n}"} for n in range(20)]
    assert {event.get("CommandLine") for event in found} == {process_create().get("CommandLine")}
    assert all(event.utc_time == NOON for event in found)


def test_rejects_that_show_late_name_the_file_of_their_own_record() -> None:
    timeless = azure(process_create())
    del timeless["UtcTime"], timeless["Message"]
    reader = Reader()
    for file in ("a.json", "b.json", "c.json"):
        reader.file = file
        reader.lines([GOOD, orjson.dumps(timeless)] if file == "b.json" else [GOOD], 1)
    reader.lines([b"{"], 9)
    assert (reader.sysmon_events, len(reader)) == (4, 4)
    assert len(reader.take()) == 3
    assert [(reject.file, reject.place) for reject in reader.rejects] == [
        ("c.json", "line 9"),
        ("b.json", "line 2"),
    ]
    assert (reader.records, reader.sysmon_events, reader.rejected) == (5, 3, 2)


def test_taking_begins_anew() -> None:
    reader = Reader()
    for value in ("one", "two"):
        reader.document(winlogbeat_6(process_create(command_line=value)), "")
        batch = reader.take()
        assert [event.get("CommandLine") for event in batch.events()] == [value]
        assert batch.table["command_line"].chunk(0).dictionary.to_pylist() == [value]
    assert len(reader.take()) == 0


def test_an_event_id_that_sysmon_does_not_have_yet_is_stored() -> None:
    document = evtx(process_create())
    document["Event"]["System"]["EventID"] = 30
    event = read(document)
    assert (event.event_id, event.kind) == (30, "Event30")
    assert event.get("CommandLine") is not None


def test_one_json_value_is_read_like_a_line() -> None:
    reader = Reader()
    reader.value(GOOD, "item 1")
    reader.value(GOOD.replace(b"whoami", b"\xff"), "item 2")
    reader.value(b"{", "item 3")
    assert len(reader.take()) == 2
    assert [reject.place for reject in reader.rejects] == ["item 3"]
