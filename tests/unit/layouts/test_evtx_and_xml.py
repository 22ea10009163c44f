"""Windows event logs, binary and XML, and Sentinel's export."""

from __future__ import annotations

import re

import orjson
from lxml import etree

from app.layouts.reader import Reader
from tests.builders import NOON, file_delete, network_connect, process_access, process_create
from tests.unit.layouts.read import read, refusal
from tests.unit.layouts.render import Document, event_xml, evtx, evtx_record, sentinel


def test_booleans_and_numbers_of_evtx_are_the_texts_of_other_layouts() -> None:
    document = evtx(network_connect(source_port=1, destination_port=0, initiated="true"))
    data = document["Event"]["EventData"]
    assert data["Initiated"] is True
    assert data["SourcePort"] == 1
    event = read(document)
    assert event.get("Initiated") == "true"
    assert event.get("SourceIsIpv6") == "false"
    assert (event.get("SourcePort"), event.get("DestinationPort")) == (1, 0)
    assert read(evtx(file_delete())).get("IsExecutable") == "true"


def test_true_and_1_stay_two_values_in_one_batch() -> None:
    documents = [evtx(process_create(terminal_session_id=1)), evtx(file_delete())]
    documents[0]["Event"]["EventData"]["Description"] = 1
    documents[1]["Event"]["EventData"]["RuleName"] = True
    reader = Reader()
    for document in [*documents, *reversed(documents)]:
        reader.document(document, "")
    found = list(reader.take().events())
    assert [event.get("Description") for event in found] == ["1", None, None, "1"]
    assert [event.get("RuleName") for event in found] == [None, "true", "true", None]


def test_an_event_id_with_qualifiers_is_a_number_all_the_same() -> None:
    document = evtx(process_create())
    document["Event"]["System"]["EventID"] = {"#attributes": {"Qualifiers": 0}, "#text": 1}
    assert read(document).event_id == 1


def test_attributes_of_the_event_data_are_no_field() -> None:
    document = evtx(process_create())
    document["Event"]["EventData"]["#attributes"] = {"Name": "x"}
    assert read(document).other == {}


def test_an_event_without_data_is_kept() -> None:
    document = evtx(process_create())
    document["Event"]["EventData"] = None
    event = read(document)
    assert (event.event_id, event.utc_time) == (1, None)


def test_rejects_name_the_record() -> None:
    reader = Reader()
    broken = evtx_record(process_create(record_id=4711)) | {"data": "{"}
    lost = evtx(process_create())
    lost["Event"]["System"]["Computer"] = None
    nameless = {"event_record_id": 4712, "timestamp": "", "data": orjson.dumps(lost).decode()}
    reader.evtx([broken, nameless, evtx_record(process_create())])
    assert [reject.place for reject in reader.rejects] == ["record 4711", "record 4712"]
    assert (reader.records, reader.rejected, len(reader.take())) == (3, 2, 1)


def test_other_channels_are_only_counted() -> None:
    document = evtx(process_create())
    document["Event"]["System"] |= {
        "Channel": "Security",
        "Provider": {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}},
    }
    reader = Reader()
    reader.document(document, "")
    assert (reader.other_channels, len(reader)) == (1, 0)
    assert "no System" in refusal({"Event": {"EventData": {}}})


def test_xml_of_any_namespace_and_with_comments_is_read() -> None:
    event = process_access(
        event_version=3, level="Information", channel="Microsoft-Windows-Sysmon/Operational"
    )
    text = etree.tostring(event_xml(event))
    bare = re.sub(rb' xmlns:ns0="[^"]*"|(?<=[<])ns0:|(?<=/)ns0:', b"", text)
    for found in (text, bare, bare.replace(b"<System>", b"<!-- x --><System><?y z?>")):
        reader = Reader()
        reader.xml(etree.fromstring(found), "event 1")
        assert list(reader.take().events()) == [event]


def test_xml_data_without_a_name_is_kept() -> None:
    element = event_xml(process_create())
    data = element[1]
    etree.SubElement(data, "Data").text = "lost"
    reader = Reader()
    reader.xml(element, "event 1")
    assert next(reader.take().events()).other == {"Data": '["lost"]'}


def test_xml_without_a_system_is_rejected_at_its_place() -> None:
    reader = Reader()
    reader.xml(etree.fromstring("<Event/>"), "event 3")
    assert [reject.place for reject in reader.rejects] == ["event 3"]


def with_data(text: object) -> Document:
    return sentinel(process_create()) | {"EventData": text}


def test_sentinels_event_data_may_be_an_object_too() -> None:
    document = sentinel(process_create())
    assert read(with_data(orjson.loads(document["EventData"]))).event_id == 1


def test_sentinels_event_data_that_is_no_json_is_refused() -> None:
    assert "EventData is '<a/>', which is no JSON" in refusal(with_data("<a/>"))
    assert "no object of fields" in refusal(with_data("[1]"))
    assert "no time" in refusal(with_data("") | {"TimeGenerated": ""})


def test_sentinels_time_is_utc_time_with_seven_digits() -> None:
    document = sentinel(process_create(time=NOON.replace(hour=15), utc_time=NOON))
    document["EventData"] = document["EventData"].replace(
        "2019-01-08 12:00:00.000", "2019-01-08T12:00:00.1230000Z"
    )
    event = read(document)
    assert event.time == event.utc_time == NOON.replace(microsecond=123_000)
