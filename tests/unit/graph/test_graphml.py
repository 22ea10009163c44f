"""GraphML: what other programs read is what is drawn, whole."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import networkx as nx
import pytest

from app.graph.graphml import to_graphml
from app.graph.model import CrossEdge, ProcessGraph
from app.graph.nodes import node_id
from tests.unit.graph.drawings import graph_of, infected, key, node, parsed, with_texts
from tests.unit.graph.test_svg import HOSTILE


def read(graph: ProcessGraph) -> Any:
    return nx.read_graphml(BytesIO(to_graphml(graph)))


def test_all_nodes_and_edges_are_in_it() -> None:
    graph = infected()

    found = read(graph)

    assert found.number_of_nodes() == graph.visible
    assert found.edges[node_id(key(0)), node_id(key(1))]["kind"] == "started"
    target = found.nodes[node_id(key(1))]
    assert target["ProcessId"] == 1001
    assert target["target"] is True
    assert target["CommandLine"] == "p1.exe /quiet"
    assert found.nodes[node_id(key(2))]["hidden_children"] == 12


def test_edges_between_branches_have_their_kind() -> None:
    edge = CrossEdge(source=key(1), target=key(2), kind="remote_thread", label="into p2", count=3)

    found = read(graph_of(node(0, [1, 2]), node(1), node(2), edges=(edge,)))

    assert found.edges[node_id(key(1)), node_id(key(2))] == {
        "kind": "remote_thread",
        "count": 3,
        "label": "into p2",
        "certainty": "logged",
    }


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_a_log_holds_is_valid_and_whole(text: str) -> None:
    document = to_graphml(with_texts(infected(), text))

    parsed(document)
    assert document == to_graphml(with_texts(infected(), text))


def test_what_xml_can_hold_comes_back_unchanged() -> None:
    text = "<a href='x'>\r\n\t\"&amp;\u202e" + "n" * 30_000

    assert read(with_texts(infected(), text)).nodes[node_id(key(1))]["CommandLine"] == text
