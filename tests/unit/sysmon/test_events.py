"""Events, their keys and their places."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadQuery
from app.sysmon.events import EventKey, time_text, value_text
from tests.builders import NOON, event, process_access, process_create

times = st.datetimes(timezones=st.just(UTC))


def test_a_key_is_readable_and_is_taken_apart_again() -> None:
    key = process_create(computer="WS-01.example", record_id=4711, utc_time=NOON).key

    assert str(key) == "ws-01.example~1~20190108T120000.000~4711"
    assert EventKey.parse(str(key)) == key


@given(
    st.text(min_size=1).filter(lambda name: name == name.lower().lower()),
    st.integers(1, 255),
    st.none() | times,
    st.integers(0, 2**63 - 1),
)
def test_keys_and_their_texts_are_inverses(
    computer: str, event_id: int, utc_time: datetime | None, record: int
) -> None:
    if utc_time is not None:
        utc_time -= timedelta(microseconds=utc_time.microsecond % 1000)
    key = EventKey(computer=computer.lower(), event_id=event_id, utc_time=utc_time, record=str(record))

    assert EventKey.parse(str(key)) == key


def test_a_computer_may_be_called_anything() -> None:
    assert EventKey.parse("a~1~b/../~\n~1~-~7").computer == "a~1~b/../~\n"


@pytest.mark.parametrize(
    "text", ["", "ws-01", "ws-01~1~20190108~5", "ws-01~1~20191308T120000.000~5", "~1~-~5"]
)
def test_what_is_no_key_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(BadQuery, match="event key"):
        EventKey.parse(text)


def test_an_event_without_a_record_number_is_named_by_its_content() -> None:
    one, same = (process_create(record_id=None, image="C:\\a.exe", process_guid="g") for _ in range(2))
    other = process_create(record_id=None, image="C:\\b.exe", process_guid="g")

    assert one.key == same.key
    assert one.key.record.startswith("x")
    assert one.key != other.key


def test_the_record_time_is_no_part_of_the_key() -> None:
    event_one = process_create(record_id=4, utc_time=NOON, time=NOON)
    event_two = process_create(record_id=4, utc_time=NOON, time=NOON + timedelta(days=11))

    assert event_one.key == event_two.key


def test_json_has_the_names_that_sysmon_gives_in_that_event() -> None:
    access = process_access(image="C:\\a.exe", process_id=4, target_image="C:\\lsass.exe").named()
    create = process_create(image="C:\\a.exe", process_id=4).named()

    assert access["SourceImage"] == "C:\\a.exe"
    assert access["SourceProcessId"] == 4
    assert not {"Image", "ProcessId", "ProcessGuid"} & access.keys()
    assert create["Image"] == "C:\\a.exe"
    assert not [name for name in create if name.startswith("Source")]


def test_json_keeps_what_the_table_does_not_know_but_never_over_a_known_field() -> None:
    document = event(1, image="C:\\a.exe", other={"NewField": "x", "Image": "y"}).named()

    assert document["NewField"] == "x"
    assert document["Image"] == "C:\\a.exe"


def test_an_event_that_sysmon_may_add_one_day_is_shown_too() -> None:
    document = event(30, image="C:\\a.exe").named()

    assert document["EventId"] == 30
    assert document["Image"] == "C:\\a.exe"


def test_a_field_is_found_under_its_own_name_only() -> None:
    access = process_access(image="C:\\a.exe")

    assert access.get("SourceImage") == "C:\\a.exe"
    assert access.get("sourceimage") == "C:\\a.exe"
    assert access.get("Process") == "C:\\a.exe"
    assert access.get("Image") is None
    assert access.get("Category") == "process_access"
    assert access.get("Kind") == "ProcessAccess"


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (NOON, "2019-01-08 12:00:00.000"),
        (NOON + timedelta(milliseconds=31), "2019-01-08 12:00:00.031"),
        (NOON + timedelta(microseconds=31), "2019-01-08 12:00:00.000031"),
        (datetime(1601, 1, 1, tzinfo=UTC), "1601-01-01 00:00:00.000"),
    ],
)
def test_times_are_written_as_sysmon_writes_them(time: datetime, text: str) -> None:
    assert time_text(time) == text == value_text(time)


def test_what_an_event_lacks_puts_it_first_among_equals() -> None:
    without = process_create(record_id=None, time=NOON, computer="a", utc_time=NOON)
    with_record = process_create(record_id=1, time=NOON, computer="a", utc_time=NOON)

    assert without.place < with_record.place


def test_the_image_name_is_the_last_part_of_a_windows_path() -> None:
    assert process_create(image="C:\\Windows\\System32\\cmd.exe").image_name == "cmd.exe"
    assert process_create(image=None).image_name == ""
