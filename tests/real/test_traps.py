"""What real data does, and that the store and the tree bear it: one test per trap."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.graph.tree import build_tree
from app.store.port import EventStore
from app.sysmon.events import Event
from app.sysmon.language import parse
from app.sysmon.query import EventQuery

pytestmark = pytest.mark.slow

STAGER = "03ba39f5-4cfe-5ce0-0000-00103600c001"


def count(store: EventStore, query: str) -> int:
    return store.count(EventQuery(condition=parse(query))).value


def values(store: EventStore, query: str, field: str) -> dict[str, int]:
    return dict(store.terms(EventQuery(condition=parse(query)), field, size=10_000).values)


def events(store: EventStore, query: str) -> tuple[Event, ...]:
    return store.search(EventQuery(condition=parse(query), size=1000)).events


def test_the_collector_is_no_computer(real_store: EventStore) -> None:
    names = {name.lower() for name in real_store.info().computers}

    assert {"hr001.shire.com", "it001.shire.com", "hfdc01.shire.com"} <= names
    assert not [name for name in names if name.startswith("wec")]


def test_a_local_time_that_is_marked_as_utc_is_not_believed(real_store: EventStore) -> None:
    for event in events(real_store, "Computer:PRD01* and EventId:(1 or 3)"):
        assert event.time == event.utc_time


def test_network_events_with_a_clock_of_their_own_are_found_when_they_were_recorded(
    real_store: EventStore,
) -> None:
    late = events(real_store, "Computer:HR001* and EventId:3 and Time:<2019-06-01")

    assert late
    for event in late:
        assert event.utc_time is not None
        assert timedelta(days=11, hours=8) < event.time - event.utc_time < timedelta(days=11, hours=9)


def test_connections_under_the_guid_of_a_dead_process_are_found_by_process_id(
    real_store: EventStore,
) -> None:
    query = (
        "EventId:3 and Computer:HR001* and ProcessId:5172 and DestinationIp:10.0.10.106"
        " and Time:<2019-05-18T18:30"
    )

    images = values(real_store, query, "Image")
    assert images.popitem()[0].endswith("\\MicrosoftEdgeSH.exe")
    assert not images
    assert STAGER not in values(real_store, query, "ProcessGuid")


def test_the_agent_without_a_creation_has_a_tree(real_store: EventStore) -> None:
    tree = build_tree(real_store, "hr001.SHIRE.com", "{03BA39F5-50B2-5CE0-0000-00109995C501}")

    assert not tree.root.logged
    assert len(tree.children(tree.target)) == 6


@pytest.mark.parametrize(
    "field", ["SubjectProcessGuid", "ParentProcessGuid", "TargetProcessGuid", "LogonGuid"]
)
def test_guids_are_lower_case_without_braces_whatever_their_spelling(
    real_store: EventStore, field: str
) -> None:
    guids = values(real_store, "*", field)

    assert guids
    assert all(guid == guid.lower() and len(guid) == 36 for guid in guids)


def test_both_spellings_of_the_target_are_one_field(real_store: EventStore) -> None:
    for event_id, without in ((8, 0), (10, 10)):  # Ten have the GUID of zeros.
        assert count(real_store, f"EventId:{event_id} and not SourceProcessGuid:*") == 0
        assert count(real_store, f"EventId:{event_id} and not TargetProcessGuid:*") == without


def test_one_process_id_on_two_computers_is_two_processes(real_store: EventStore) -> None:
    both = values(real_store, "EventId:1 and ProcessId:6732", "Computer")
    assert set(both) == {"HR001.shire.com", "IT001.shire.com"}

    for event in events(real_store, "EventId:1 and ProcessId:6732"):
        tree = build_tree(real_store, event.computer, event.process_guid or "")
        assert {process.computer for process in tree.processes()} == {event.computer}


def test_a_tree_stands_on_guids_where_the_shipper_lost_the_process_ids(real_store: EventStore) -> None:
    tree = build_tree(real_store, "WORKSTATION6.theshire.local", "d273d0f0-e84d-5f64-0300-000000000800")

    assert len(tree.graph) >= 9
    assert "whoami.exe" in {process.image_name for process in tree.processes()}


def test_no_value_is_empty_or_a_dash(real_store: EventStore) -> None:
    for field in ("RuleName", "SourceHostname", "DestinationHostname", "ParentImage", "Description"):
        assert not {"-", ""} & set(values(real_store, "*", field))


def test_markup_of_the_shipper_is_taken_out(real_store: EventStore) -> None:
    assert "<Anonymous Pipe>" in values(real_store, "EventId:(17 or 18)", "PipeName")
    assert count(real_store, r"PipeName:*&lt;* or Process:*&lt;*") == 0


def test_a_program_is_found_in_any_case(real_store: EventStore) -> None:
    images = values(real_store, "Process:*\\explorer.exe", "Process")

    assert {image.rpartition("\\")[2] for image in images} >= {"explorer.exe", "Explorer.EXE"}


def test_long_command_lines_and_letters_beyond_ascii_are_whole(real_store: EventStore) -> None:
    assert max(map(len, values(real_store, "EventId:1", "CommandLine"))) > 5_000
    assert count(real_store, "Product:*®*") > 1_000


def test_events_without_a_process_have_none(real_store: EventStore) -> None:
    query = "EventId:(4 or 19 or 20 or 21 or 255)"

    assert count(real_store, query) > 20
    assert count(real_store, f"{query} and SubjectProcessGuid:*") == 0


@pytest.mark.parametrize(
    "field", ["Initiated", "SourceIsIpv6", "DestinationIsIpv6", "IsExecutable", "Signed"]
)
def test_true_and_false_are_the_same_texts_from_every_source(real_store: EventStore, field: str) -> None:
    assert set(values(real_store, "*", field)) <= {"true", "false"}
    assert values(real_store, "Computer:(MSEDGEWIN10 or IEWIN7) and EventId:3", "Initiated")
