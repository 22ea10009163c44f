"""Columns of events, and the numbers that tell events apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sysmon.batch import SCHEMA, EventBatch, identities_of
from app.sysmon.events import Event
from tests.builders import NOON, batch_of, event, process_create

texts = st.text(st.characters(codec="utf-8"), max_size=20)
moments = st.datetimes(datetime(1601, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def any_events(draw: st.DrawFn) -> Event:
    return event(
        draw(st.sampled_from([1, 3, 8, 10, 22, 30, 255])),
        time=draw(moments),
        computer=draw(texts.filter(bool)),
        utc_time=draw(st.none() | moments),
        record_id=draw(st.none() | st.integers(-(2**63), 2**63 - 1)),
        image=draw(st.none() | texts),
        process_id=draw(st.none() | st.integers(-(2**63), 2**63 - 1)),
        other=draw(st.dictionaries(texts, texts, max_size=2)),
    )


@given(st.lists(any_events(), max_size=8))
def test_events_survive_as_columns(events: list[Event]) -> None:
    assert list(batch_of(*events).events()) == events


@given(st.lists(any_events(), min_size=1, max_size=6), st.lists(any_events(), max_size=6))
def test_a_number_is_equal_exactly_where_the_key_is(one: list[Event], two: list[Event]) -> None:
    events = [*one, *two, one[0]]
    numbers = batch_of(*events).identities()

    assert {(a, b) for a in range(len(events)) for b in range(len(events)) if numbers[a] == numbers[b]} == {
        (a, b) for a in range(len(events)) for b in range(len(events)) if events[a].key == events[b].key
    }


def test_the_number_does_not_depend_on_the_other_events_or_the_encoding() -> None:
    one, two = process_create(image="C:\\b.exe"), process_create(record_id=None)
    together = batch_of(process_create(), one, two)
    plain = pa.table(
        {
            name: column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
            for name, column in zip(together.table.column_names, together.table.columns, strict=True)
        }
    )

    assert together.identities()[1:].tolist() == batch_of(one, two).identities().tolist()
    assert identities_of(plain).tolist() == together.identities().tolist()


def test_the_case_of_the_computers_name_does_not_tell_events_apart() -> None:
    numbers = batch_of(
        process_create(computer="WS-01.Example", record_id=1),
        process_create(computer="ws-01.example", record_id=1),
    ).identities()

    assert numbers[0] == numbers[1]


def test_milliseconds_of_utc_time_tell_events_apart_and_microseconds_do_not() -> None:
    numbers = batch_of(
        *(process_create(record_id=1, utc_time=NOON + timedelta(microseconds=us)) for us in (0, 999, 1000))
    ).identities()

    assert numbers[0] == numbers[1] != numbers[2]


def test_the_content_hash_is_kept_only_where_there_is_no_record_number() -> None:
    column = batch_of(process_create(record_id=None), process_create(record_id=9)).table["content_hash"]

    assert column.is_valid().to_pylist() == [True, False]


def test_how_a_record_travelled_is_no_part_of_its_content() -> None:
    one, two = (
        process_create(record_id=None, process_guid="g", channel=channel, level=level)
        for channel, level in (("a", "Information"), ("b", None))
    )

    assert one.values["content_hash"] == two.values["content_hash"]


def test_the_same_text_in_another_field_is_other_content() -> None:
    one = event(1, record_id=None, image="x")
    two = event(1, record_id=None, command_line="x")
    three = event(1, record_id=None, other={"Image": "x"})

    assert len({e.values["content_hash"] for e in (one, two, three)}) == 3


def test_batches_of_different_dictionaries_are_joined() -> None:
    first = [process_create(image=f"C:\\{n}.exe") for n in range(3)]
    second = [process_create(image=f"C:\\{n}.exe") for n in range(2, 5)]

    joined = EventBatch.concat([batch_of(*first), batch_of(*second)])

    assert list(joined.events()) == first + second
    assert len(EventBatch.concat([])) == 0


def test_rows_are_taken_in_the_order_asked_for() -> None:
    events = [process_create() for _ in range(4)]

    assert list(batch_of(*events).take(np.array([3, 1])).events()) == [events[3], events[1]]


def test_a_table_with_other_columns_is_no_batch() -> None:
    with pytest.raises(ValueError, match=r"batch\.SCHEMA"):
        EventBatch(SCHEMA.empty_table().select(["time"]))
