"""``EventStore.event`` and ``events``: by key."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.errors import NotFound
from app.store.port import EventStore
from app.sysmon.events import Event, EventKey
from tests.builders import NOON, batch_of, event, process_create

KEYED = {
    "a record number": process_create(),
    "no record number": process_create(record_id=None),
    "no UtcTime": process_create(utc_time=None),
    "neither": process_create(utc_time=None, record_id=None),
    "a computer in capitals": process_create(computer="WS-ÄÖ.Example"),
    "a tilde in the computer": process_create(computer="ws~1"),
    "times below the millisecond": event(
        1, time=NOON + timedelta(microseconds=1999), utc_time=NOON + timedelta(microseconds=1999)
    ),
    "a record time far away": process_create(time=NOON - timedelta(days=4000), utc_time=NOON),
    "the year 1601": process_create(time=NOON.replace(year=1601)),
    "the year 9999": process_create(time=NOON.replace(year=9999)),
    "the largest record number": process_create(record_id=2**63 - 1),
    "no fields": event(255, utc_time=None, record_id=None),
}


@pytest.mark.parametrize("wanted", KEYED.values(), ids=KEYED.keys())
def test_an_event_is_found_by_its_key_as_it_stands_in_urls(store: EventStore, wanted: Event) -> None:
    store.add(batch_of(*KEYED.values()), "import")

    assert store.event(EventKey.parse(str(wanted.key))) == wanted
    assert store.events([wanted.key]) == (wanted,)


@pytest.mark.parametrize("wanted", KEYED.values(), ids=KEYED.keys())
def test_an_event_that_is_not_stored_is_not_found(store: EventStore, wanted: Event) -> None:
    store.add(batch_of(*(one for one in KEYED.values() if one is not wanted)), "import")

    with pytest.raises(NotFound, match=r"1|255"):
        store.event(wanted.key)
    assert store.events([wanted.key]) == ()


@pytest.mark.parametrize(
    "nearly",
    [
        {"computer": "ws-02"},
        {"event_id": 5},
        {"utc_time": NOON + timedelta(milliseconds=1)},
        {"utc_time": None},
        {"record": "8"},
        {"record": "x0000000000000007"},
        {"record": "-"},
    ],
    ids=str,
)
def test_a_key_must_be_equal_in_all_its_parts(store: EventStore, nearly: dict[str, object]) -> None:
    key = {"computer": "ws-01", "event_id": 1, "utc_time": NOON, "record": "7"}
    store.add(batch_of(event(1, computer="WS-01", record_id=7)), "import")

    assert store.event(EventKey(**key)).event_id == 1  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        store.event(EventKey(**(key | nearly)))  # type: ignore[arg-type]


def test_no_event_is_in_an_empty_store(store: EventStore) -> None:
    with pytest.raises(NotFound):
        store.event(process_create().key)
    assert store.events([process_create().key]) == ()
    assert store.events([]) == ()


def test_events_come_in_the_order_of_their_keys_and_missing_ones_are_left_out(store: EventStore) -> None:
    stored = list(KEYED.values())
    store.add(batch_of(*stored[::2]), "import")
    store.add(batch_of(*stored[1::2]), "import")
    wanted = stored[::-1]
    keys = [key for one in wanted for key in (one.key, process_create().key)]

    assert list(store.events(keys)) == wanted


def test_a_thousand_keys_at_once(store: EventStore) -> None:
    stored = [process_create(computer=f"ws-{n % 7}", time=NOON + timedelta(hours=n)) for n in range(1000)]
    store.add(batch_of(*stored), "import")

    assert list(store.events([one.key for one in stored])) == stored
