"""Process graphs of real logs: every known chain, whole sums, and what is known of the intrusion."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from app.graph.correlation import build_correlation
from app.graph.graph_json import to_json, whole
from app.graph.model import Activity, GraphSpec, ProcessGraph, ProcessNode
from app.graph.nodes import NodeKey, parse_guid, process_key
from app.graph.process_graph import build_process_graph
from app.store.port import EventStore
from app.sysmon.condition import Match, Operator, any_of
from app.sysmon.kinds import Category
from app.sysmon.query import EventQuery
from tests.real.test_ground_truth import ACROSS, CHAINS, Case, named

pytestmark = pytest.mark.slow

HR001, IT001 = "HR001.shire.com", "IT001.shire.com"
MSBUILD = "aa6b4a20-7b8d-5ce0-0000-001028031c00"
AGENT = "03ba39f5-50b2-5ce0-0000-00109995c501"
STAGER = "03ba39f5-4cfe-5ce0-0000-00103600c001"


def computer(store: EventStore, host: str) -> str:
    """Return the name under which the computer of a chain is stored."""
    names = sorted(store.info().computers)
    whole_names = [name for name in names if name.lower() == host.lower()]
    return (whole_names or [name for name in names if name.lower().startswith(host.lower() + ".")])[0]


def target(graph: ProcessGraph) -> ProcessNode:
    assert graph.target is not None
    return graph.nodes[graph.target]


def only(node: ProcessNode, label: str) -> Activity:
    (found,) = [activity for activity in node.activities if activity.label == label]
    return found


@pytest.mark.parametrize("case", CHAINS + ACROSS, ids=named)
def test_every_chain_is_in_the_json_of_its_last_process(real_store: EventStore, case: Case) -> None:
    processes = case.known["processes"]
    host, guid = computer(real_store, case.known["host"]), parse_guid(processes[-1]["guid"])

    document = to_json(build_process_graph(real_store, host, guid, whole(GraphSpec())))

    ids = [f"process:{host.lower()}:{parse_guid(process['guid'])}" for process in processes]
    started = {(edge["source"], edge["target"]) for edge in document["edges"] if edge["kind"] == "started"}
    assert document["target"] == ids[-1]
    assert set(pairwise(ids)) <= started


@pytest.mark.parametrize("case", CHAINS + ACROSS, ids=named)
def test_what_is_drawn_adds_up_and_is_within_the_budget(real_store: EventStore, case: Case) -> None:
    host = computer(real_store, case.known["host"])
    guid = parse_guid(case.known["processes"][-1]["guid"])

    graph = build_process_graph(real_store, host, guid, GraphSpec())

    node = target(graph)
    assert graph.visible <= 150
    own = [activity for activity in node.activities if not activity.stands_alone]
    stored = events_of(real_store, host, guid)
    ends = stored[1] + stored[5]
    assert sum(activity.count for activity in own) == stored.total() - ends
    assert node.events == stored.total()


def events_of(store: EventStore, host: str, guid: str) -> Counter[int]:
    """Count all events of a process by ID, in the plainest way."""
    condition = any_of([Match("SubjectProcessGuid", Operator.EQUALS, guid)])
    terms = store.terms(EventQuery(condition=condition, computers=(host,)), "EventId", 100)
    return Counter({int(event_id): count for event_id, count in terms.values})


def test_msbuild_is_the_graph_of_the_drawing(real_store: EventStore) -> None:
    graph = build_process_graph(real_store, IT001, MSBUILD, GraphSpec())

    node = target(graph)
    labels = [activity.label for activity in node.activities]
    peer = only(node, "10.0.10.106:443")
    assert (peer.count, dict(peer.ports)) == (30, {"443": 30})
    assert only(node, "System.Numerics.ni.dll").is_unsigned
    assert only(node, "registry").count == 182
    assert "PowerShell_transcript.IT001.LaixrFJZ.20190518173934.txt" in labels
    assert {process.process.label for process in graph.nodes.values()} == {
        "svchost.exe (716)",
        "WmiPrvSE.exe (2664)",
        "cmd.exe (6732)",
        "MSBuild.exe (5656)",
        "csc.exe (6460)",
        "csc.exe (5924)",
        "cvtres.exe (6456)",
        "cvtres.exe (2076)",
        "whoami.exe (2088)",
    }
    assert len(labels) <= 20


def test_the_agent_that_was_never_logged_shows_its_beacons_its_injection_and_its_subscription(
    real_store: EventStore,
) -> None:
    node = target(build_process_graph(real_store, HR001, AGENT, GraphSpec()))

    assert not node.process.logged
    assert only(node, "notepad.exe (3124)").category is Category.REMOTE_THREAD
    assert only(node, "10.0.10.106:443").count == 287
    assert only(node, "launcher.dll").value == "C:\\Windows\\System32\\launcher.dll"
    wmi = [activity for activity in node.activities if activity.category is Category.WMI]
    assert len(wmi) == 3
    assert all(activity.stands_alone and activity.certainty == "inferred" for activity in wmi)


def test_the_forest_of_the_intrusion_has_both_agents_and_the_tie_to_the_injected_process(
    real_store: EventStore,
) -> None:
    start, end = (datetime(2019, 5, 18, hour, minute, tzinfo=UTC) for hour, minute in ((18, 20), (23, 17)))

    graph = build_correlation(real_store, HR001, start, end, GraphSpec(), target=process_key(HR001, STAGER))

    assert graph.visible <= 150
    assert target(graph).process.process_id == 5172
    ties = [(process_id(graph, edge.source), process_id(graph, edge.target)) for edge in graph.edges]
    assert (5452, 3124) in ties
    assert sum(graph.counts.values()) == with_process(real_store, start, end)
    assert graph.total == len(to_json(build_correlation(
        real_store, HR001, start, end, whole(GraphSpec())
    ))["nodes"])  # fmt: skip


def process_id(graph: ProcessGraph, key: NodeKey) -> int | None:
    return graph.nodes[key].process.process_id


def with_process(store: EventStore, start: datetime, end: datetime) -> int:
    """Count the events of the span that name their process."""
    named_: Any = Match("SubjectProcessGuid", Operator.EXISTS)
    return store.count(EventQuery(condition=named_, start=start, end=end, computers=(HR001,))).value
