"""The graph of a process when the log is hostile or huge: still a correct page, and not a large one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from lxml import html

from app.web import links
from tests.builders import (
    NOON,
    create_remote_thread,
    dns_query,
    file_create,
    image_load,
    network_connect,
    process_create,
    registry_value_set,
)
from tests.web.conftest import Add, Get, text_of
from tests.web.hostile import HUGE, MOST_BYTES, TEXTS
from tests.web.test_process_page import PAGE, TARGET, nodes


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_hostile_texts_are_texts(add: Add, client: FlaskClient, text: str) -> None:
    mine: dict[str, Any] = {"process_guid": TARGET, "image": text, "user": text}
    add(
        process_create(**mine, command_line=text, parent_image=text, parent_command_line=text),
        file_create(**mine, target_filename=text),
        registry_value_set(**mine, target_object=text, details=text),
        image_load(**mine, image_loaded=text),
        dns_query(**mine, query_name=text),
        network_connect(**mine, destination_ip=text, destination_hostname=text),
        create_remote_thread(**mine, target_image=text),
    )

    answer = client.get(PAGE)
    page = html.fromstring(answer.data)

    assert answer.status_code == 200
    assert len(answer.data) < MOST_BYTES
    assert not page.xpath("//script[not(@src)]")
    assert not page.xpath("//img")
    assert not [name for element in page.iter() for name in element.attrib if str(name).startswith("on")]
    assert "\u202e" not in answer.get_data(as_text=True)
    assert "\x00" not in answer.get_data(as_text=True)
    for name in nodes(page):
        assert client.get(PAGE, query_string={"sel": name, "part": "pane"}).status_code == 200
    ElementTree.fromstring(client.get(PAGE + ".svg").get_data(as_text=True))
    ElementTree.fromstring(client.get(PAGE + ".graphml").get_data(as_text=True))


def test_a_value_of_a_megabyte_does_not_make_a_large_page(add: Add, client: FlaskClient) -> None:
    add(process_create(process_guid=TARGET, command_line=HUGE, image=HUGE, user=HUGE))

    assert len(client.get(PAGE).data) < MOST_BYTES


def test_a_computer_whose_name_is_too_long_for_links_has_its_graph(add: Add, client: FlaskClient) -> None:
    computer = "n" * 5_000
    add(
        process_create(process_guid=TARGET, computer=computer),
        dns_query(process_guid=TARGET, computer=computer),
    )

    answer = client.get(f"/processes/{computer}/{TARGET}")

    assert answer.status_code == 200
    assert len(answer.data) < MOST_BYTES
    assert "p~" in nodes(html.fromstring(answer.data))


@pytest.mark.parametrize("computer", ["a/b", "a b?c#d", "über", "events", "x.json", "..", "%2e%2e"])
def test_computers_have_any_name(add: Add, get: Get, computer: str) -> None:
    add(process_create(process_guid=TARGET, computer=computer))

    assert computer in text_of(get(links.process(computer, TARGET)), "//h1")


def test_a_page_of_150_nodes_is_smaller_than_300_kilobytes(add: Add, client: FlaskClient) -> None:
    add(
        process_create(process_guid=TARGET, command_line="x" * 3000),
        *(
            process_create(
                time=NOON + timedelta(seconds=number),
                process_guid=f"5c3485a0-{number:04x}-0001-0010-0000000000bb",
                parent_process_guid=TARGET,
                image=f"C:\\Program Files\\Some Vendor\\Product {number}\\program-{number}.exe",
                command_line="y" * 3000,
            )
            for number in range(300)
        ),
        *(
            file_create(
                time=NOON + timedelta(seconds=number),
                process_guid=f"5c3485a0-{number:04x}-0001-0010-0000000000bb",
            )
            for number in range(300)
        ),
    )

    opened = [f"open=p~5c3485a0-{number:04x}-0001-0010-0000000000bb" for number in range(8)]
    for arguments in ("?", "?budget=220", f"?{'&'.join(opened)}", f"?{'&'.join(opened[:5])}&budget=220"):
        answer = client.get(PAGE + arguments)
        assert answer.status_code == 200, arguments
        assert len(answer.data) < MOST_BYTES, arguments
