"""What a process touched, folded into counted groups: what stands alone, what does not, and why."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest

from app.graph.fitting import fitted, shares_of
from app.graph.grouping import Plan, Scene, planned
from app.graph.model import Activity, Certainty, ProcessNode
from app.graph.objects import Said, Thing
from app.sysmon.condition import EVERYTHING
from app.sysmon.evaluate import holds
from app.sysmon.events import Event
from app.sysmon.kinds import Category
from app.sysmon.language import parse
from tests.builders import (
    NOON,
    SYSTEM32,
    dns_query,
    file_create,
    image_load,
    network_connect,
    process_access,
    registry_object,
    registry_value_set,
)
from tests.unit.graph.families import created, guid, stored
from tests.unit.graph.worlds import by, graph, key, labels, only, target

TEMP = "C:\\Users\\alice\\AppData\\Local\\Temp\\"


def files(*paths: str) -> list[Event]:
    return [file_create(**by(1, target_filename=path)) for path in paths]


def images(*names: str, **said: object) -> list[Event]:
    return [image_load(**by(1, image_loaded=SYSTEM32 + name, **said)) for name in names]


def on(number: int, events: Sequence[Event]) -> list[Event]:
    """Return the same events as another computer logs them."""
    return [
        Event(
            time=event.time, computer=f"ws-{number:02}.example", event_id=event.event_id, values=event.values
        )
        for event in events
    ]


def node_of(*events: Event, **spec: Any) -> ProcessNode:
    return target(graph(stored(created(1, None), *events), **spec))


def test_up_to_three_things_of_a_category_stand_alone() -> None:
    node = node_of(*files(*(f"C:\\a\\{n}.txt" for n in range(3))))

    assert labels(node) == ["0.txt", "1.txt", "2.txt"]


def test_more_are_one_group_with_a_count_and_a_reason() -> None:
    values = [registry_value_set(**by(1, target_object=f"HKLM\\k\\v{n}")) for n in (0, 1, 2, 3, 3)]

    (group,) = node_of(*values).activities

    assert (group.label, group.objects, group.count, group.reason) == ("registry", 4, 5, "many alike")
    assert (group.certainty, group.category) == (Certainty.FOLDED, Category.REGISTRY)
    assert group.opens == group.id


def test_files_below_a_temporary_folder_are_counted_together() -> None:
    store_files = [f"{TEMP}{name}" for name in ("a.tmp", "b.tmp", "x\\c.cs", "x\\d.out", "y\\e.err")]

    node = node_of(*files(*store_files, "C:\\Users\\alice\\notes.txt"))

    assert [(a.label, a.objects) for a in node.activities] == [("notes.txt", 1), ("files in Temp", 5)]


def test_files_that_can_be_run_do_not_fold_for_lying_among_many() -> None:
    other = on(2, files("C:\\other.txt"))  # With a second computer, rarity is known.

    node = node_of(*files(*(f"{TEMP}{n}.tmp" for n in range(9)), f"{TEMP}evil.exe"), *other)

    assert labels(node) == ["evil.exe", "files in Temp"]


def test_what_most_computers_have_folds_and_what_one_has_stands_alone() -> None:
    common = images("a.dll", "b.dll", "c.dll", "d.dll")
    rare = images("rare.dll")

    node = node_of(*common, *rare, *on(2, common), *on(3, common))

    assert labels(node) == ["rare.dll", "signed images"]
    group = only(node, "signed images")
    assert (group.objects, group.reason) == (4, "common on most computers")
    rarity = only(node, "rare.dll").rarity
    assert rarity is not None
    assert rarity.computers == 1


def test_nothing_is_rare_where_there_is_one_computer() -> None:
    node = node_of(*images(*(f"{n}.dll" for n in range(5))))

    assert [(a.label, a.objects, a.rarity) for a in node.activities] == [("signed images", 5, None)]


def test_images_without_a_signature_never_fold_among_signed_ones() -> None:
    common = [*images("a.dll", "b.dll", "c.dll", "d.dll"), *images("u.dll", signed="false")]

    node = node_of(*common, *on(2, common), *on(3, common))

    assert labels(node) == ["u.dll", "signed images"]
    assert only(node, "u.dll").is_unsigned


def test_many_common_images_without_a_signature_are_a_group_of_their_own() -> None:
    common = [
        *images(*(f"s{n}.dll" for n in range(5))),
        *images(*(f"u{n}.dll" for n in range(6)), signed="false"),
    ]

    node = node_of(*common, *on(2, common), *on(3, common))

    assert [(a.label, a.objects, a.is_unsigned) for a in node.activities] == [
        ("signed images", 5, False),
        ("unsigned images", 6, True),
    ]


def test_native_images_look_rare_on_each_computer_and_are_alike() -> None:
    native = "C:\\Windows\\assembly\\NativeImages_v4.0.30319_64\\"
    made = [image_load(**by(1, image_loaded=f"{native}S{n}\\{n:032x}\\S{n}.ni.dll")) for n in range(8)]

    node = node_of(*made, *on(2, images("x.dll")))

    (group,) = node.activities
    assert (group.objects, group.reason, group.rare) == (8, "many alike", 8)
    assert group.title.endswith("8 of them on this computer only")


def test_access_to_lsass_stands_alone_however_common_it_is() -> None:
    accesses = [
        process_access(**by(1, target_process_guid=guid(100 + n), target_image=f"{SYSTEM32}{name}.exe"))
        for n, name in enumerate(("lsass", "a", "b", "c", "d"))
    ]

    node = node_of(*accesses, *on(2, accesses), *on(3, accesses))

    assert labels(node) == ["lsass.exe (516)", "accesses"]


def test_a_group_that_was_opened_shows_its_things_and_says_where_they_came_from() -> None:
    keys = [registry_object(**by(1, target_object=f"HKLM\\k{n}")) for n in range(5)]
    (group,) = node_of(*keys).activities

    node = node_of(*keys, opened=frozenset({group.id}))

    assert labels(node) == [f"HKLM\\k{n}" for n in range(5)]
    assert {activity.group for activity in node.activities} == {group.key}


def test_an_opened_group_of_too_many_shows_what_the_budget_allows_and_counts_the_rest() -> None:
    keys = [registry_object(**by(1, target_object=f"HKLM\\k{n:03}")) for n in range(200)]
    (group,) = node_of(*keys).activities

    found = graph(stored(created(1, None), *keys), opened=frozenset({group.id}), budget=50)

    node = target(found)
    assert found.visible == 50
    assert sum(activity.objects for activity in node.activities) == 200
    last = node.activities[-1]
    assert (last.id, last.objects, last.reason) == (group.id, 200 - 48, "budget")


def test_ids_of_groups_stay_when_more_events_come() -> None:
    keys = [registry_object(**by(1, target_object=f"HKLM\\k{n}")) for n in range(9)]

    few, many = node_of(*keys[:5]), node_of(*keys)

    assert few.activities[0].id == many.activities[0].id == f"group:ws-01.example:{guid(1)}:registry:all"


def test_hidden_categories_make_no_nodes_but_are_counted() -> None:
    node = node_of(dns_query(**by(1)), *files("C:\\a.txt"), hidden=frozenset({Category.DNS}))

    assert labels(node) == ["a.txt"]
    assert node.counts[Category.DNS] == 1


def test_a_marked_thing_stands_alone_among_many() -> None:
    keys = [registry_object(**by(1, target_object=f"HKLM\\k{n}")) for n in range(9)]

    node = node_of(*keys, mark="K7")

    assert labels(node) == ["HKLM\\k7", "registry"]
    assert [activity.is_marked for activity in node.activities] == [True, False]


def test_a_scan_of_many_rare_addresses_folds_by_the_budget_and_counts_them_all() -> None:
    peers = [network_connect(**by(1, destination_ip=f"10.0.{n // 256}.{n % 256}")) for n in range(150)]

    found = graph(stored(created(1, None), *peers, *on(2, files("C:\\x"))), budget=40)

    node = target(found)
    assert found.visible == 40
    rest = node.activities[-1]
    assert (rest.label, rest.reason) == ("addresses", "budget")
    assert sum(activity.objects for activity in node.activities) == 150
    assert sum(activity.count for activity in node.activities) == node.counts[Category.NET_ACCESS]


def test_a_budget_that_is_too_small_for_each_category_leaves_a_counter() -> None:
    found = graph(stored(created(1, None), dns_query(**by(1)), *files("C:\\a.txt")), budget=2)

    assert found.visible == 2
    assert labels(target(found)) == ["2 events"]


def test_the_nodes_of_a_process_add_up_to_its_events_whatever_is_folded() -> None:
    chance = random.Random(7)
    events = [
        build(**by(1, **{column: f"C:\\{chance.choice('abcd')}\\{n}.{chance.choice(['txt', 'exe'])}"}))
        for n, (build, column) in zip(
            range(80), [(file_create, "target_filename"), (image_load, "image_loaded")] * 40, strict=False
        )
    ]
    store = stored(created(1, None), *events, *on(2, events[:30]))

    for budget in (3, 10, 100):
        found = graph(store, budget=budget)
        node = target(found)
        assert found.visible <= budget
        assert sum(activity.count for activity in node.activities) == node.events - 1


def test_what_others_did_is_never_counted_among_what_the_process_did() -> None:
    victim = f"{SYSTEM32}a.exe"
    did = [process_access(**by(1, target_process_guid=guid(10 + n), target_image=victim)) for n in range(5)]
    suffered = [process_access(**by(20 + n, target_process_guid=guid(1))) for n in range(6)]

    node = node_of(*did, *suffered)

    own, others = only(node, "accesses"), only(node, "accesses by others")
    assert (own.count, own.stands_alone, node.counts[Category.PROCESS_ACCESS]) == (5, False, 5)
    assert (others.count, others.stands_alone) == (6, True)
    assert all(holds(parse(others.query), event) for event in suffered)
    assert not any(holds(parse(others.query), event) for event in did)


def test_the_query_of_a_group_finds_all_its_events() -> None:
    below = files(*(f"{TEMP}{n}.tmp" for n in range(5)))

    (group,) = node_of(*below, *registry()).activities[:1]

    condition = parse(group.query)
    assert all(holds(condition, event) for event in below)
    assert not any(holds(condition, event) for event in registry())


def registry() -> list[Event]:
    return [registry_object(**by(1, target_object=f"HKLM\\k{n}")) for n in range(9)]


def test_of_many_registry_keys_the_few_values_that_were_set_stand_alone() -> None:
    values = [registry_value_set(**by(1, target_object=f"HKLM\\Run\\v{n}")) for n in range(2)]

    node = node_of(*registry(), *values)

    assert [(activity.label, activity.objects) for activity in node.activities] == [
        ("Run\\v0", 1),
        ("Run\\v1", 1),
        ("registry", 9),
    ]


# Sharing


@pytest.mark.parametrize(
    ("sizes", "limit"), list(product([[1], [5, 1], [9, 9, 9], [1, 2, 100]], [3, 4, 12, 200]))
)
def test_shares_are_within_the_limit_and_nobody_gets_nothing(sizes: list[int], limit: int) -> None:
    shares = shares_of(sizes, limit)

    assert sum(shares) <= limit
    assert all(1 <= share <= size for share, size in zip(shares, sizes, strict=True))
    assert sum(shares) == min(limit, sum(sizes))


def scene(**said: object) -> Scene:
    return Scene(key(1), 1, frozenset(), str)


def thing(name: str, **said: object) -> Thing:
    made = Said(kind="file", identity=name, label=name, value=name, condition=EVERYTHING)
    return Thing(said=made, category=Category.CREATE_FILE, count=1, first=NOON, last=NOON, event_ids={11})


def test_what_is_drawn_does_not_depend_on_the_order_of_the_rows() -> None:
    things = [thing(f"{n:03}") for n in range(30)]
    shuffled = things[:]
    random.Random(1).shuffle(shuffled)

    def drawn(some: list[Thing]) -> list[Activity]:
        plans: list[Plan] = planned(some, scene())
        return fitted(plans, 10, scene())

    assert drawn(things) == drawn(shuffled)
