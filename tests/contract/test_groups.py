"""``EventStore.groups`` and ``facets``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.store.port import EventStore, Group, Groups
from app.sysmon.condition import EVERYTHING, NOTHING, Match, Operator, equals_any
from app.sysmon.fields import FIELDS
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
from tests.contract.conftest import Adapter
from tests.contract.test_sort import HOSTILE
from tests.memory_store import MemoryStore

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def test_an_empty_store_has_no_groups(store: EventStore) -> None:
    assert store.groups(EventQuery(), ["Image"]) == Groups((), True)
    assert store.groups(EventQuery(), []) == Groups((), True)
    assert store.groups(EventQuery(), [], step=HOUR) == Groups((), True)


def test_events_alike_are_one_group_with_its_first_and_last_time(store: EventStore) -> None:
    for minute in (9, 3, 5):
        store.add(batch_of(process_create(time=NOON + minute * MINUTE, image="a")), "import")
    store.add(batch_of(dns_query(image="a"), process_create(image="b")), "import")

    assert store.groups(EventQuery(), ["EventId", "Image"]) == Groups(
        (
            Group(("1", "a"), None, 3, NOON + 3 * MINUTE, NOON + 9 * MINUTE),
            Group(("1", "b"), None, 1, NOON, NOON),
            Group(("22", "a"), None, 1, NOON, NOON),
        ),
        True,
    )


def test_matching_events_only_are_grouped(store: EventStore) -> None:
    guids = [f"5c3485a0-0000-0000-0010-00000000000{n}" for n in range(4)]
    some = [process_create(process_guid=guids[n % 4], time=NOON + n * MINUTE) for n in range(12)]
    store.add(batch_of(*some, dns_query(process_guid=guids[1], computer="ws-02")), "import")
    query = EventQuery(
        condition=equals_any("SubjectProcessGuid", guids[:2]),
        end=NOON + 9 * MINUTE,
        size=1,
        order=Order.OLDEST,
        sort="User",
        after=encode_cursor(some[5].place),
    )

    found = store.groups(query, ["SubjectProcessGuid", "EventId"])
    assert [(g.values, g.count) for g in found.rows] == [
        ((guids[0], "1"), 3),
        ((guids[1], "1"), 2),
        ((guids[1], "22"), 1),
    ]
    assert store.groups(EventQuery(condition=NOTHING), ["EventId"]) == Groups((), True)
    assert store.groups(EventQuery(computers=("WS-02",)), ["EventId"]).rows[0].values == ("22",)


def test_an_event_without_a_value_is_alike_to_others_without(store: EventStore) -> None:
    store.add(batch_of(*(process_create(image=image) for image in (None, "b", "", None, "a"))), "import")

    found = store.groups(EventQuery(), ["Image", "QueryName"]).rows

    assert [(g.values, g.count) for g in found] == [
        ((None, None), 2),
        (("", None), 1),
        (("a", None), 1),
        (("b", None), 1),
    ]


def test_values_are_texts_and_stand_as_sort_has_them(store: EventStore) -> None:
    late = NOON + timedelta(microseconds=1500)
    store.add(batch_of(*(network_connect(destination_port=p, time=late) for p in (443, 80, 9))), "import")
    store.add(
        batch_of(*(event(5, user=user, utc_time=None) for user in ("b", "B", "🦊", "\uffff"))), "import"
    )

    def values(name: str) -> list[str | None]:
        return [g.values[0] for g in store.groups(EventQuery(), [name]).rows]

    assert values("DestinationPort") == [None, "9", "80", "443"]
    assert values("User")[:2] == ["B", "EXAMPLE\\alice"] or "B" in values("User")
    users = [value for value in values("User") if value is not None]
    assert users == sorted(users)
    assert values("Time") == ["2019-01-08 12:00:00.000", "2019-01-08 12:00:00.001500"]
    assert values("UtcTime") == [None, "2019-01-08 12:00:00.001"]


def test_names_follow_their_scope(store: EventStore) -> None:
    store.add(batch_of(process_create(image="a"), process_access(image="b"), event(16)), "import")

    found = store.groups(EventQuery(), ["Image", "SourceImage", "Process", "Category", "Kind"]).rows

    assert [g.values for g in found] == [
        (None, None, None, "other", "ServiceConfigurationChange"),
        (None, "b", "b", "process_access", "ProcessAccess"),
        ("a", None, "a", "create_process", "ProcessCreate"),
    ]


def test_with_a_step_each_step_has_its_groups(store: EventStore) -> None:
    times = [NOON, NOON + 20 * MINUTE, NOON + HOUR, NOON - timedelta(microseconds=1)]
    store.add(batch_of(*(process_create(time=time, image="b") for time in times)), "import")
    store.add(batch_of(process_create(time=NOON + 3 * HOUR, image="a")), "import")

    found = store.groups(EventQuery(), ["Image"], step=HOUR).rows

    assert [(g.values, g.start, g.count) for g in found] == [
        (("a",), NOON + 3 * HOUR, 1),
        (("b",), NOON - HOUR, 1),
        (("b",), NOON, 2),
        (("b",), NOON + HOUR, 1),
    ]
    assert (found[2].first, found[2].last) == (NOON, NOON + 20 * MINUTE)


@pytest.mark.parametrize("step", [timedelta(microseconds=7), timedelta(seconds=1), timedelta(days=7)])
def test_steps_are_those_of_the_histogram(store: EventStore, step: timedelta) -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    times = [
        NOON + timedelta(microseconds=123456),
        epoch,
        epoch - timedelta(microseconds=1),
        datetime(1601, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ]
    store.add(batch_of(*(process_create(time=time) for time in times)), "import")

    groups = store.groups(EventQuery(), [], step=step).rows
    buckets = store.histogram(EventQuery(), step)

    assert [(g.start, g.count) for g in groups] == [(b.start, b.count) for b in buckets]
    assert [g.first for g in groups] == sorted(times)


def test_no_names_are_one_group(store: EventStore) -> None:
    store.add(batch_of(process_create(), dns_query(time=NOON + HOUR)), "import")

    assert store.groups(EventQuery(), []) == Groups((Group((), None, 2, NOON, NOON + HOUR),), True)


def test_above_the_limit_the_first_groups_come_and_say_so(store: EventStore) -> None:
    store.add(batch_of(*(file_create(target_filename=f"f{n}") for n in range(5))), "import")

    def found(limit: int) -> tuple[list[str | None], bool]:
        groups = store.groups(EventQuery(), ["TargetFilename"], limit=limit)
        return [g.values[0] for g in groups.rows], groups.complete

    assert found(1) == (["f0"], False)
    assert found(4) == (["f0", "f1", "f2", "f3"], False)
    assert found(5) == (["f0", "f1", "f2", "f3", "f4"], True)
    assert found(6) == (["f0", "f1", "f2", "f3", "f4"], True)


def test_every_field_can_be_grouped_by_alone_and_with_all_others(adapter: Adapter) -> None:
    some = [
        event(event_id, time=NOON + n * HOUR, image="a" * n, process_id=n, other={"X": "y"})
        for n in range(3)
        for event_id in (1, 8, 10, 30)
    ]
    judge = MemoryStore()
    for target in (judge, adapter.store):
        target.add(batch_of(*some), "import")

    for names in (*([name] for name in FIELDS), list(FIELDS)):
        assert adapter.store.groups(EventQuery(), names) == judge.groups(EventQuery(), names), names
    assert len(adapter.store.groups(EventQuery(), list(FIELDS)).rows) == len(some)


def test_hostile_values_are_grouped_as_they_are(adapter: Adapter) -> None:
    some = [process_create(user=name, time=NOON + n * MINUTE) for n, name in enumerate((*HOSTILE, None))]
    adapter.store.add(batch_of(*some[::2]), "import")
    adapter.rearrange()
    adapter.store.add(batch_of(*some[1::2], *some), "import")

    found = adapter.store.groups(EventQuery(), ["User"]).rows

    assert [g.values[0] for g in found] == [None, *sorted(HOSTILE)]
    assert {g.count for g in found} == {1}


def test_groups_are_the_same_after_the_engine_arranged_anew(adapter: Adapter) -> None:
    for n in range(6):
        adapter.store.add(batch_of(process_create(image="ab"[n % 2], time=NOON + n * HOUR), dns_query()), "x")
    before = adapter.store.groups(EventQuery(), ["EventId", "Image"], step=2 * HOUR)

    adapter.rearrange()

    assert adapter.store.groups(EventQuery(), ["EventId", "Image"], step=2 * HOUR) == before
    assert adapter.again().groups(EventQuery(), ["EventId", "Image"], step=2 * HOUR) == before


FACETS = [
    *["Computer", "User", "Image", "SourceImage", "Process", "EventId", "Category", "Kind"],
    *["DestinationPort", "UtcTime", "QueryName", "Level"],
]


@pytest.mark.parametrize(
    "condition",
    [
        EVERYTHING,
        NOTHING,
        Match("EventId", Operator.EQUALS, "10"),
        Match("Image", Operator.CONTAINS, "A"),
        Match("*", Operator.CONTAINS, "alice"),
    ],
)
@pytest.mark.parametrize("bounds", [(None, None), (NOON, NOON + 2 * HOUR)])
def test_facets_are_the_terms_of_each_field(
    adapter: Adapter, condition: Match, bounds: tuple[datetime | None, datetime | None]
) -> None:
    start, end = bounds
    query = EventQuery(condition=condition, start=start, end=end)
    assert [t.values for t in adapter.store.facets(query, FACETS, 3)] == [()] * len(FACETS)
    for n in range(9):
        some = [
            process_create(image="aAb"[n % 3], user=[None, "alice", "Alice"][n % 3], time=NOON + n * HOUR),
            process_access(image="ab"[n % 2], user="bob", computer="WS-02", time=NOON + n * HOUR),
            network_connect(destination_port=n, computer="ws-02"),
            event(30, other={"X": "alice"}),
        ]
        adapter.store.add(batch_of(*some), "import")
        if n == 4:
            adapter.rearrange()

    for size in (1, 3, 100):
        terms = tuple(adapter.store.terms(query, name, size) for name in FACETS)
        assert adapter.store.facets(query, FACETS, size) == terms
    assert adapter.store.facets(query, [], 10) == ()
    assert adapter.store.facets(query, ["User", "User"], 2) == (adapter.store.terms(query, "User", 2),) * 2
