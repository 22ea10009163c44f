"""The picture of a graph: valid whatever a log holds, the same bytes always, small."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from app.graph import svg_style
from app.graph.layout import lay_out
from app.graph.minimap import draw_minimap
from app.graph.model import CrossEdge, ProcessGraph
from app.graph.shapes import KEYS
from app.graph.svg import draw
from app.web.formats import CATEGORIES
from tests.unit.graph.drawings import (
    COMPUTER,
    activity,
    chain,
    folded,
    forest,
    graph_of,
    guid,
    infected,
    key,
    node,
    parsed,
    process,
    seen_once,
    with_texts,
)

ROOT = Path(__file__).parents[3]
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    '"\' onload=alert(1) x="',
    "a\x00b\x1b[31mc\x7fd",
    "cod\u202egpj.exe",
    "\ud800\udfff\ufffe\uffff",
    "]]>&amp;<!--",
    "n" * 30_000 + ".exe",
    "名前" * 9_000,
    "\u0301" * 30_000,
    "\n\t\r",
    "",
]


def link(id_: str) -> str:
    return f"?sel={id_}"


def unfold(id_: str) -> str:
    return f"?open={id_}&x=1"


def picture(graph: ProcessGraph, *, selected: str = "", standalone: bool = False) -> str:
    return draw(lay_out(graph), link=link, unfold=unfold, selected=selected, standalone=standalone)


def texts(svg: str) -> list[str]:
    return ["".join(str(part) for part in text.itertext()) for text in parsed(svg).iter("{*}text")]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("standalone", [True, False])
def test_whatever_a_log_holds_is_text(text: str, *, standalone: bool) -> None:
    graph = with_texts(infected(), text)

    svg = picture(graph, standalone=standalone)

    root = parsed(svg)
    allowed = {"svg", "a", "g", "title", "path", "rect", "text", "tspan", "use", "style", "defs"}
    allowed |= {"symbol", "circle", "pattern", "marker"}
    assert {etree.QName(each).localname for each in root.iter()} <= allowed
    assert not [name for each in root.iter() for name in each.attrib if str(name).startswith("on")]
    assert len(svg) < 60_000
    assert "\u202e" not in svg
    assert svg.isprintable() or not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", svg)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_any_text_gives_valid_xml(text: str) -> None:
    parsed(picture(with_texts(infected(), text), standalone=True))


def test_names_that_are_too_long_keep_their_end() -> None:
    named = process(0, image="C:\\" + "x" * 5000 + "\\" + "y" * 5000 + "setup.exe")

    shown = texts(picture(graph_of(node(0, process=named))))[0]

    assert shown.endswith("setup.exe")
    assert "…" in shown
    assert len(shown) < 40


def test_a_picture_of_150_nodes_is_smaller_than_150_kilobytes() -> None:
    said = process(0, command_line="powershell -enc " + "A" * 9000).command_line
    parents: dict[int, int | None] = {number: (number - 1) // 3 if number else None for number in range(75)}
    graph = forest(parents, dict.fromkeys(parents, 1))
    nodes = {
        name: replace(each, process=replace(each.process, command_line=said))
        for name, each in graph.nodes.items()
    }

    svg = picture(replace(graph, nodes=nodes))

    assert replace(graph, nodes=nodes).visible == 150
    assert len(svg.encode()) < 150_000


def test_nodes_are_links_with_their_ids() -> None:
    graph = infected()

    root = parsed(picture(graph))

    ids = {each.get("data-node") for each in root.iter("a")}
    assert {each.id for each in graph.nodes.values()} <= ids
    assert {each.id for each in graph.nodes[key(1)].activities} <= ids
    target = root.xpath(f"//a[@data-node='{graph.nodes[key(1)].id}']")[0]
    assert target.get("href") == f"?sel={graph.nodes[key(1)].id}"
    assert "node--target" in target.get("class")


def test_what_folds_carries_the_name_of_what_unfolds_it() -> None:
    group = folded(0, 1, 50, opens="file:x")
    opened = activity(0, 2, group=("group", "y"))

    root = parsed(picture(graph_of(node(0, hidden_children=3, activities=(group, opened)))))

    names = {each.get("data-node"): each.get("data-unfold") for each in root.iter("a")}
    assert names[group.id] == "file:x"
    assert names[opened.id] == "group:y"
    assert names[node(0).id] == ""
    hidden = root.xpath("//a[contains(@data-node, ':children')]")[0]
    assert hidden.get("href") == f"?open={node(0).id}:children&x=1"


def test_the_picked_node_has_the_ring() -> None:
    graph = infected()
    picked = graph.nodes[key(1)].activities[0]

    root = parsed(picture(graph, selected=picked.id))

    (ring,) = root.xpath("//*[@class='ring']")
    assert ring.getparent().get("data-node") == picked.id


def test_how_something_is_known_is_a_class_and_words() -> None:
    root = parsed(picture(infected()))

    def classes(name: str) -> list[str]:
        return [str(each) for each in root.xpath(f"//a[contains(@class, '{name}')]/title/text()")]

    assert "Not logged by Sysmon" in classes("node--unlogged")[0]
    assert len(classes("node--inferred")) == 1
    assert "Folded: many alike" in classes("node--folded")[0]
    assert root.xpath("//*[contains(@class, 'edge--spine')]")
    assert root.xpath("//*[contains(@class, 'edge--folded')]")


def test_counts_and_rarity_are_written_on_the_nodes() -> None:
    shown = texts(picture(infected()))

    assert "1,234" in shown
    assert "1/7" in shown
    assert "12" in shown
    assert texts(picture(graph_of(node(0, activities=(activity(0, 1, count=283),)))))[-1] == "×283"


def test_what_is_highlighted_has_a_class_of_its_own() -> None:
    graph = graph_of(node(0, is_marked=True, activities=(activity(0, 1, is_marked=True),)))

    assert len(parsed(picture(graph)).xpath("//a[contains(@class, 'node--marked')]")) == 2


def test_edges_between_branches_say_what_they_are() -> None:
    edge = CrossEdge(source=key(1), target=key(2), kind="thread", label="thread", count=3)
    svg = picture(graph_of(node(0, [1, 2]), node(1), node(2), edges=(edge,)))

    assert parsed(svg).xpath("//*[contains(@class, 'edge--cross')]/title/text()") == [
        "Remote thread: p1.exe (1001) → p2.exe (1002)\n3 events"
    ]


def test_a_file_of_its_own_has_styles_and_symbols_and_no_links() -> None:
    root = parsed(picture(infected(), standalone=True))

    used = {each.get("href") for each in root.iter(f"{SVG}use")}
    there = {f"#{each.get('id')}" for each in root.iter() if each.get("id")}
    assert used <= there
    assert root.find(f"{SVG}style") is not None
    assert not list(root.iter(f"{SVG}a"))
    assert not list(root.iter(f"{SVG}script"))
    assert "http" not in re.sub(r'xmlns="[^"]*"', "", picture(infected(), standalone=True))


def test_styles_and_symbols_are_those_of_the_pages() -> None:
    tokens = (ROOT / "static/css/tokens.css").read_text("utf-8")
    light = dict(re.findall(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6})", tokens))
    icons = (ROOT / "static/icons.svg").read_text("utf-8")

    assert {name: light[f"cat-{name}"] for name in svg_style.COLOURS} == svg_style.COLOURS
    assert {name: light[name] for name in svg_style.INKS} == svg_style.INKS
    assert not [symbol for symbol in svg_style.SYMBOLS if symbol not in icons]
    assert {category: key for category, (key, _) in CATEGORIES.items()} == KEYS


def test_the_same_graph_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "from tests.unit.graph.test_svg import picture; from tests.unit.graph.drawings import infected;"
        "import sys; sys.stdout.buffer.write(picture(infected(), standalone=True).encode())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]

    assert runs[0] == runs[1] == picture(infected(), standalone=True).encode()


def test_a_chain_of_thousands_can_be_drawn() -> None:
    assert (
        len(parsed(picture(chain(5000), standalone=True)).xpath("//*[contains(@class, 'c-process')]")) == 5000
    )


def test_bands_say_what_is_in_them() -> None:
    graph = graph_of(node(0), node(1), node(2), roots=[0], quiet=(key(1), key(2)))

    bands = [text for text in texts(picture(graph)) if "nodes in" in text]

    assert len(bands) == 2
    assert "2 nodes in 2 trees" in bands[1]


def test_the_map_has_a_rectangle_for_each_node() -> None:
    graph = infected()

    root = parsed(draw_minimap(lay_out(graph)))

    assert sum(str(path.get("d")).count("M") for path in root.iter("path")) == graph.visible + 1
    assert root.xpath("//rect[@class='mm-view']")


def test_a_process_without_an_image_is_named_in_words() -> None:
    nameless = process(0, image=None, process_id=None, user=None, command_line=None)

    assert texts(picture(graph_of(node(0, process=nameless))))[:2] == ["no Image", "?"]


def test_a_rare_thing_has_the_mark_only_where_there_are_other_computers() -> None:
    rare = activity(0, 1, rarity=seen_once())

    assert 'href="#r-1"' in picture(graph_of(node(0, activities=(rare,))))
    assert 'href="#r-1"' not in picture(graph_of(node(0, activities=(rare,)), computers=1))


def test_the_drawn_graph_is_of_this_computer() -> None:
    assert guid(1) in infected().nodes[key(1)].id
    assert parsed(picture(infected())).get("aria-label") == f"Process graph of p1.exe (1001) on {COMPUTER}"
