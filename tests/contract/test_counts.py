"""``EventStore.count``, ``histogram`` and ``terms``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.store.port import Bucket, EventStore, Terms
from app.sysmon.condition import NOTHING, Match, Operator
from app.sysmon.query import EventQuery, Order, encode_cursor
from tests.builders import (
    NOON,
    batch_of,
    dns_query,
    event,
    file_create,
    network_connect,
    process_access,
    process_create,
)

HOUR = timedelta(hours=1)


def test_an_empty_store_counts_nothing(store: EventStore) -> None:
    assert store.count(EventQuery()).value == 0
    assert store.histogram(EventQuery(), HOUR) == ()
    assert store.terms(EventQuery(), "Image", 10) == Terms((), 0, 0)


def test_count_is_the_number_of_matching_events(store: EventStore) -> None:
    for n in range(3):
        store.add(batch_of(process_create(), dns_query(time=NOON + n * HOUR)), "import")

    assert store.count(EventQuery()).value == 6
    assert store.count(EventQuery(condition=Match("EventId", Operator.EQUALS, "22"))).value == 3
    assert store.count(EventQuery(condition=Match("Image", Operator.ENDS_WITH, "CMD.exe"))).value == 6
    assert store.count(EventQuery(start=NOON + HOUR)).value == 2
    assert store.count(EventQuery(condition=NOTHING)).value == 0


def test_count_does_not_look_at_order_size_and_cursor(store: EventStore) -> None:
    events = [process_create(time=NOON + n * HOUR) for n in range(5)]
    store.add(batch_of(*events), "import")

    for order in Order:
        count = store.count(EventQuery(size=1, order=order, after=encode_cursor(events[2].place)))
        assert (count.value, count.exact) == (5, True)


def test_histogram_counts_by_step_and_event_id(store: EventStore) -> None:
    store.add(batch_of(*(process_create(time=NOON + n * timedelta(minutes=20)) for n in range(5))), "import")
    store.add(
        batch_of(dns_query(time=NOON + timedelta(minutes=59, seconds=59, microseconds=999999))), "import"
    )

    assert store.histogram(EventQuery(), HOUR) == (
        Bucket(NOON, 1, 3),
        Bucket(NOON, 22, 1),
        Bucket(NOON + HOUR, 1, 2),
    )


def test_histogram_counts_matching_events_only_and_leaves_empty_steps_out(store: EventStore) -> None:
    late = NOON + timedelta(days=90)
    store.add(
        batch_of(process_create(), process_create(time=late), dns_query(), dns_query(time=late)), "import"
    )
    query = EventQuery(condition=Match("Image", Operator.CONTAINS, "cmd"), end=late + HOUR, size=1)

    buckets = store.histogram(query, timedelta(days=1))

    assert [(b.start.hour, b.event_id, b.count) for b in buckets] == [(0, 1, 1), (0, 22, 1)] * 2
    assert store.histogram(EventQuery(condition=NOTHING), HOUR) == ()


@pytest.mark.parametrize(
    "step", [timedelta(seconds=1), timedelta(minutes=7), timedelta(days=1), timedelta(days=7)]
)
def test_steps_begin_at_multiples_of_the_step_since_1970(store: EventStore, step: timedelta) -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    times = [
        NOON + timedelta(microseconds=123456),
        epoch,
        epoch - timedelta(microseconds=1),
        epoch - timedelta(days=1),
        datetime(1601, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ]
    store.add(batch_of(*(process_create(time=time) for time in times)), "import")

    buckets = store.histogram(EventQuery(), step)

    assert sum(b.count for b in buckets) == len(times)
    assert [b.start for b in buckets] == sorted({epoch + (time - epoch) // step * step for time in times})


def test_a_step_that_begins_before_the_calendar_begins_with_it(store: EventStore) -> None:
    early = datetime(1, 1, 2, tzinfo=UTC)
    store.add(batch_of(process_create(time=early)), "import")

    assert [b.start for b in store.histogram(EventQuery(), timedelta(days=3650))] == [
        datetime.min.replace(tzinfo=UTC)
    ]
    assert store.groups(EventQuery(), (), step=timedelta(days=3650)).rows[0].start == early - timedelta(
        days=1
    )


def _images(store: EventStore, **counts: int) -> None:
    for name, count in counts.items():
        store.add(batch_of(*(process_create(image=f"{name}.exe") for _ in range(count))), "import")


def test_terms_come_most_frequent_first_and_equal_counts_by_value(store: EventStore) -> None:
    _images(store, b=2, a=2, c=3, d=1)

    terms = store.terms(EventQuery(), "Image", 3)

    assert terms == Terms((("c.exe", 3), ("a.exe", 2), ("b.exe", 2)), distinct=4, missing=0)


def test_terms_come_rarest_first_when_asked_for(store: EventStore) -> None:
    _images(store, b=2, a=2, c=3, d=1)

    terms = store.terms(EventQuery(), "Image", 3, rarest=True)

    assert terms == Terms((("d.exe", 1), ("a.exe", 2), ("b.exe", 2)), distinct=4, missing=0)


def test_terms_are_summed_over_all_batches(store: EventStore) -> None:
    for _ in range(3):
        _images(store, a=1, b=1)
    _images(store, b=1)

    assert store.terms(EventQuery(), "Image", 1).values == (("b.exe", 4),)
    assert store.terms(EventQuery(), "Image", 1, rarest=True).values == (("a.exe", 3),)


def test_terms_count_the_events_without_a_value(store: EventStore) -> None:
    store.add(batch_of(process_create(), process_create(image=None), event(16), event(255)), "import")

    terms = store.terms(EventQuery(), "Image", 10)

    assert (terms.values, terms.distinct, terms.missing) == ((("C:\\Windows\\System32\\cmd.exe", 1),), 1, 3)
    assert store.terms(EventQuery(), "QueryName", 10) == Terms((), 0, 4)


def test_terms_that_differ_in_case_are_counted_apart(store: EventStore) -> None:
    store.add(batch_of(*(process_create(image=i) for i in ("A.exe", "a.exe", "a.exe", "Ä", "ä"))), "import")

    terms = store.terms(EventQuery(), "Image", 10)

    assert terms.values == (("a.exe", 2), ("A.exe", 1), ("Ä", 1), ("ä", 1))


def test_terms_count_an_empty_text_as_a_value(store: EventStore) -> None:
    store.add(batch_of(process_create(image=""), process_create(image=None)), "import")

    assert store.terms(EventQuery(), "Image", 10) == Terms((("", 1),), 1, 1)


def test_terms_count_matching_events_only(store: EventStore) -> None:
    store.add(batch_of(*(network_connect(destination_port=port) for port in (80, 80, 443, 8080))), "import")
    store.add(batch_of(process_create(), network_connect(destination_port=80, computer="ws-09")), "import")
    query = EventQuery(
        condition=Match("DestinationPort", Operator.LESS, "1000"), computers=("WS-01.example",), size=1
    )

    assert store.terms(query, "DestinationPort", 10) == Terms((("80", 2), ("443", 1)), 2, 0)


def test_terms_of_numbers_and_times_are_texts_in_the_order_of_texts(store: EventStore) -> None:
    late = NOON + timedelta(microseconds=1500)
    store.add(
        batch_of(*(network_connect(destination_port=port, time=late) for port in (80, 9, 443))), "import"
    )

    assert store.terms(EventQuery(), "DestinationPort", 10).values == (("443", 1), ("80", 1), ("9", 1))
    assert store.terms(EventQuery(), "EventId", 10).values == (("3", 3),)
    assert store.terms(EventQuery(), "Time", 10).values == (("2019-01-08 12:00:00.001500", 3),)
    assert store.terms(EventQuery(), "UtcTime", 10).values == (("2019-01-08 12:00:00.001", 3),)


def test_terms_follow_the_scope_of_a_name(store: EventStore) -> None:
    store.add(batch_of(process_create(image="a.exe"), process_access(image="b.exe"), event(16)), "import")

    assert store.terms(EventQuery(), "Image", 10) == Terms((("a.exe", 1),), 1, 2)
    assert store.terms(EventQuery(), "SourceImage", 10) == Terms((("b.exe", 1),), 1, 2)
    assert store.terms(EventQuery(), "Process", 10) == Terms((("a.exe", 1), ("b.exe", 1)), 2, 1)


def test_terms_of_kinds_categories_and_computers(store: EventStore) -> None:
    store.add(batch_of(process_create(), file_create(), event(23, computer="WS-02"), event(30)), "import")

    categories = (("create_file", 2), ("create_process", 1), ("other", 1))
    kinds = (("Event30", 1), ("FileCreate", 1), ("FileDelete", 1), ("ProcessCreate", 1))
    assert store.terms(EventQuery(), "Category", 10) == Terms(categories, 3, 0)
    assert store.terms(EventQuery(), "Kind", 10) == Terms(kinds, 4, 0)
    assert store.terms(EventQuery(), "Computer", 10) == Terms((("ws-01.example", 3), ("WS-02", 1)), 2, 0)
