"""What machines read of a graph: the contract of ``tree --json``, with activity."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson

from app.graph.correlation import build_correlation
from app.graph.graph_json import to_json, whole
from app.graph.model import GraphSpec
from app.graph.process_graph import build_process_graph
from app.graph.tree import build_tree
from app.store.port import EventStore
from tests.builders import (
    COMPUTER,
    NOON,
    create_remote_thread,
    dns_query,
    file_create,
    network_connect,
    process_access,
    registry_value_set,
    wmi_filter,
)
from tests.unit.graph.families import created, guid, stored
from tests.unit.graph.worlds import by, id_of


def document(store: EventStore, number: int = 1, **spec: Any) -> dict[str, Any]:
    graph = build_process_graph(store, COMPUTER, guid(number), whole(GraphSpec(**spec)))
    read: dict[str, Any] = orjson.loads(orjson.dumps(to_json(graph)))
    return read


def activities(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in document["nodes"] if node["kind"] != "process"]


def test_it_keeps_the_contract_of_the_tree() -> None:
    store = stored(*[created(n, n // 3) for n in range(1, 20)], created(2, 0), created(4, 9), created(1, 5))

    tree, graph = build_tree(store, COMPUTER, guid(4)).to_json(), document(store, 4)

    processes = [node for node in graph["nodes"] if node["kind"] == "process"]
    assert [{name: node[name] for name in tree["nodes"][0]} for node in processes] == tree["nodes"]
    assert [edge for edge in graph["edges"] if edge["kind"] == "started"] == tree["edges"]
    assert (graph["target"], graph["notes"]) == (tree["target"], tree["notes"])
    assert graph["folded"] == tree["folded"] == []


def test_what_the_limit_leaves_out_is_named_as_in_the_tree() -> None:
    store = stored(created(1, None), *[created(n, 1) for n in range(2, 12)])

    tree = build_tree(store, COMPUTER, guid(1), limit=4).to_json()
    graph = build_process_graph(store, COMPUTER, guid(1), whole(GraphSpec()), limit=4)

    assert to_json(graph)["folded"] == tree["folded"]


def test_no_process_is_folded_whatever_the_budget_or_the_reader_says() -> None:
    store = stored(created(1, None), *[created(n, 1, image="C:\\c.exe") for n in range(2, 202)])

    graph = document(store, budget=5, closed=frozenset({f"{id_of(1)}:children", id_of(1)}))

    assert len(graph["nodes"]) == 201
    assert graph["total"] == 201


def test_activity_is_a_node_with_an_edge_from_its_process_and_the_event_as_evidence() -> None:
    peer = network_connect(**by(1))
    store = stored(created(1, None), peer)

    graph = document(store)

    (node,) = activities(graph)
    assert {name: node[name] for name in ("kind", "Category", "label", "count", "objects", "reason")} == {
        "kind": "address",
        "Category": "net_access",
        "label": "192.168.1.200:8080",
        "count": 1,
        "objects": 1,
        "reason": None,
    }
    assert (node["first"], node["last"]) == ("2019-01-08 12:01:00.000", "2019-01-08 12:01:00.000")
    assert node["ports"] == {"8080": 1}
    assert graph["edges"] == [
        {
            "source": id_of(1),
            "target": node["id"],
            "kind": "address",
            "evidence": [str(peer.key)],
            "count": 1,
        }
    ]


def test_several_events_are_counted_without_naming_one() -> None:
    (edge,) = document(stored(created(1, None), dns_query(**by(1)), dns_query(**by(1))))["edges"]

    assert (edge["count"], edge["evidence"]) == (2, [])


def test_b11_a_single_registry_value_brings_its_data() -> None:
    (node,) = activities(document(stored(created(1, None), registry_value_set(**by(1)))))

    assert node["value"] == "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\Update"
    assert node["details"] == {"EventType": "SetValue", "Details": "C:\\Temp\\a.exe"}


def test_groups_say_how_many_things_and_why_and_can_be_opened() -> None:
    store = stored(
        created(1, None), *[file_create(**by(1, target_filename=f"C:\\d\\{n}.txt")) for n in range(9)]
    )

    (group,) = activities(document(store))
    assert (group["folded"], group["objects"], group["reason"], group["kind"]) == (
        True,
        9,
        "many alike",
        "create_file",
    )
    opened = activities(document(store, opened=frozenset({group["id"]})))
    assert [node["value"] for node in opened] == [f"C:\\d\\{n}.txt" for n in range(9)]
    assert all(edge["evidence"] for edge in document(store, opened=frozenset({group["id"]}))["edges"])


def test_an_edge_leads_from_who_did_it() -> None:
    thread = create_remote_thread(**by(9, target_process_guid=guid(1)))
    store = stored(created(1, None), thread, process_access(**by(1)))

    graph = document(store)

    did, suffered = sorted(graph["edges"], key=lambda edge: edge["target"] == id_of(1))
    assert (did["source"], did["kind"]) == (id_of(1), "access")
    assert (suffered["kind"], suffered["evidence"]) == ("thread", [str(thread.key)])


def test_inferred_activity_is_said_to_be_so_and_has_evidence() -> None:
    wmi = wmi_filter(time=NOON + timedelta(seconds=30))
    store = stored(created(1, None), dns_query(**by(1)), wmi)

    graph = document(store)

    (node,) = [node for node in activities(graph) if node["kind"] == "wmi"]
    assert node["inferred"]
    assert [str(wmi.key)] in [edge["evidence"] for edge in graph["edges"]]


def test_counters_are_left_to_the_counts_of_the_processes() -> None:
    graph = document(stored(created(1, None), created(2, 1), dns_query(**by(2))))

    assert activities(graph) == []
    assert [node["counts"] for node in graph["nodes"]] == [
        {"create_process": 1},
        {"dns": 1, "create_process": 1},
    ]


def test_ties_between_processes_are_edges() -> None:
    store = stored(
        created(1, None),
        created(2, 1),
        created(3, 1),
        create_remote_thread(**by(2, target_process_guid=guid(3))),
    )

    assert {
        "source": id_of(2),
        "target": id_of(3),
        "kind": "thread",
        "evidence": [],
        "count": 1,
    } in document(store)["edges"]


def test_it_is_the_same_each_time() -> None:
    store = stored(
        *[created(n, n // 3) for n in range(1, 30)],
        *[file_create(**by(n % 3, target_filename=f"C:\\{n}")) for n in range(50)],
    )

    assert orjson.dumps(document(store)) == orjson.dumps(document(store))


def test_a_forest_has_gaps_and_counts_too() -> None:
    store = stored(created(1, None, time=NOON), dns_query(**by(1, time=NOON + timedelta(minutes=10))))

    graph = build_correlation(store, COMPUTER, NOON, NOON + timedelta(minutes=11), whole(GraphSpec()))

    assert to_json(graph)["gaps"] == [{"from": "2019-01-08 12:00:00.000", "to": "2019-01-08 12:10:00.000"}]
    assert to_json(graph)["counts"] == {"dns": 1, "create_process": 1}
