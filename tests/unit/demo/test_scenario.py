from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from app.demo.scenario import COMPUTERS
from app.sysmon.events import Event
from app.sysmon.fields import column_of
from app.sysmon.kinds import KINDS
from tests.unit.demo.conftest import Logs

FIRST, LAST = datetime(2019, 1, 7, tzinfo=UTC), datetime(2019, 1, 9, tzinfo=UTC)
NAMES = [computer.name for computer in COMPUTERS]
#: What every event has beside its own fields.
COMMON = {"utc_time", "record_id", "channel", "md5", "sha1", "sha256", "imphash"}


def test_seven_computers_have_about_sixty_thousand_events(logs: Logs) -> None:
    assert len(logs) == 7
    assert 55_000 < sum(map(len, logs.values())) < 65_000
    assert all(len(events) > 5_000 for events in logs.values())


def test_there_are_events_of_every_kind(logs: Logs) -> None:
    assert {event.event_id for events in logs.values() for event in events} == set(KINDS)


def test_every_event_has_its_kinds_fields_and_no_others(logs: Logs) -> None:
    columns = {kind.event_id: {column_of(name) for name in kind.fields} for kind in KINDS.values()}
    for events in logs.values():
        for event in events:
            assert set(event.values) <= columns[event.event_id] | COMMON, event


def test_all_happens_within_the_two_days_in_order_and_numbered(logs: Logs) -> None:
    for events in logs.values():
        numbers = [event.column("record_id") for event in events]
        assert all(FIRST <= event.time < LAST for event in events)
        assert numbers == sorted(set(map(int, numbers)))  # type: ignore[arg-type]
        times = [event.time for event in events]
        assert times == sorted(times)


@pytest.mark.parametrize("name", NAMES)
def test_a_guid_is_one_process_with_one_number_and_image(logs: Logs, name: str) -> None:
    seen: dict[str, set[tuple[object, object]]] = defaultdict(set)
    for event in logs[name]:
        for prefix in ("", "parent_", "target_"):
            guid = event.text_of(f"{prefix}process_guid")
            if guid is not None:
                seen[guid].add((event.column(f"{prefix}process_id"), event.column(f"{prefix}image")))
    assert all(len(found) == 1 for found in seen.values())


@pytest.mark.parametrize("name", NAMES)
def test_parents_that_were_logged_are_who_their_children_say(logs: Logs, name: str) -> None:
    created = {event.process_guid: event for event in logs[name] if event.event_id == 1}
    logged = 0
    for child in created.values():
        parent = created.get(child.parent_process_guid)
        if parent is not None:
            logged += 1
            assert child.text_of("parent_command_line") == parent.text_of("command_line")
            assert child.text_of("parent_user") == parent.text_of("user")
            assert parent.time <= child.time
            assert int(parent.values["record_id"]) < int(child.values["record_id"])  # type: ignore[arg-type]
    assert logged > len(created) / 5


@pytest.mark.parametrize("name", NAMES)
def test_a_process_is_created_once_and_acts_within_its_life(logs: Logs, name: str) -> None:
    created = Counter(event.process_guid for event in logs[name] if event.event_id == 1)
    ends = {event.process_guid: event.utc_time for event in logs[name] if event.event_id == 5}
    starts = {event.process_guid: event.utc_time for event in logs[name] if event.event_id == 1}
    assert set(created.values()) == {1}
    for event in logs[name]:
        time, guid = event.utc_time, event.process_guid
        assert time is not None
        assert time <= (ends.get(guid) or time)
        assert time >= (starts.get(guid) or time)


@pytest.mark.parametrize("name", NAMES)
def test_a_guid_tells_the_computer_and_the_second_of_the_start(logs: Logs, name: str) -> None:
    machine = {guid[:8] for event in logs[name] if (guid := event.process_guid)}
    assert len(machine) == 1
    for event in logs[name]:
        if event.event_id == 1 and event.process_guid and event.utc_time:
            low, high = event.process_guid[9:13], event.process_guid[14:18]
            assert int(high + low, 16) == int(event.utc_time.timestamp())


def test_process_numbers_are_used_again(logs: Logs) -> None:
    for events in logs.values():
        created = [event for event in events if event.event_id == 1]
        assert len({event.process_id for event in created}) < len(created) * 0.9


def test_one_computer_is_silent_for_a_while_and_its_record_numbers_jump(logs: Logs) -> None:
    def longest(events: list[Event]) -> tuple[float, int]:
        return max(
            ((b.time - a.time).total_seconds(), int(b.values["record_id"]) - int(a.values["record_id"]))  # type: ignore[arg-type]
            for a, b in pairwise(events)
        )

    silent = [computer.name for computer in COMPUTERS if computer.silence]
    assert len(silent) == 1
    seconds, missing = longest(logs[silent[0]])
    assert seconds > 2 * 3600
    assert missing > 100


def test_hashes_belong_to_files(logs: Logs) -> None:
    """The same program in the same version has the same hashes on every computer."""
    seen: dict[tuple[str, str | None], set[str | None]] = defaultdict(set)
    for events in logs.values():
        for event in events:
            if event.event_id == 1:
                seen[event.image_name, event.text_of("file_version")].add(event.text_of("sha256"))
    assert all(len(found) == 1 for found in seen.values())
