"""What a process did, as nodes: each kind of event, its name and what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.graph.model import Certainty
from app.store.port import EventStore
from app.sysmon.evaluate import holds
from app.sysmon.events import Event
from app.sysmon.kinds import Category
from app.sysmon.language import parse
from tests.builders import (
    NOON,
    SYSTEM32,
    create_remote_thread,
    dns_query,
    driver_load,
    event,
    file_create,
    file_create_stream_hash,
    file_create_time,
    file_delete,
    image_load,
    network_connect,
    pipe_connected,
    pipe_created,
    process_access,
    process_tampering,
    process_terminate,
    raw_access_read,
    registry_object,
    registry_rename,
    registry_value_set,
    wmi_filter,
)
from tests.unit.graph.families import created, guid, stored
from tests.unit.graph.worlds import by, graph, id_of, key, labels, only, target

ONE_OF_EACH: list[tuple[Callable[..., Event], dict[str, str], str, Category, str]] = [
    (file_create_time, {}, "filetime", Category.FILE_CREATE_TIME, "a.exe"),
    (network_connect, {}, "address", Category.NET_ACCESS, "192.168.1.200:8080"),
    (image_load, {}, "image", Category.IMAGE_LOADED, "kernel32.dll"),
    (create_remote_thread, {}, "thread", Category.REMOTE_THREAD, "explorer.exe (2280)"),
    (raw_access_read, {}, "raw_read", Category.OTHER, "HarddiskVolume1"),
    (process_access, {}, "access", Category.PROCESS_ACCESS, "lsass.exe (516)"),
    (file_create, {}, "file", Category.CREATE_FILE, "a.exe"),
    (registry_object, {}, "registry", Category.REGISTRY, "SOFTWARE\\Example"),
    (registry_value_set, {}, "registry", Category.REGISTRY, "Run\\Update"),
    (registry_rename, {}, "registry", Category.REGISTRY, "SOFTWARE\\Example"),
    (file_create_stream_hash, {}, "file", Category.CREATE_FILE, "a.exe:Zone.Identifier"),
    (pipe_created, {}, "pipe", Category.PIPE, "example"),
    (pipe_connected, {}, "pipe", Category.PIPE, "example"),
    (dns_query, {}, "dns", Category.DNS, "www.example.net"),
    (file_delete, {}, "file", Category.CREATE_FILE, "a.exe"),
    (process_tampering, {}, "tampering", Category.OTHER, "Image is replaced"),
]


@pytest.mark.parametrize(("build", "said", "kind", "category", "label"), ONE_OF_EACH)
def test_each_kind_of_event_is_a_node_with_the_name_of_its_thing(
    build: Callable[..., Event], said: dict[str, str], kind: str, category: Category, label: str
) -> None:
    node = target(graph(stored(created(1, None), build(**by(1, **said)))))

    activity = only(node, label)
    assert (activity.key[0], activity.category, activity.count, activity.objects) == (kind, category, 1, 1)
    assert (activity.first, activity.process) == (NOON + timedelta(minutes=1), key(1))
    assert node.counts[category] == 1


@pytest.mark.parametrize("event_id", [27, 28, 29])
def test_blocked_and_detected_files_are_files_too(event_id: int) -> None:
    found = event(event_id, **by(1, image="C:\\bin\\p1.exe", target_filename="C:\\Temp\\a.exe"))

    node = target(graph(stored(created(1, None), found)))

    assert (only(node, "a.exe").key[0], only(node, "a.exe").category) == ("file", Category.OTHER)


def test_a_clipboard_and_what_sysmon_may_add_one_day_are_counted_by_their_names() -> None:
    store = stored(created(1, None), event(24, **by(1)), event(24, **by(1)), event(77, **by(1)))

    node = target(graph(store))

    assert {activity.label: activity.count for activity in node.activities} == {
        "ClipboardChange": 2,
        "Event77": 1,
    }


def test_the_beginning_and_the_end_of_a_process_are_no_activity() -> None:
    node = target(graph(stored(created(1, None), process_terminate(**by(1)))))

    assert node.activities == ()
    assert node.counts == {Category.CREATE_PROCESS: 1, Category.OTHER: 1}


def test_all_connections_with_one_address_are_one_node_that_counts_its_ports() -> None:
    connections = [network_connect(**by(1, destination_port=port)) for port in (443, 443, 80, 8080)]

    node = target(graph(stored(created(1, None), *connections)))

    peer = only(node, "192.168.1.200 (3 ports)")
    assert (peer.count, peer.objects) == (4, 1)
    assert list(peer.ports.items()) == [("443", 2), ("80", 1), ("8080", 1)]
    assert peer.title == "Connections to 192.168.1.200: 443 ×2, 80 ×1, 8080 ×1"


def test_of_a_connection_from_outside_the_peer_is_the_source() -> None:
    connection = network_connect(
        **by(1, initiated="false", source_ip="10.9.8.7", source_port=50123, destination_port=445)
    )

    peer = only(target(graph(stored(created(1, None), connection))), "from 10.9.8.7 to 445")

    assert peer.title == "Connections from 10.9.8.7 to this computer: 445 ×1"
    assert dict(peer.ports) == {"445": 1}


def test_an_address_of_ipv6_is_parted_from_its_port_by_brackets() -> None:
    connection = network_connect(**by(1, destination_ip="fe80::1", destination_port=443))

    assert labels(target(graph(stored(created(1, None), connection)))) == ["[fe80::1]:443"]


def test_a_file_that_was_created_and_deleted_is_one_node_whatever_the_case() -> None:
    path = "C:\\Temp\\A.exe"
    store = stored(
        created(1, None),
        file_create(**by(1, target_filename=path)),
        file_delete(**by(1, target_filename=path.lower(), time=NOON + timedelta(days=3))),
    )

    file = only(target(graph(store)), "A.exe")

    assert (file.count, file.event_ids) == (2, (11, 23))
    assert file.title == "C:\\Temp\\A.exe: FileCreate, FileDelete"
    assert file.last - file.first == timedelta(days=3) - timedelta(minutes=1)


def test_threads_and_accesses_that_a_process_suffered_name_who_did_it() -> None:
    store = stored(
        created(1, None),
        create_remote_thread(**by(9, image="C:\\x\\evil.exe", target_process_guid=guid(1))),
        process_access(
            **by(8, image="C:\\x\\spy.exe", target_process_guid=guid(1), granted_access="0x1fffff")
        ),
    )

    node = target(graph(store))

    thread, access = only(node, "by evil.exe (9)"), only(node, "by spy.exe (8)")
    assert thread.title == "Thread created in this process by C:\\x\\evil.exe (9)"
    assert (access.title, access.details["GrantedAccess"]) == (
        "Access to this process by C:\\x\\spy.exe (8)",
        "0x1fffff",
    )
    assert thread.stands_alone
    assert access.stands_alone
    assert node.counts == {Category.CREATE_PROCESS: 1}  # These are events of others.


def test_a_thread_in_itself_is_told_once() -> None:
    store = stored(created(1, None), create_remote_thread(**by(1, target_process_guid=guid(1))))

    assert len(target(graph(store)).activities) == 1


@pytest.mark.parametrize(
    ("build", "column", "label"),
    [
        (file_create, "target_filename", "without TargetFilename"),
        (registry_value_set, "target_object", "without TargetObject"),
        (network_connect, "destination_ip", "without DestinationIp"),
        (image_load, "image_loaded", "without ImageLoaded"),
        (dns_query, "query_name", "without QueryName"),
        (pipe_created, "pipe_name", "without PipeName"),
        (raw_access_read, "device", "without Device"),
    ],
)
def test_things_that_lost_their_name_are_counted_as_one(
    build: Callable[..., Event], column: str, label: str
) -> None:
    store = stored(created(1, None), build(**by(1, **{column: None})), build(**by(1, **{column: None})))

    assert only(target(graph(store)), label).count == 2


def test_a_victim_without_guid_image_or_number_is_still_told() -> None:
    thread = create_remote_thread(
        **by(1, target_process_guid=None, target_process_id=None, target_image=None)
    )

    assert labels(target(graph(stored(created(1, None), thread)))) == ["?"]


# WMI and drivers: their events name no process


def running(*events: Event, user: str = "EXAMPLE\\alice") -> EventStore:
    """Return a store with a process that ran from noon to one o'clock, and these events."""
    end = process_terminate(**by(1, time=NOON + timedelta(hours=1)))
    return stored(created(1, None, time=NOON, user=user), end, *events)


def test_wmi_of_the_same_user_while_the_process_ran_is_inferred() -> None:
    store = running(wmi_filter(time=NOON + timedelta(minutes=5), user="example\\ALICE"))

    wmi = only(target(graph(store)), "Watcher")

    assert (wmi.category, wmi.certainty, wmi.stands_alone) == (Category.WMI, Certainty.INFERRED, True)
    assert "Sysmon logs no process for it" in wmi.title


def test_the_quotes_and_the_space_that_sysmon_puts_around_names_of_wmi_are_left_out() -> None:
    filter_ = wmi_filter(time=NOON + timedelta(minutes=5), name=' "Consumer.Name=\\"Updater\\""')

    (wmi,) = target(graph(running(filter_))).activities

    assert wmi.label == 'Consumer.Name=\\"Updater\\"'
    assert wmi.title.startswith('WmiFilter Consumer.Name=\\"Updater\\"; Sysmon logs no process')


@pytest.mark.parametrize(
    "event_",
    [
        wmi_filter(time=NOON - timedelta(minutes=1)),
        wmi_filter(time=NOON + timedelta(minutes=61)),
        wmi_filter(time=NOON + timedelta(minutes=5), user="EXAMPLE\\bob"),
        wmi_filter(time=NOON + timedelta(minutes=5), user=None),
    ],
)
def test_wmi_at_another_time_or_of_another_user_is_not_shown(event_: Event) -> None:
    assert target(graph(running(event_))).activities == ()


def test_a_driver_that_was_loaded_while_the_process_ran_is_inferred() -> None:
    store = running(driver_load(time=NOON + timedelta(minutes=5)))

    driver = only(target(graph(store)), "a.sys")

    assert (driver.key[0], driver.certainty) == ("driver", Certainty.INFERRED)


# Queries


@pytest.mark.parametrize(("build", "said", "kind", "category", "label"), ONE_OF_EACH)
def test_the_query_of_a_node_finds_its_event_and_no_other(
    build: Callable[..., Event], said: dict[str, str], kind: str, category: Category, label: str
) -> None:
    found = build(**by(1, **said))

    condition = parse(only(target(graph(stored(created(1, None), found))), label).query)

    assert holds(condition, found)
    others = [other for other, *_ in ONE_OF_EACH if other not in (build, *_SAME_THING.get(build, ()))]
    assert not any(holds(condition, other(**by(1))) for other in others)


#: Kinds of events that speak of one thing.
_FILES = (file_create, file_delete, file_create_time)
_KEYS = (registry_object, registry_rename)
_PIPES = (pipe_created, pipe_connected)
_SAME_THING = {build: some for some in (_FILES, _KEYS, _PIPES) for build in some}


@pytest.mark.parametrize("name", ['C:\\a "b" *?.exe', "C:\\" + "x" * 30_000, "C:\\\u202ecod.exe\x00", "("])
def test_hostile_names_make_short_labels_and_queries_that_still_find_the_event(name: str) -> None:
    file = file_create(**by(1, target_filename=name))

    activity = target(graph(stored(created(1, None), file))).activities[0]

    assert len(activity.label) <= 120
    assert len(activity.title) <= 400
    assert len(activity.query) < 1_200
    assert len(activity.id) < 120
    assert activity.value == name
    assert holds(parse(activity.query), file)


def test_a_remote_threads_victim_is_told_with_its_place() -> None:
    thread = create_remote_thread(
        **by(1, start_module=SYSTEM32 + "kernel32.dll", start_function="LoadLibraryA")
    )

    activity = only(target(graph(stored(created(1, None), thread))), "explorer.exe (2280)")

    assert activity.details["StartFunction"] == "LoadLibraryA"
    assert activity.title == "Thread created in C:\\Windows\\explorer.exe (2280)"


def test_two_processes_that_touched_one_file_have_nodes_of_their_own() -> None:
    store = stored(created(1, None), created(2, 1), file_create(**by(1)), file_create(**by(2)))

    nodes = graph(store, opened=frozenset({id_of(2)})).nodes

    assert {only(node, "a.exe").id for node in nodes.values()} == {
        f"file:ws-01.example:{guid(n)}:{only(nodes[key(n)], 'a.exe').key[3]}" for n in (1, 2)
    }
