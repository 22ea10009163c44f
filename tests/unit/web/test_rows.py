"""Events as rows: bursts, days, gaps, times and what happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sysmon.events import Event
from app.web.results import (
    Burst,
    DayLine,
    Folding,
    GapLine,
    Line,
    Row,
    Rows,
    Silence,
    bursts_of,
    computer_labels,
)
from app.web.what import What, what
from tests import builders
from tests.builders import (
    NOON,
    batch_of,
    create_remote_thread,
    dns_query,
    driver_load,
    file_create,
    image_load,
    network_connect,
    pipe_connected,
    process_access,
    process_create,
    process_terminate,
    registry_object,
    registry_rename,
    registry_value_set,
    wmi_filter,
)
from tests.memory_store import MemoryStore
from tests.web import hostile

SECOND = timedelta(seconds=1)
GUID = "5c3485a0-0001-0000-0010-000000000001"


def at(second: float, **said: builders.Said) -> Event:
    values: dict[str, builders.Said] = {"time": NOON - second * SECOND, "process_guid": GUID, **said}
    return registry_object(**values)


def lengths(events: Sequence[Event]) -> list[int]:
    return [len(burst.events) for burst in bursts_of(events, folds=True)]


def lines(*events: Event, store: MemoryStore | None = None, **said: object) -> list[Line]:
    rows = Rows(store=store or MemoryStore(), **said)  # type: ignore[arg-type]
    return list(rows.lines(bursts_of(events, folds=True)))


def row(*events: Event, store: MemoryStore | None = None, **said: object) -> Row:
    found = [line for line in lines(*events, store=store, **said) if isinstance(line, Row)]
    assert len(found) == 1
    return found[0]


def test_events_that_follow_each_other_closely_are_one_row() -> None:
    assert lengths([at(0), at(3), at(9), at(18.9), at(29)]) == [4, 1]


@pytest.mark.parametrize(
    "other",
    [
        at(1, computer="ws-02.example"),
        at(1, process_guid="5c3485a0-0002-0000-0010-000000000001"),
        at(1, event_type="DeleteKey"),
        registry_value_set(time=NOON - SECOND, process_guid=GUID),
    ],
    ids=["computer", "process", "type of event", "event ID"],
)
def test_what_is_not_alike_is_a_row_of_its_own(other: Event) -> None:
    assert lengths([at(0), other]) == [1, 1]


def test_connections_of_one_burst_go_to_one_address() -> None:
    said: list[dict[str, builders.Said]] = [
        {"destination_ip": ip, "destination_port": port}
        for ip, port in (("10.0.0.1", 1), ("10.0.0.2", 1), ("10.0.0.1", 2))
    ]

    events = [network_connect(time=NOON - n * SECOND, process_guid=GUID, **one) for n, one in enumerate(said)]

    assert lengths(events) == [2, 1]


@pytest.mark.parametrize("make", [process_create, create_remote_thread, process_terminate, wmi_filter])
def test_rare_kinds_of_events_never_fold(make: Callable[..., Event]) -> None:
    assert lengths([make(time=NOON - n * SECOND) for n in range(3)]) == [1, 1, 1]


def test_events_without_a_process_never_fold() -> None:
    assert lengths([at(0, process_guid=None), at(1, process_guid=None)]) == [1, 1]


def test_bursts_of_two_processes_fold_though_they_alternate() -> None:
    other = "5c3485a0-0002-0000-0010-000000000001"

    events = [at(n, process_guid=GUID if n % 2 else other) for n in range(8)]

    assert lengths(events) == [4, 4]


@given(st.lists(st.integers(0, 400), max_size=60), st.integers(1, 10), st.booleans())
def test_folding_loses_no_event_and_stops_before_the_row_that_does_not_fit(
    seconds: list[int], most: int, folds: bool
) -> None:
    events = [
        at(second, process_guid=f"5c3485a0-000{second % 3}-0000-0010-000000000001")
        for second in sorted(seconds)
    ]
    folding = Folding(most, folds=folds)

    taken = list(takewhile(folding.take, events))

    assert len(folding.bursts) <= most
    assert taken == events or len(folding.bursts) == most
    assert folding.taken == len(taken) == sum(len(burst.events) for burst in folding.bursts)
    assert sorted(str(event.key) for burst in folding.bursts for event in burst.events) == sorted(
        str(event.key) for event in taken
    )
    assert [burst.first.time for burst in folding.bursts] == sorted(
        (burst.first.time for burst in folding.bursts), reverse=True
    )


def test_a_burst_says_how_many_things_in_how_long() -> None:
    different = row(*(at(n, target_object=f"HKLM\\{n}") for n in range(5)))
    same = row(*(at(n * 5, target_object="HKLM\\a") for n in range(5)))

    assert (different.count, different.what.thing, different.what.rest) == (5, "HKLM\\0", "and 4 more in 4 s")
    assert same.what.rest == "for 20 s, every 5.0 s"
    assert same.count_note == "5: 11:59:40.000 – 12:00:00.000"


def test_days_stand_above_their_rows() -> None:
    found = lines(at(0), at(60), at(24 * 3600))

    assert [line.text if isinstance(line, DayLine) else line.kind for line in found] == [
        "Tuesday 2019-01-08",
        "row",
        "row",
        "Monday 2019-01-07",
        "row",
    ]


def test_a_gap_stands_between_the_rows_around_it() -> None:
    gap = Silence(NOON - timedelta(minutes=20), NOON - timedelta(minutes=10))
    short = Silence(NOON - timedelta(minutes=4), NOON - timedelta(minutes=1))

    found = lines(at(0), at(5 * 60), at(30 * 60), gaps=[short, gap])

    assert [line.text for line in found if isinstance(line, GapLine)] == [
        "11:40:00–11:50:00: nothing received from any computer for 10 m"
    ]
    assert [line.kind for line in found] == ["day", "row", "row", "gap", "row"]


def test_oldest_first_has_the_same_gaps() -> None:
    gap = Silence(NOON - timedelta(minutes=20), NOON - timedelta(minutes=10))

    assert [line.kind for line in lines(at(30 * 60), at(0), gaps=[gap])] == ["day", "row", "gap", "row"]


def test_the_picked_event_is_found_in_the_middle_of_a_burst() -> None:
    events = [at(n) for n in range(3)]

    assert row(*events, picked=events[1].key).is_picked
    assert not row(*events, picked=at(1).key).is_picked


def test_utc_time_is_shown_and_record_time_said_where_they_are_apart() -> None:
    close = row(at(0, utc_time=NOON - 59 * SECOND))
    apart = row(at(0, utc_time=NOON - timedelta(hours=3)))
    other_day = row(at(0, utc_time=NOON - timedelta(days=11)))
    without = row(at(0, utc_time=None))

    assert (close.time, close.time_note) == ("11:59:01.000", "")
    assert apart.time == "09:00:00.000"
    assert apart.time_note == "UtcTime 2019-01-08 09:00:00.000, recorded 2019-01-08 12:00:00.000"
    assert other_day.time == "12-28 12:00:00"
    assert without.time == "12:00:00.000"
    assert "no UtcTime" in without.time_note


def test_sorted_by_something_else_each_row_has_its_date() -> None:
    found = lines(at(0), at(24 * 3600), clock="dated")

    assert [line.time for line in found if isinstance(line, Row)] == [
        "2019-01-08 12:00:00",
        "2019-01-07 12:00:00",
    ]
    assert not [line for line in found if isinstance(line, DayLine)]


def test_the_user_of_the_creation_stands_for_events_that_have_none() -> None:
    store = MemoryStore()
    creation = process_create(process_guid=GUID, user="SHIRE\\bob", time=NOON - timedelta(days=3))
    store.add(
        batch_of(creation, process_create(process_guid=GUID, user="EVE\\eve", computer="ws-02")), "test"
    )

    derived = row(at(0, user=None), store=store).user
    own = row(at(0, user="SHIRE\\alice"), store=store).user

    assert derived is not None
    assert (derived.name, derived.source) == (
        "SHIRE\\bob",
        "from the creation of its process, 2019-01-05 12:00:00.000 UTC",
    )
    assert own is not None
    assert (own.name, own.source) == ("SHIRE\\alice", "")


def test_without_a_creation_another_event_of_the_process_says_the_user() -> None:
    store = MemoryStore()
    store.add(
        batch_of(
            *(
                network_connect(process_guid=GUID, user="SHIRE\\bob", time=NOON + n * SECOND)
                for n in range(3)
            ),
            network_connect(process_guid=GUID, user="SHIRE\\eve"),
        ),
        "test",
    )

    user = row(at(0, user=None), store=store).user

    assert user is not None
    assert user.name == "SHIRE\\bob"
    assert user.source == "from 3 other events of its process, the first at 2019-01-08 12:00:00.000 UTC"


def test_a_user_that_nobody_names_is_none() -> None:
    assert row(at(0, user=None)).user is None


def test_a_name_too_long_for_an_address_has_no_links() -> None:
    found = row(at(0, computer=hostile.LONG))

    assert (found.href, found.around, found.correlation, found.process) == ("", "", "", "")
    assert len(found.computer) <= 120


@pytest.mark.parametrize(
    ("event", "lead", "thing", "rest"),
    [
        (process_create(command_line="cmd /c x"), "", "cmd /c x", "from explorer.exe (2280)"),
        (
            process_create(command_line=None, parent_image=None, parent_process_id=None),
            "",
            builders.SYSTEM32 + "cmd.exe",
            "",
        ),
        (
            network_connect(destination_hostname="proxy", protocol="tcp"),
            "to",
            "192.168.1.200:8080",
            "proxy tcp",
        ),
        (
            network_connect(initiated="false", source_ip="fe80::1"),
            "from",
            "[fe80::1]:49213",
            "at port 8080 tcp",
        ),
        (process_terminate(), "ends", builders.SYSTEM32 + "cmd.exe", ""),
        (driver_load(signed="false"), "loads", builders.SYSTEM32 + "drivers\\a.sys", "not signed"),
        (
            image_load(signature_status="Expired"),
            "loads",
            builders.SYSTEM32 + "kernel32.dll",
            "signature: Expired",
        ),
        (
            create_remote_thread(start_module="C:\\k32.dll", start_function="LoadLibraryA"),
            "into",
            "C:\\Windows\\explorer.exe",
            "(2280) at k32.dll!LoadLibraryA",
        ),
        (process_access(), "opens", builders.SYSTEM32 + "lsass.exe", "(516) 0x1010"),
        (file_create(), "creates", "C:\\Temp\\a.exe", ""),
        (registry_object(event_type="DeleteKey"), "deletes", "HKLM\\SOFTWARE\\Example", ""),
        (
            registry_value_set(target_object="HKLM\\a"),
            "sets",
            "HKLM\\a",
            "= C:\\Temp\\a.exe",
        ),
        (registry_rename(), "renames", "HKLM\\SOFTWARE\\Example", "to HKLM\\SOFTWARE\\Sample"),
        (pipe_connected(), "connects to", "\\example", ""),
        (wmi_filter(), "creates", '"Watcher"', '"SELECT * FROM Win32_ProcessStartTrace"'),
        (dns_query(query_results=None, query_status="9003"), "asks for", "www.example.net", "status 9003"),
        (builders.event(77, other={"Strange": "thing"}), "", "Strange: thing", ""),
        (builders.event(3), "to", "", ""),
    ],
)
def test_what_happened_is_a_verb_a_thing_and_the_rest(event: Event, lead: str, thing: str, rest: str) -> None:
    said = what(event)

    assert (said.lead, said.thing, said.rest) == (lead, thing, rest)


@pytest.mark.parametrize("text", [*hostile.TEXTS, hostile.HUGE])
def test_hostile_values_are_short_and_hide_nothing(text: str) -> None:
    said = what(registry_value_set(target_object=text, details=text, event_type=text))

    for part in (said.lead, said.thing, said.rest):
        assert len(part) <= 250
        assert not set(part) & set("\x00\x1b\u202e\u200b")


def test_bursts_can_be_left_unfolded() -> None:
    assert [len(burst.events) for burst in bursts_of([at(0), at(1)], folds=False)] == [1, 1]
    assert isinstance(bursts_of([at(0)], folds=True)[0], Burst)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["HR001.shire.com", "IT001.shire.com"], ["HR001", "IT001"]),
        (
            ["ws-01.a.example", "ws-01.b.example", "dc.a.example"],
            ["dc", "ws-01.a.example", "ws-01.b.example"],
        ),
        (["WS-01", "ws-01.example"], ["WS-01", "ws-01.example"]),
        (["10.0.0.1", ".x", ""], ["", ".x", "10.0.0.1"]),
    ],
)
def test_a_computer_is_called_by_its_first_name_where_it_is_the_only_one(
    names: list[str], labels: list[str]
) -> None:
    assert list(computer_labels(names).values()) == labels


@pytest.mark.parametrize(
    ("command", "parts"),
    [
        (
            "C:\\Windows\\System32\\powershell.exe -enc JABu\\a",
            ("C:\\Windows\\System32\\", "powershell.exe -enc JABu\\a"),
        ),
        ('"C:\\Program Files\\a b\\x.exe" /c C:\\y', ('"C:\\Program Files\\a b\\', 'x.exe" /c C:\\y')),
        ("whoami", ("", "whoami")),
        ("", ("", "")),
    ],
)
def test_of_a_command_line_the_folder_gives_way(command: str, parts: tuple[str, str]) -> None:
    assert What("", command, is_command=True).parts == parts
