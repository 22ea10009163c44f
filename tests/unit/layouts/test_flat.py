"""NXLog, and the flat exports of two ages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.layouts.flat import fields_in
from tests.builders import (
    NOON,
    create_remote_thread,
    file_create,
    pipe_created,
    process_access,
    process_create,
    registry_value_set,
    service_state_change,
    sysmon_error,
    wmi_filter,
)
from tests.unit.layouts.read import read, read_all, refusal
from tests.unit.layouts.render import azure, azure_old, nxlog, winlogbeat_7


@pytest.mark.parametrize("render", [azure, azure_old])
def test_local_time_marked_z_is_not_believed(render) -> None:  # type: ignore[no-untyped-def]
    event = read(render(process_create(time=NOON, utc_time=NOON)))
    assert event.time == NOON


@pytest.mark.parametrize("render", [azure, azure_old])
def test_an_export_without_utc_time_has_no_time_but_that_of_its_message(render) -> None:  # type: ignore[no-untyped-def]
    document = render(process_create(utc_time=NOON))
    del document["UtcTime"]
    assert read(document).utc_time == NOON
    assert refusal(document | {"Message": "Nothing."}) == "It has no time that can be used."


def test_nxlogs_time_is_utc_time_and_else_the_arrival() -> None:
    document = nxlog(process_create(time=NOON, utc_time=NOON))
    assert read(document).time == NOON
    del document["UtcTime"], document["Message"]
    event = read(document)
    assert event.time == NOON + timedelta(minutes=1)
    assert event.utc_time is None


@pytest.mark.parametrize(
    ("made", "name", "column"),
    [
        (process_create(), "ProcessId", "process_id"),
        (file_create(), "ProcessId", "process_id"),
        (registry_value_set(), "EventType", "event_type"),
        (registry_value_set(), "Details", "details"),
        (wmi_filter(), "UtcTime", "utc_time"),
        (process_access(), "SourceProcessId", "process_id"),
    ],
)
def test_a_field_that_nxlog_lost_is_taken_from_the_message(made, name: str, column: str) -> None:  # type: ignore[no-untyped-def]
    document = nxlog(made)
    del document[name]
    assert read(document).values[column] == made.values[column]
    del document["Message"]
    assert column not in read(document).values


def test_a_lost_field_is_found_though_somebody_added_one() -> None:
    made = process_create()
    document = nxlog(made) | {"environment": "lab"}
    del document["ProcessId"]
    event = read(document)
    assert event.process_id == made.process_id
    assert event.other == {"environment": "lab"}


def test_a_message_does_not_override_what_is_there() -> None:
    document = nxlog(process_create(process_id=12))
    del document["CommandLine"]
    document["Message"] = document["Message"].replace("ProcessId: 12", "ProcessId: 99")
    event = read(document)
    assert event.process_id == 12
    assert event.get("CommandLine") is not None


def test_a_value_of_several_lines_comes_whole_out_of_the_message() -> None:
    message = "Process Create:\r\nCommandLine: cmd\r\n/c dir\r\nCurrentDirectory: \r\nUser:  A\\b"
    assert fields_in(message, 1) == {"CommandLine": "cmd\r\n/c dir", "CurrentDirectory": "", "User": " A\\b"}


@pytest.mark.parametrize("made", [process_access(), create_remote_thread()])
def test_nxlogs_process_id_in_events_8_and_10_is_no_field_of_the_event(made) -> None:  # type: ignore[no-untyped-def]
    document = nxlog(made)
    assert "ProcessId" in document
    assert read(document).other == {}
    assert read(document).process_id == made.process_id


def test_a_stray_process_id_of_another_layout_is_kept_beside() -> None:
    document = winlogbeat_7(process_access(process_id=7))
    document["winlog"]["event_data"]["ProcessId"] = "8"
    event = read(document)
    assert (event.process_id, event.other) == (7, {"ProcessId": "8"})


def test_event_type_is_sysmons_where_sysmon_has_one_and_nxlogs_elsewhere() -> None:
    assert read(nxlog(registry_value_set())).get("EventType") == "SetValue"
    assert read(nxlog(process_create())).get("EventType") is None
    lost = nxlog(pipe_created()) | {"EventType": "INFO"}
    assert read(lost).get("EventType") == "CreatePipe"
    del lost["Message"]
    assert read(lost).get("EventType") is None


def test_sysmons_version_in_event_4_is_not_the_envelopes() -> None:
    made = service_state_change(version="11.11", event_version=3)
    event = read(nxlog(made))
    assert (event.get("Version"), event.get("EventVersion")) == ("11.11", 3)
    assert read(azure(made)).get("Version") == "11.11"


def test_nxlogs_escapes_are_undone_and_percent_signs_stay_as_sysmon_doubles_them() -> None:
    made = pipe_created(pipe_name="<Anonymous Pipe>", image="%%SystemRoot%%\\a & b &lt;.exe")
    flat, plain = read_all(nxlog(made), winlogbeat_7(made))
    assert flat.get("PipeName") == "<Anonymous Pipe>"
    assert flat.image == plain.image == "%%SystemRoot%%\\a & b &lt;.exe"
    document = azure(made) | {"PipeName": "&lt;x&gt;"}
    assert read(document).get("PipeName") == "&lt;x&gt;"


def test_the_services_account_is_not_the_events() -> None:
    event = read(nxlog(process_create(user="EXAMPLE\\alice")))
    assert event.get("User") == "EXAMPLE\\alice"
    assert event.other == {}


def test_levels_have_one_form() -> None:
    assert read(nxlog(sysmon_error(level="Error"))).get("Level") == "Error"
    assert read(azure(sysmon_error(level="Error"))).get("Level") == "Error"
    assert read(azure(process_create())).get("Level") == "Information"
    assert read(azure_old(process_create())).get("Level") is None


def test_exports_have_no_record_number_and_equal_lines_are_one_event() -> None:
    made = process_create(time=NOON, utc_time=NOON)
    first, second = read_all(azure(made), azure(made))
    assert first.key == second.key
    assert first.key.record.startswith("x")
    assert read(azure(process_create(process_id=1))).key != first.key
