"""The table of all events of a process: its whole life, page by page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from lxml import html

from app.web.process_events import SIZE
from tests.builders import COMPUTER, NOON, file_create, process_access, process_create, process_terminate
from tests.web.conftest import Add, Get, text_of
from tests.web.hostile import MOST_BYTES, TEXTS

GUID = "5c3485a0-0000-0000-0010-0000000000bb"
PAGE = f"/processes/{COMPUTER}/{GUID}/events"


def rows(page: html.HtmlElement) -> list[str]:
    return [
        " ".join(row.text_content().split())
        for row in page.xpath("//table//tbody/tr[not(contains(@class, 'day') or contains(@class, 'gaprow'))]")
    ]


def test_all_events_of_the_process_stand_in_the_order_of_time(add: Add, get: Get) -> None:
    add(
        process_create(process_guid=GUID),
        file_create(process_guid=GUID, time=NOON + timedelta(seconds=5)),
        process_access(process_guid=GUID, time=NOON + timedelta(seconds=7)),
        process_terminate(process_guid=GUID, time=NOON + timedelta(seconds=9)),
        file_create(time=NOON + timedelta(seconds=6)),
    )

    page = get(PAGE)

    assert text_of(page, "//h1") == f"All events of cmd.exe (3120) on {COMPUTER}"
    assert [row.split()[1] for row in rows(page)] == ["1", "11", "10", "5"]
    assert "4 events" in text_of(page, "//h2")


def test_a_life_of_several_days_is_whole(add: Add, get: Get) -> None:
    """Old fault: only the events of one UTC day were read."""
    add(
        process_create(process_guid=GUID),
        *(file_create(process_guid=GUID, time=NOON + timedelta(days=day)) for day in (1, 2, 400)),
    )

    page = get(PAGE)

    assert len(rows(page)) == 4
    assert len(page.xpath("//tr[@class='day']")) == 4


def test_pages_follow_each_other_without_a_gap_or_a_repeat(add: Add, get: Get) -> None:
    add(
        *(file_create(process_guid=GUID, time=NOON, target_filename=f"C:\\{n}.txt") for n in range(SIZE + 20))
    )

    first = get(PAGE)
    following = get(PAGE + first.xpath("//a[@rel='next']/@href")[0])

    assert len(rows(first)) == SIZE
    assert len(rows(following)) == 20
    assert not set(rows(first)) & set(rows(following))
    assert not following.xpath("//a[@rel='next']")
    assert rows(get(PAGE + following.xpath("//a[contains(., 'beginning')]/@href")[0])) == rows(first)


def test_the_order_can_be_turned_round(add: Add, get: Get) -> None:
    add(process_create(process_guid=GUID), file_create(process_guid=GUID, time=NOON + timedelta(seconds=5)))

    page = get(PAGE)
    turned = get(PAGE + page.xpath("//a[contains(., 'Newest first')]/@href")[0])

    assert [row.split()[1] for row in rows(turned)] == ["11", "1"]


def test_the_page_leads_to_the_graph_and_to_a_search(add: Add, get: Get) -> None:
    add(process_create(process_guid=GUID))

    page = get(PAGE)

    assert page.xpath("//a[contains(., 'Process graph')]/@href")[-1] == f"/processes/{COMPUTER}/{GUID}"
    search = get(page.xpath("//a[contains(., 'search')]/@href")[-1])
    assert len(rows(search)) >= 1


@pytest.mark.parametrize(
    ("arguments", "status"), [("?order=sideways", 400), ("?after=nonsense", 400), ("?unknown=1", 200)]
)
def test_wrong_arguments_are_refused(add: Add, client: FlaskClient, arguments: str, status: int) -> None:
    add(process_create(process_guid=GUID))

    assert client.get(PAGE + arguments).status_code == status


def test_a_process_without_events_is_not_found(add: Add, client: FlaskClient) -> None:
    add(process_create(parent_process_guid=GUID))

    answer = client.get(PAGE)

    assert answer.status_code == 404
    assert "its graph shows them" in text_of(html.fromstring(answer.data), "//*[@role='alert']")
    assert client.get(PAGE.replace("bb/", "ff/")).status_code == 404


def test_a_store_that_is_down_is_said_to_be(down: FlaskClient) -> None:
    assert down.get(PAGE).status_code == 503


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_hostile_texts_are_texts(add: Add, client: FlaskClient, text: str) -> None:
    add(
        process_create(process_guid=GUID, image=text, command_line=text, user=text),
        *(
            file_create(
                process_guid=GUID,
                image=text,
                target_filename=text,
                user=text,
                time=NOON + timedelta(seconds=n),
            )
            for n in range(SIZE)
        ),
    )

    answer = client.get(PAGE)

    assert answer.status_code == 200
    assert len(answer.data) < MOST_BYTES
    assert not html.fromstring(answer.data).xpath("//script[not(@src)] | //img")
    assert "\u202e" not in answer.get_data(as_text=True)


def test_machines_read_the_events_page_by_page(client: FlaskClient, add: Add) -> None:
    add(*(file_create(process_guid=GUID, record_id=n, time=NOON + timedelta(seconds=n)) for n in range(150)))
    address = f"{PAGE}.json"

    first = client.get(address).json
    assert first is not None
    rest = client.get(f"{address}?after={first['next']}").json

    assert rest is not None
    assert first["total"] == {"value": 150, "exact": True}
    assert [len(first["events"]), len(rest["events"]), rest["next"]] == [100, 50, None]
    assert first["events"][0]["Time"] < rest["events"][0]["Time"]
