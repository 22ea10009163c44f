"""The page of a process's graph: picture, list, pane, folding, twins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from lxml import html

from app.store.port import EventStore
from app.sysmon.events import Event
from tests.builders import (
    COMPUTER,
    NOON,
    SYSTEM32,
    create_remote_thread,
    dns_query,
    file_create,
    image_load,
    network_connect,
    process_create,
    process_terminate,
    registry_value_set,
)
from tests.web.conftest import Add, Get, text_of

ROOT = "5c3485a0-0000-0000-0010-0000000000aa"
TARGET = "5c3485a0-0000-0000-0010-0000000000bb"
CHILD = "5c3485a0-0000-0000-0010-0000000000cc"
PAGE = f"/processes/{COMPUTER}/{TARGET}"
ENCODED = "powershell.exe -enc dwByAGkAdABlAC0AaABvAHMAdAAgAGgAZQBsAGwAbwA="


def family() -> list[Event]:
    """A script, started by Explorer, that talks to the network and starts one program."""
    mine: dict[str, Any] = {"process_guid": TARGET, "process_id": 5656, "image": "C:\\Temp\\bad.exe"}
    return [
        process_create(**mine, command_line=ENCODED, parent_process_guid=ROOT),
        *(
            network_connect(**mine, destination_ip="10.0.0.9", time=NOON + timedelta(seconds=n))
            for n in range(1, 4)
        ),
        dns_query(**mine, time=NOON + timedelta(seconds=5)),
        image_load(
            **mine, time=NOON + timedelta(seconds=6), image_loaded="C:\\Temp\\odd.dll", signed="false"
        ),
        *(
            file_create(**mine, time=NOON + timedelta(seconds=10), target_filename=f"C:\\Temp\\{n}.dat")
            for n in range(12)
        ),
        registry_value_set(**mine, time=NOON + timedelta(seconds=20)),
        process_create(
            time=NOON + timedelta(seconds=30),
            process_guid=CHILD,
            process_id=7000,
            image=SYSTEM32 + "whoami.exe",
            parent_process_guid=TARGET,
        ),
        create_remote_thread(
            **mine, time=NOON + timedelta(seconds=40), target_process_guid=CHILD, target_process_id=7000
        ),
        process_terminate(time=NOON + timedelta(seconds=50), process_guid=CHILD, process_id=7000),
    ]


@pytest.fixture
def stored(add: Add) -> None:
    add(*family())


def nodes(page: html.HtmlElement) -> dict[str, str]:
    """Return the label of each drawn node by its name."""
    return {
        node.get("data-node"): " ".join(
            "".join(text.itertext()) for text in node.xpath(".//*[local-name()='text']")
        )
        for node in page.xpath("//*[local-name()='a'][@data-node]")
    }


def pane(page: html.HtmlElement) -> html.HtmlElement:
    return page.xpath("//*[@data-pane]")[0]


@pytest.mark.usefixtures("stored")
def test_the_graph_shows_the_process_its_parent_its_child_and_what_it_did(get: Get) -> None:
    page = get(PAGE)

    labels = nodes(page)
    assert text_of(page, "//h1") == f"Process graph of bad.exe (5656) on {COMPUTER}"
    assert labels["p~"].startswith("bad.exe 5656")
    assert labels[f"p~{CHILD}"].startswith("whoami.exe 7000")
    assert labels[f"p~{ROOT}"].startswith("explorer.exe 2280")
    assert "not logged by Sysmon" in labels[f"p~{ROOT}"]
    assert any(label.startswith("10.0.0.9:8080") and "×3" in label for label in labels.values())
    assert any(label.startswith("odd.dll") for label in labels.values())
    assert "12" in next(label for label in labels.values() if label.startswith("files in Temp"))
    assert page.xpath("//*[contains(@class, 'edge--cross')]")


@pytest.mark.usefixtures("stored")
def test_the_same_nodes_are_there_as_a_list(get: Get) -> None:
    page = get(PAGE)

    tree = page.xpath("//*[@id='list']")[0]
    listed = {link.get("href") for link in tree.xpath(".//a") if "sel=" in link.get("href")}
    drawn = {node.get("href") for node in page.xpath("//*[local-name()='a'][@data-node]")}
    assert drawn <= listed
    depth = [len(item.xpath("ancestor::ul")) for item in tree.xpath(".//li")]
    assert depth == [1, 2, 3]
    assert "3 processes" in text_of(tree)


@pytest.mark.usefixtures("stored")
def test_the_pane_shows_the_target_until_something_else_is_picked(get: Get) -> None:
    found = pane(get(PAGE))

    assert text_of(found, ".//h2").startswith("bad.exe 5656")
    assert text_of(found, ".//*[@class='code']") == ENCODED
    assert "write-host hello" in text_of(found, ".//*[contains(@class, 'code--decoded')]")
    deeds = [
        [text_of(cell) for cell in row.xpath("./td")]
        for row in found.xpath(".//table[contains(@class, 'did')]//tr")
    ]
    assert ["Network", "3", "10.0.0.9:8080"] in deeds
    assert ["File create", "12", "files in Temp"] in deeds
    assert ["Process create", "1", "whoami.exe"] in deeds
    assert found.xpath(".//a[@data-go='table']/@href") == [f"{PAGE}/events"]
    assert "ParentImage" in text_of(found, ".//table[@class='fields']")


@pytest.mark.usefixtures("stored")
def test_a_picked_process_is_ringed_and_leads_to_its_own_graph(get: Get) -> None:
    page = get(f"{PAGE}?sel=p~{CHILD}")

    assert text_of(pane(page), ".//h2").startswith("whoami.exe 7000")
    assert page.xpath("//*[@class='ring']/../@data-node") == [f"p~{CHILD}"]
    assert page.xpath("//*[@id='list']//li[contains(@class, 'is-target')]//b/text()") == ["whoami.exe"]
    assert pane(page).xpath(".//a[@data-go='graph']/@href") == [f"/processes/{COMPUTER}/{CHILD}"]
    assert "ended after 20 s" in text_of(pane(page))


@pytest.mark.usefixtures("stored")
def test_a_picked_thing_shows_its_facts_its_events_and_the_search_for_them(get: Get) -> None:
    page = get(PAGE)
    address = next(name for name, label in nodes(page).items() if label.startswith("10.0.0.9"))

    found = pane(get(f"{PAGE}?sel={address}"))

    assert text_of(found, ".//h2") == "10.0.0.9:8080 Parent"
    assert len(found.xpath(".//table[contains(@class, 'did--events')]//tr")) == 3
    search = found.xpath(".//h3[contains(., 'Its events')]//a/@href")[0]
    assert len(get(search).xpath("//table[contains(@class, 'results')]//tbody/tr[not(@class)]")) >= 1
    assert "8080" in text_of(found)


@pytest.mark.usefixtures("stored")
def test_the_pane_comes_alone_for_the_script(client: FlaskClient) -> None:
    answer = client.get(f"{PAGE}?sel=p~{CHILD}&part=pane").get_data(as_text=True)

    assert "<html" not in answer
    assert "whoami.exe" in answer


@pytest.mark.usefixtures("stored")
def test_a_group_unfolds_and_folds_again_by_links(get: Get) -> None:
    page = get(PAGE)
    group = next(name for name, label in nodes(page).items() if label.startswith("files in Temp"))
    unfold = pane(get(f"{PAGE}?sel={group}")).xpath(".//a[. = 'Unfold']/@href")[0]

    opened = get(PAGE + unfold)

    assert sum(".dat" in label for label in nodes(opened).values()) == 12
    thing = next(name for name, label in nodes(opened).items() if label.startswith("0.dat"))
    again = pane(get(f"{PAGE}{unfold}&sel={thing}")).xpath(".//a[contains(., 'Fold it')]/@href")[0]
    assert nodes(get(PAGE + again)) == nodes(page)


@pytest.mark.usefixtures("stored")
def test_all_groups_unfold_at_once_and_fold_again(get: Get) -> None:
    page = get(f"{PAGE}?open=all")

    assert sum(".dat" in label for label in nodes(page).values()) == 12
    fold = page.xpath("//form[@class='toolbar']//a[contains(., 'Fold')]/@href")[0]
    assert nodes(get(PAGE + fold)) == nodes(get(PAGE))


@pytest.mark.usefixtures("stored")
def test_the_target_folds_and_another_process_opens(get: Get) -> None:
    page = get(PAGE)

    folded = get(PAGE + toggle(page))

    assert len(nodes(folded)) < len(nodes(page))
    assert nodes(get(PAGE + toggle(folded))) == nodes(page)
    assert f"open=p~{CHILD}" in toggle(get(f"{PAGE}?sel=p~{CHILD}"))


def toggle(page: html.HtmlElement) -> str:
    """Return the address that folds or unfolds what the picked process did."""
    return str(pane(page).xpath(".//a[contains(., 'what it did')]/@href")[0])


@pytest.mark.usefixtures("stored")
def test_kinds_are_switched_off_and_on_by_links(get: Get) -> None:
    page = get(PAGE)
    switch = page.xpath("//a[contains(@class, 'kind c-network')]")[0]
    assert switch.get("aria-pressed") == "true"
    assert text_of(switch) == "Network 3"

    without = get(PAGE + switch.get("href"))

    assert not [label for label in nodes(without).values() if "10.0.0.9" in label]
    switch = without.xpath("//a[contains(@class, 'kind c-network')]")[0]
    assert switch.get("aria-pressed") == "false"
    assert nodes(get(PAGE + switch.get("href"))) == nodes(page)


@pytest.mark.usefixtures("stored")
def test_a_range_keeps_the_processes_and_leaves_out_what_is_not_in_it(get: Get) -> None:
    page = get(f"{PAGE}?from=2019-01-08T12:00:00&to=2019-01-08T12:00:04&hide=dns&mark=bad")

    assert page.xpath("//input[@name='from']/@value") == ["2019-01-08T12:00:00"]
    assert page.xpath("//input[@name='hide']/@value") == ["dns"]
    assert f"p~{CHILD}" in nodes(page)
    assert not [label for label in nodes(page).values() if "odd.dll" in label]
    assert "whole range" in text_of(page, "//form[@class='toolbar']").lower()


@pytest.mark.usefixtures("stored")
def test_a_range_of_one_request_is_not_kept_for_the_next(get: Get) -> None:
    """Old fault: the range was kept in the process, so everybody's next graph had it."""
    whole = nodes(get(PAGE))

    get(f"{PAGE}?from=2019-01-08T12:00:00&to=2019-01-08T12:00:01")

    assert nodes(get(PAGE)) == whole


@pytest.mark.usefixtures("stored")
def test_a_word_and_a_hash_are_highlighted(get: Get) -> None:
    page = get(f"{PAGE}?mark=ODD.dll")

    marked = page.xpath("//*[local-name()='a'][contains(@class, 'node--marked')]")
    assert len(marked) == 1
    assert "odd.dll" in text_of(marked[0])


@pytest.mark.usefixtures("stored")
def test_a_small_budget_folds_and_says_so(get: Get) -> None:
    page = get(f"{PAGE}?budget=3")

    assert len(nodes(page)) <= 4
    assert "folded" in text_of(page, "//*[@class='honesty']")


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("from=yesterday", "'yesterday' is not a time"),
        ("from=2019-02-01&to=2019-01-01", "ends before it starts"),
        ("budget=many", "'many' is not a number of nodes"),
        ("budget=0", "1 to 220"),
        ("budget=99999999999999999999", "1 to 220"),
        ("hide=cats", "no kind of event 'cats'"),
        ("mark=" + "x" * 201, "more than 200 characters"),
        ("open=" + "x" * 2000, "names a node"),
        ("&".join(f"open=p~{number}" for number in range(60)), "60 nodes are opened"),
        ("&".join(f"open=p~{CHILD}{number}" for number in range(30)), "too many for a graph of 150"),
    ],
)
def test_a_wrong_argument_is_named_and_the_page_keeps_what_was_typed(
    client: FlaskClient, arguments: str, words: str
) -> None:
    answer = client.get(f"{PAGE}?{arguments}")

    page = html.fromstring(answer.data)
    assert answer.status_code == 400
    assert words in text_of(page, "//*[@role='alert']")
    assert "p~" in nodes(page)
    if arguments.startswith("from="):
        assert page.xpath("//input[@name='from']/@value") == [arguments[5:].split("&")[0]]
    twin = client.get(f"{PAGE}.json?{arguments}")
    assert twin.status_code == 400
    assert words in twin.json["error"]["message"]  # type: ignore[index]


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("sel", ["nothing", "p~5c3485a0-ffff-0000-0010-0000000000ff", "~", "a:b:c", "%00"])
def test_a_pick_of_what_is_not_drawn_shows_the_target(get: Get, sel: str) -> None:
    assert text_of(pane(get(f"{PAGE}?sel={sel}")), ".//h2").startswith("bad.exe")


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("twin", ["", ".json", ".svg", ".graphml", "/events"])
def test_other_spellings_of_the_guid_lead_to_the_one_address(client: FlaskClient, twin: str) -> None:
    answer = client.get(f"/processes/{COMPUTER}/{{{TARGET.upper()}}}{twin}?budget=7&computer=x")

    assert answer.status_code == 308
    assert answer.headers["Location"] == f"{PAGE}{twin}?budget=7&computer=x"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/processes/{COMPUTER}/not-a-guid", 400),
        (f"/processes/{COMPUTER}/00000000-0000-0000-0000-000000000000", 400),
        (f"/processes/{COMPUTER}/{ROOT[:-2]}ff", 404),
        (f"/processes/nowhere/{TARGET}", 404),
    ],
)
@pytest.mark.usefixtures("stored")
def test_a_process_that_nothing_speaks_of_is_not_found(client: FlaskClient, path: str, status: int) -> None:
    answer = client.get(path)

    page = html.fromstring(answer.data)
    assert answer.status_code == status
    assert len(text_of(page, "//*[@role='alert']")) > 40


def test_in_an_empty_store_the_page_says_to_import_logs(client: FlaskClient) -> None:
    answer = client.get(PAGE)

    assert answer.status_code == 404
    assert "import" in text_of(html.fromstring(answer.data), "//*[@role='alert']")


def test_a_store_that_is_down_is_said_to_be(down: FlaskClient) -> None:
    for twin in ("", ".json", ".svg", "/events"):
        assert down.get(PAGE + twin).status_code == 503, twin


def test_a_process_known_only_from_its_child_has_a_graph(add: Add, get: Get) -> None:
    add(process_create(parent_process_guid=ROOT))

    page = get(f"/processes/{COMPUTER}/{ROOT}")

    assert "Not logged by Sysmon" in text_of(pane(page))
    assert "C:\\Windows\\Explorer.EXE" in text_of(pane(page), ".//*[contains(@class, 'code--derived')]")


@pytest.mark.usefixtures("stored")
def test_the_json_twin_is_the_tree_with_activity(client: FlaskClient) -> None:
    document = client.get(PAGE + ".json").json

    assert document is not None
    assert document["target"].endswith(TARGET)
    kinds = {node["kind"] for node in document["nodes"]}
    assert {"process", "address", "dns"} <= kinds


@pytest.mark.usefixtures("stored")
def test_the_picture_is_a_file_of_its_own(client: FlaskClient) -> None:
    answer = client.get(PAGE + ".svg")

    root = ElementTree.fromstring(answer.get_data(as_text=True))
    assert answer.content_type == "image/svg+xml; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="process-{TARGET}.svg"'
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.find("{http://www.w3.org/2000/svg}style") is not None
    assert client.get(PAGE + ".svg").data == answer.data


@pytest.mark.usefixtures("stored")
def test_graphml_has_what_is_drawn(client: FlaskClient) -> None:
    answer = client.get(PAGE + ".graphml")

    root = ElementTree.fromstring(answer.get_data(as_text=True))
    assert len(root.findall(".//{*}node")) == len(nodes(html.fromstring(client.get(PAGE).data)))


def test_a_graph_is_asked_for_again_once_something_new_is_stored(
    store: EventStore, add: Add, get: Get
) -> None:
    add(process_create(process_guid=TARGET))
    assert len(nodes(get(PAGE))) == 2

    add(process_create(process_guid=CHILD, parent_process_guid=TARGET))

    assert f"p~{CHILD}" in nodes(get(PAGE))
