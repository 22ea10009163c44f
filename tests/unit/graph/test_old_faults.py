"""Faults of the old tool that graphs must not have; each test names the fault in its list."""

from __future__ import annotations

from datetime import timedelta

from tests.builders import (
    NOON,
    dns_query,
    file_create,
    image_load,
    network_connect,
    process_create,
    process_terminate,
)
from tests.unit.graph.families import created, stored
from tests.unit.graph.worlds import by, graph, id_of, key, labels, target


def test_b2_a_circle_of_parents_ends_and_is_told() -> None:
    found = graph(stored(created(1, 2), created(2, 1)))

    assert len(found.nodes) == 2
    assert "ancestor" in found.notes[0]


def test_b3_a_creation_that_is_logged_twice_makes_one_node_and_its_children_once() -> None:
    found = graph(stored(created(1, None), created(1, None), created(2, 1)))

    assert [node.process.process_id for node in found.nodes.values()] == [1, 2]
    assert target(found).children == (key(2),)


def test_b4_d8_the_target_is_found_behind_more_than_a_thousand_other_creations() -> None:
    others = [process_create(time=NOON - timedelta(minutes=1)) for _ in range(1_050)]

    found = graph(stored(*others, created(1, None), created(2, 1)))

    assert set(found.nodes) == {key(1), key(2)}


def test_b5_d8_a_process_that_lives_past_midnight_keeps_all_its_days() -> None:
    days = [file_create(**by(1, target_filename=f"C:\\{n}", time=NOON + timedelta(days=n))) for n in range(3)]
    end = process_terminate(**by(1, time=NOON + timedelta(days=9)))

    found = graph(stored(created(1, None), *days, created(2, 1, time=NOON + timedelta(days=5)), end))

    assert labels(target(found)) == ["0", "1", "2"]
    assert set(found.nodes) == {key(1), key(2)}
    assert target(found).process.ended == NOON + timedelta(days=9)


def test_b6_d9_events_of_descendants_are_counted_and_can_be_opened_and_all_ancestors_are_there() -> None:
    store = stored(*[created(n, n - 1) for n in range(2, 7)], network_connect(**by(6)))

    found = graph(store, 4)

    assert len(found.nodes) == 6
    assert labels(found.nodes[key(6)]) == ["1 event"]
    opened = graph(store, 4, opened=frozenset({id_of(6)}))
    assert labels(opened.nodes[key(6)]) == ["192.168.1.200:8080"]


def test_b10_a_connection_tells_its_destination_though_there_is_no_host_name() -> None:
    peer = target(graph(stored(created(1, None), network_connect(**by(1))))).activities[0]

    assert (peer.label, peer.value, peer.details["DestinationPort"]) == (
        "192.168.1.200:8080",
        "192.168.1.200",
        "8080",
    )


def test_b11_b12_files_images_and_names_are_labelled_with_themselves_not_with_their_process() -> None:
    store = stored(created(1, None), file_create(**by(1)), image_load(**by(1)), dns_query(**by(1)))

    node = target(graph(store))

    assert {activity.value for activity in node.activities} == {
        "C:\\Temp\\a.exe",
        "C:\\Windows\\System32\\kernel32.dll",
        "www.example.net",
    }
    assert "p1.exe" not in " ".join(activity.title for activity in node.activities)


def test_b23_ports_count_connections_and_addresses_are_told_apart() -> None:
    peers = [
        network_connect(**by(1, destination_ip=ip, destination_port=443)) for ip in ("10.0.0.1", "10.0.0.2")
    ]

    node = target(graph(stored(created(1, None), *peers, peers[0])))

    assert labels(node) == ["10.0.0.1:443", "10.0.0.2:443"]


def test_d11_more_than_thirty_things_are_all_counted_and_can_all_be_seen() -> None:
    store = stored(
        created(1, None), *[file_create(**by(1, target_filename=f"C:\\d\\{n:02}.txt")) for n in range(40)]
    )

    (group,) = target(graph(store)).activities

    assert (group.objects, group.count, group.label) == (40, 40, "files in d")
    assert len(target(graph(store, opened=frozenset({group.id}))).activities) == 40


def test_b1_d7_the_range_of_one_reader_is_not_that_of_the_next() -> None:
    store = stored(created(1, None), dns_query(**by(1)))

    graph(store, start=NOON + timedelta(days=1), end=NOON + timedelta(days=2))

    assert labels(target(graph(store))) == ["www.example.net"]
