"""The address of a process whose computer is not known."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from tests.builders import COMPUTER, create_remote_thread, dns_query, process_create
from tests.web.conftest import Add, Get, text_of

GUID = "5c3485a0-0000-0000-0010-0000000000bb"
PARENT = "5c3485a0-0000-0000-0010-0000000000aa"
OTHER = "ws-02.example"


@pytest.mark.parametrize(
    "spelling",
    [GUID, GUID.upper(), "{" + GUID.upper() + "}", quote("{" + GUID.upper() + "}", safe="")],
)
def test_a_guid_of_one_computer_leads_to_its_graph(client: FlaskClient, add: Add, spelling: str) -> None:
    add(process_create(process_guid=GUID), dns_query(process_guid=GUID))

    answer = client.get(f"/processes/{spelling}")

    assert answer.status_code == 302
    assert answer.location == f"/processes/{COMPUTER}/{GUID}"
    assert client.get(answer.location).status_code == 200


@pytest.mark.parametrize("role", ["parent_process_guid", "process_guid"])
def test_a_process_that_others_name_only_is_found(client: FlaskClient, add: Add, role: str) -> None:
    add(process_create(process_guid=GUID, parent_process_guid=PARENT))
    wanted = PARENT if role == "parent_process_guid" else GUID

    answer = client.get(f"/processes/{wanted}", follow_redirects=True)

    assert answer.status_code == 200
    assert answer.request.path == f"/processes/{COMPUTER}/{wanted}"


def test_a_target_leads_to_the_page_of_its_computer(client: FlaskClient, add: Add) -> None:
    add(create_remote_thread(process_guid=PARENT, target_process_guid=GUID))

    answer = client.get(f"/processes/{GUID}", follow_redirects=True)

    assert answer.request.path == f"/processes/{COMPUTER}/{GUID}"
    assert answer.status_code == 200


def test_spellings_of_one_computer_are_one(client: FlaskClient, add: Add) -> None:
    add(process_create(process_guid=GUID), dns_query(process_guid=GUID, computer=COMPUTER.upper()))

    assert client.get(f"/processes/{GUID}").status_code == 302


def test_several_computers_are_listed_to_choose_from(get: Get, add: Add) -> None:
    add(
        process_create(process_guid=GUID),
        dns_query(process_guid=GUID),
        process_create(process_guid=GUID, computer=OTHER),
    )

    page = get(f"/processes/{GUID}")

    cells = [[text_of(cell) for cell in row] for row in page.xpath("//tbody/tr")]
    assert cells == [[COMPUTER, "2"], [OTHER, "1"]]
    assert page.xpath("//tbody//a/@href") == [f"/processes/{COMPUTER}/{GUID}", f"/processes/{OTHER}/{GUID}"]
    assert page.xpath("//link[@rel='alternate']/@href") == [f"/processes/{GUID}.json"]


def test_machines_get_the_same(client: FlaskClient, add: Add) -> None:
    add(process_create(process_guid=GUID), process_create(process_guid=GUID, computer=OTHER))

    answer = client.get(f"/processes/{quote('{' + GUID.upper() + '}')}.json")

    assert answer.json == {
        "process_guid": GUID,
        "computers": [
            {"computer": name, "events": 1, "address": f"/processes/{name}/{GUID}"}
            for name in (COMPUTER, OTHER)
        ],
        "left_out": 0,
    }


def test_a_name_that_wants_to_be_markup_or_another_place_is_a_name(get: Get, add: Add) -> None:
    hostile = ["<script>alert(1)</script>", "//evil.example", "a\r\nb", "javascript:alert(1)"]
    add(*(process_create(process_guid=GUID, computer=name) for name in hostile))

    page = get(f"/processes/{GUID}")

    assert not page.xpath("//table//script")
    hrefs = page.xpath("//tbody//a/@href")
    assert len(hrefs) == len(hostile)
    assert all(href.startswith("/processes/") and not href.startswith("/processes//") for href in hrefs)


def test_an_unknown_guid_says_what_to_do(client: FlaskClient, add: Add) -> None:
    add(process_create())
    unknown = "5c3485a0-0000-0000-0010-00000000dead"

    answer = client.get(f"/processes/{unknown}")

    assert answer.status_code == 404
    assert f"No event of the process {unknown} is stored" in answer.get_data(as_text=True)
    assert client.get(f"/processes/{unknown}.json").status_code == 404


@pytest.mark.parametrize("text", ["nonsense", "00000000-0000-0000-0000-000000000000", "%7B%7D"])
def test_what_is_no_guid_is_said_to_be_none(client: FlaskClient, text: str) -> None:
    assert client.get(f"/processes/{text}").status_code == 400
    assert client.get(f"/processes/{text}.json").status_code == 400


def test_a_computer_of_any_name_keeps_its_graphs(client: FlaskClient, add: Add) -> None:
    add(process_create(process_guid=GUID, computer="processes"))

    assert client.get(f"/processes/{GUID}", follow_redirects=True).status_code == 200
