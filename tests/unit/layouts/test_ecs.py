"""What Elastic's pipelines renamed comes back under Sysmon's names."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from app.sysmon.events import Event
from tests.builders import (
    NOON,
    create_remote_thread,
    dns_query,
    driver_load,
    event,
    file_create,
    file_create_stream_hash,
    file_create_time,
    file_delete,
    image_load,
    network_connect,
    pipe_connected,
    process_access,
    process_create,
    process_tampering,
    process_terminate,
    raw_access_read,
    registry_object,
    registry_rename,
    registry_value_set,
    service_state_change,
    sysmon_error,
    wmi_filter,
)
from tests.unit.layouts.anything import events, without
from tests.unit.layouts.pipeline import through_agent, through_pipeline
from tests.unit.layouts.read import read
from tests.unit.layouts.render import winlogbeat_7

ALL_HASHES = f"SHA1={'A1' * 20},MD5={'B2' * 16},SHA256={'C3' * 32},IMPHASH={'D4' * 16}"

EVENTS = [
    process_create(
        rule_name="technique_id=T1059",
        hashes=ALL_HASHES,
        original_file_name="Cmd.Exe",
        company="Example",
        product="Example ®",
        file_version="10.0",
        description="Shell",
        logon_id="0x3e7",
        parent_user="EXAMPLE\\alice",
    ),
    file_create_time(),
    network_connect(destination_port_name="http-alt", source_hostname="ws-01", destination_hostname="proxy"),
    network_connect(
        source_ip="fe80::1",
        source_is_ipv6="true",
        source_port=53,
        source_port_name="domain",
        destination_ip="fe80::2",
        destination_is_ipv6="true",
        destination_port=50_000,
        initiated="false",
    ),
    service_state_change(),
    process_terminate(),
    driver_load(hashes=ALL_HASHES, signature="Example"),
    image_load(hashes=ALL_HASHES, original_file_name="KERNEL32", company="Example"),
    create_remote_thread(),
    raw_access_read(),
    process_access(),
    file_create(),
    registry_object(),
    registry_value_set(),
    registry_value_set(details="DWORD (0x00000001)"),
    registry_value_set(details="QWORD (0x00000000-0x0000ffff)"),
    registry_value_set(details="Binary Data"),
    registry_rename(),
    file_create_stream_hash(hash=ALL_HASHES),
    pipe_connected(),
    wmi_filter(),
    event(20, operation="Created", name="x", type="Command Line", destination="cmd.exe", user="A\\b"),
    dns_query(query_results="type:  5 a.example;fe80::1;::ffff:192.0.2.7;"),
    dns_query(query_status="9003", query_results=None),
    file_delete(hashes=ALL_HASHES, archived="false"),
    event(24, session="1", client_info="user: A\\b", hashes=ALL_HASHES, archived="true"),
    process_tampering(),
    event(26, target_filename="C:\\a", hashes=ALL_HASHES, is_executable="false"),
    event(29, target_filename="C:\\a", hashes=ALL_HASHES),
    sysmon_error(),
]


def as_raw(made: Event) -> Event:
    """Return what the same event is when no pipeline touched it, by the one clock that is left."""
    assert made.utc_time is not None
    return replace(read(winlogbeat_7(made)), time=made.utc_time)


@pytest.mark.parametrize("pipeline", [through_pipeline, through_agent])
@pytest.mark.parametrize("made", EVENTS, ids=lambda made: f"event-{made.event_id}")
def test_each_kind_of_event_is_what_it_was_before_the_pipeline(made: Event, pipeline) -> None:  # type: ignore[no-untyped-def]
    assert read(pipeline(winlogbeat_7(made))) == as_raw(made)


#: What the pipeline writes in a form of its own, so that any text does not come back.
_FORMED = (
    "hashes hash md5 sha1 sha256 imphash source_port_name destination_port_name initiated source_is_ipv6"
    " source_ip destination_ip destination_is_ipv6 query_status query_results is_executable"
    " archived details user type".split()
)


@given(made=events())
def test_any_text_comes_back(made: Event) -> None:
    made = without(made, *_FORMED)
    assert read(through_pipeline(winlogbeat_7(made))) == as_raw(made)


def test_both_clocks_are_the_one_that_is_left() -> None:
    found = read(through_pipeline(winlogbeat_7(process_create(time=NOON.replace(hour=13), utc_time=NOON))))
    assert (found.time, found.utc_time) == (NOON, NOON)


def test_the_record_number_makes_it_the_same_event_as_the_raw_one() -> None:
    made = process_create()
    assert read(through_pipeline(winlogbeat_7(made))).key == read(winlogbeat_7(made)).key


def test_the_collector_is_not_the_computer_here_either() -> None:
    assert read(through_agent(winlogbeat_7(process_create()))).computer == "ws-01.example"


def test_an_agents_document_before_the_pipeline_is_a_raw_one() -> None:
    made = process_create(time=NOON.replace(hour=13), utc_time=NOON)
    document = winlogbeat_7(made) | {"data_stream": {"dataset": "windows.sysmon_operational"}}
    assert read(document) == read(winlogbeat_7(made))


def test_hashes_of_events_27_and_28_are_told_by_their_length_alone() -> None:
    found = read(through_pipeline(winlogbeat_7(event(28, target_filename="C:\\a", hashes=ALL_HASHES))))
    assert found.get("Hashes") == f"SHA1={'A1' * 20},SHA256={'C3' * 32}"
    assert found.other == {"related.hash": f"{'B2' * 16},{'D4' * 16}"}


def test_a_large_qword_stays_the_number_that_the_pipeline_made() -> None:
    made = registry_value_set(details="QWORD (0x01d4a6f1-0x5c3b2a19)")
    assert read(through_pipeline(winlogbeat_7(made))).get("Details") == str((0x01D4A6F1 << 8) + 0x5C3B2A19)


def test_modules_older_than_the_pipeline_are_read() -> None:
    document = through_pipeline(winlogbeat_7(process_create(hashes=f"MD5={'B2' * 16}")))
    process = document["process"]
    del process["command_line"]
    process["args"] = ["C:\\a b\\cmd.exe", "/c", ""]
    document["hash"] = process.pop("hash")
    found = read(document)
    assert found.get("CommandLine") == '"C:\\a b\\cmd.exe" /c ""'
    assert found.get("MD5") == "B2" * 16


def test_odd_types_under_ecs_names_do_no_harm() -> None:
    document = through_pipeline(winlogbeat_7(network_connect()))
    document |= {"network": 5, "source": ["x"], "dns": {"answers": {}}, "user": {"name": {}}, "rule": None}
    found = read(document)
    assert found.event_id == 3
    assert found.get("SourceIp") is None
