from __future__ import annotations

import tracemalloc
from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from app.demo.fleet import SHARES, Fleet
from app.sysmon.batch import EventBatch
from app.sysmon.events import Event
from app.sysmon.fields import column_of
from app.sysmon.kinds import KINDS

EVENTS = 200_000


@pytest.fixture(scope="module")
def fleet() -> pa.Table:
    return EventBatch.concat(Fleet(events=EVENTS, computers=20).batches()).table


@pytest.fixture(scope="module")
def some() -> list[Event]:
    """Events of a small fleet, as objects."""
    return list(EventBatch.concat(Fleet(events=10_000, computers=3).batches(2_500)).events())


def test_the_number_of_events_is_kept(fleet: pa.Table) -> None:
    assert fleet.num_rows == EVENTS
    assert len(EventBatch.concat(Fleet(events=7, computers=2).batches())) == 7


def test_one_event_in_twenty_is_a_process_creation(fleet: pa.Table) -> None:
    created = pc.sum(pc.equal(fleet["event_id"], 1)).as_py()
    assert created == pytest.approx(EVENTS / 20, rel=0.001)


def test_a_third_of_command_lines_occurs_once(fleet: pa.Table) -> None:
    lines = fleet.filter(pc.equal(fleet["event_id"], 1))["command_line"]
    counts = Counter(lines.to_pylist())
    once = sum(1 for count in counts.values() if count == 1)
    assert once / len(lines) == pytest.approx(1 / 3, abs=0.02)


def test_there_are_events_of_every_kind_in_about_their_shares(fleet: pa.Table) -> None:
    counts = Counter(fleet["event_id"].to_pylist())
    assert set(counts) == set(KINDS)
    for event_id, share in SHARES.items():
        if share >= 1_000 and event_id != 1:
            # Terminations take the place of up to five in a hundred.
            assert counts[event_id] == pytest.approx(share * EVENTS / 100_000, rel=0.08)
    assert counts[5] > EVENTS * 0.03


def test_every_event_fits_its_kind(some: list[Event]) -> None:
    common = {
        "utc_time",
        "record_id",
        "channel",
        "level",
        "event_version",
        "md5",
        "sha1",
        "sha256",
        "imphash",
    }
    columns = {kind.event_id: {column_of(name) for name in kind.fields} for kind in KINDS.values()}
    for event in some:
        assert set(event.values) <= columns[event.event_id] | common, event


def test_events_stand_in_order_and_are_numbered_by_computer(some: list[Event]) -> None:
    times = [event.time for event in some]
    assert times == sorted(times)
    for computer in {event.computer for event in some}:
        numbers = [int(event.values["record_id"]) for event in some if event.computer == computer]  # type: ignore[arg-type]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_no_two_events_are_the_same(fleet: pa.Table) -> None:
    assert len(set(EventBatch(fleet).identities().tolist())) == EVENTS


def test_a_guid_is_one_process_and_parents_are_who_their_children_say(some: list[Event]) -> None:
    created = {event.process_guid: event for event in some if event.event_id == 1}
    assert len(created) == sum(event.event_id == 1 for event in some)
    ended = {event.process_guid: event.time for event in some if event.event_id == 5}
    logged = 0
    for event in some:
        start = created.get(event.process_guid)
        if start is not None:
            assert (start.image, start.process_id, start.computer) == (
                event.image,
                event.process_id,
                event.computer,
            )
            assert start.time <= event.time <= ended.get(event.process_guid, event.time)
        parent = created.get(event.parent_process_guid)
        if parent is not None:
            logged += 1
            assert event.text_of("parent_image") == parent.image
            assert event.text_of("parent_command_line") == parent.text_of("command_line")
    assert logged > 100


def test_the_same_seed_makes_the_same_fleet_and_another_seed_another() -> None:
    first, again, other = (
        EventBatch.concat(Fleet(events=5_000, computers=4, seed=seed).batches()).table for seed in (1, 1, 2)
    )
    assert first.equals(again)
    assert not first.equals(other)


def test_batches_are_made_in_bounded_memory() -> None:
    held = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        for batch in Fleet(events=100_000, computers=50).batches(10_000):
            assert pa.total_allocated_bytes() - held < 60 << 20
            del batch
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60 << 20
