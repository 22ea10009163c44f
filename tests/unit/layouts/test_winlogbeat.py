"""Winlogbeat 6, 7 and 8."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.layouts import columns
from app.layouts.reader import Reader
from tests.builders import NOON, network_connect, process_access, process_create
from tests.unit.layouts.read import read, read_all, refusal
from tests.unit.layouts.render import COLLECTOR, Document, winlogbeat_6, winlogbeat_7, winlogbeat_8

ALL = pytest.mark.parametrize("render", [winlogbeat_6, winlogbeat_7, winlogbeat_8])


@ALL
def test_the_collector_is_never_the_computer(render) -> None:  # type: ignore[no-untyped-def]
    event = read(render(process_create(computer="ws-01.example")))
    assert event.computer == "ws-01.example"
    assert COLLECTOR not in str(event)


@ALL
def test_time_is_the_record_time_though_utc_time_lies(render) -> None:  # type: ignore[no-untyped-def]
    days_behind = NOON - timedelta(days=11, hours=8, minutes=47)
    event = read(render(network_connect(time=NOON, utc_time=days_behind)))
    assert (event.time, event.utc_time) == (NOON, days_behind)


@ALL
def test_without_a_record_time_utc_time_orders(render) -> None:  # type: ignore[no-untyped-def]
    document = render(process_create(time=NOON, utc_time=NOON))
    del document["@timestamp"]
    assert read(document).time == NOON


@ALL
def test_a_record_time_that_is_none_is_kept_beside(render) -> None:  # type: ignore[no-untyped-def]
    event = read(render(process_create(utc_time=NOON)) | {"@timestamp": "yesterday"})
    assert event.time == NOON
    assert event.other == {"@timestamp": "yesterday"}


def test_numbers_may_be_texts() -> None:
    event = process_create(record_id=4711, event_version=5, level="Information")
    assert read(winlogbeat_7(event)) == read(winlogbeat_8(event))


def test_the_event_id_may_stand_in_event_code_alone() -> None:
    document = winlogbeat_7(process_create())
    del document["winlog"]["event_id"]
    assert read(document).event_id == 1


def test_forwarded_events_are_known_by_their_provider() -> None:
    document = winlogbeat_7(process_create())
    document["winlog"]["channel"] = "ForwardedEvents"
    event = read(document)
    assert event.values["channel"] == "ForwardedEvents"
    assert event.event_id == 1


def test_other_channels_are_only_counted() -> None:
    reader = Reader()
    for _ in range(3):
        document = winlogbeat_7(process_create())
        document["winlog"] |= {"channel": "Security", "provider_name": "Microsoft-Windows-Security-Auditing"}
        reader.document(document, "item 1")
    assert (reader.records, reader.other_channels, reader.sysmon_events, len(reader)) == (3, 3, 0, 0)
    assert reader.rejects == []


def test_both_spellings_of_guids_are_read() -> None:
    event = process_access()
    document = winlogbeat_7(event)
    data = document["winlog"]["event_data"]
    for name in ("SourceProcess", "TargetProcess"):
        data[f"{name}Guid"] = data.pop(f"{name}GUID")
    assert read(document).values["process_guid"] == event.values["process_guid"]
    assert read(document).values["target_process_guid"] == event.values["target_process_guid"]


def test_two_spellings_at_once_lose_nothing() -> None:
    document = winlogbeat_7(process_access())
    document["winlog"]["event_data"]["SourceProcessGuid"] = "{11111111-2222-3333-4444-555555555555}"
    event = read(document)
    assert event.other == {"SourceProcessGuid": "{11111111-2222-3333-4444-555555555555}"}


def test_upper_case_guids_are_those_in_lower_case() -> None:
    event = process_create()
    document = winlogbeat_6(event)
    document["event_data"]["ProcessGuid"] = document["event_data"]["ProcessGuid"].upper()
    assert read(document).values["process_guid"] == event.values["process_guid"]


@pytest.mark.parametrize("nothing", ["", "-", None, "{00000000-0000-0000-0000-000000000000}"])
def test_what_stands_for_nothing_is_missing(nothing: object) -> None:
    document = winlogbeat_7(process_create())
    document["winlog"]["event_data"] |= {"RuleName": nothing, "LogonGuid": nothing}
    event = read(document)
    assert event.get("RuleName") is None
    assert event.get("LogonGuid") is None
    assert event.other == {}


def with_winlog(document: Document, **said: object) -> Document:
    document["winlog"] |= said
    return document


def test_more_headers_than_are_remembered_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_MOST_KNOWN", 2)
    made = [process_create(computer=f"ws-{number % 5}") for number in range(20)]
    assert [event.computer for event in read_all(*map(winlogbeat_7, made))] == [m.computer for m in made]


def test_refusals_say_what_is_wrong() -> None:
    made = winlogbeat_7(process_create())
    assert refusal(made | {"winlog": 5}) == "winlog is 5, which is no object of fields."
    assert "no computer" in refusal(with_winlog(winlogbeat_7(process_create()), computer_name=" "))
    assert "'x1'" in refusal(with_winlog(winlogbeat_7(process_create()), event_id="x1"))
    assert "65,535" in refusal(with_winlog(winlogbeat_7(process_create()), event_id=70_000))
    assert "event_data is 'gone'" in refusal(with_winlog(winlogbeat_7(process_create()), event_data="gone"))
    unknown = with_winlog(winlogbeat_7(process_create()), channel=None, provider_name=None)
    assert "neither a channel nor a provider" in refusal(unknown)
    timeless = with_winlog(winlogbeat_7(process_create()), event_data={"UtcTime": "noon"})
    assert refusal(timeless | {"@timestamp": 5}) == (
        "It has no time that can be used: UtcTime is 'noon', @timestamp is '5'."
    )


def test_the_years_1601_and_9999_are_times() -> None:
    for time in (datetime(1601, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)):
        assert read(winlogbeat_7(process_create(time=time, utc_time=NOON))).time == time
