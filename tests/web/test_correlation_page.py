"""The graph of the hour before and after an event: exact to the microsecond, on the record times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from lxml import html

from app.web import links
from tests.builders import COMPUTER, NOON, SYSTEM32, event, network_connect, process_create
from tests.web.conftest import Add, Get, text_of
from tests.web.hostile import MOST_BYTES, TEXTS

HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)


def guid(number: int) -> str:
    return f"5c3485a0-{number:04x}-0002-0010-0000000000dd"


def names(page: html.HtmlElement) -> set[str]:
    return {str(name) for name in page.xpath("//*[local-name()='a'][@data-node]/@data-node")}


@pytest.fixture
def address(add: Add) -> str:
    """The address of the graph around a process creation, with neighbours at the window's very ends."""
    times = (-HOUR - MOMENT, -HOUR, timedelta(), HOUR, HOUR + MOMENT)
    creations = [
        process_create(
            time=NOON + time,
            process_guid=guid(number),
            parent_process_guid=guid(100 + number),
            image=f"{SYSTEM32}p{number}.exe",
        )
        for number, time in enumerate(times)
    ]
    other = process_create(time=NOON, process_guid=guid(50), computer="other.example")
    add(*creations, other)
    return links.event_correlation(creations[2].key)


def test_all_processes_of_the_computer_in_the_hour_are_there_and_the_event_s_own_is_picked(
    get: Get, address: str
) -> None:
    page = get(address)

    assert "p~" in names(page)
    assert page.xpath("//*[@class='ring']/../@data-node") == ["p~"]
    assert text_of(page, "//*[@data-pane]//h2").startswith("p2.exe")
    assert text_of(page, "//h1") == f"Correlation graph of {COMPUTER}, 2019-01-08 11:00–13:00"
    assert f"p~{guid(50)}" not in names(page)


def test_the_hour_is_exact_to_the_microsecond_at_both_ends(get: Get, address: str) -> None:
    drawn = names(get(address))

    assert {f"p~{guid(1)}", f"p~{guid(3)}"} <= drawn
    assert not {f"p~{guid(0)}", f"p~{guid(4)}"} & drawn


def test_the_hour_is_centred_on_the_record_time_though_utc_time_is_days_off(add: Add, get: Get) -> None:
    """Old fault: links from rows whose UtcTime lay in another day led to the wrong window."""
    off = process_create(time=NOON, utc_time=NOON - timedelta(days=11), process_guid=guid(1))
    near = process_create(
        time=NOON + timedelta(minutes=59), process_guid=guid(2), parent_process_guid=guid(3)
    )
    add(off, near)

    page = get(links.event_correlation(off.key))

    assert f"p~{guid(2)}" in names(page)
    assert "11:00–13:00" in text_of(page, "//h1")


def test_an_event_in_the_first_hour_of_a_day_has_the_hour_before_midnight_too(add: Add, get: Get) -> None:
    """Old fault: the day of the window's start was taken for the event's day."""
    midnight = datetime(2019, 1, 9, tzinfo=UTC)
    late = process_create(
        time=midnight - timedelta(minutes=20), process_guid=guid(1), parent_process_guid=guid(9)
    )
    early = process_create(
        time=midnight + timedelta(minutes=20), process_guid=guid(2), parent_process_guid=guid(8)
    )
    add(late, early)

    page = get(links.event_correlation(early.key))

    assert {f"p~{guid(1)}", "p~"} <= names(page)
    assert text_of(page, "//h1").endswith("2019-01-08 23:20–2019-01-09 01:20")


def test_a_range_that_is_given_replaces_the_hour_and_only_for_this_request(get: Get, address: str) -> None:
    """Old faults: a range was kept for everybody's next graph, and a second one was put behind the first."""
    whole = names(get(address))

    wide = get(f"{address}?from=2019-01-08T09:00&to=2019-01-08T15:00")

    assert {f"p~{guid(number)}" for number in (0, 1, 3, 4)} <= names(wide)
    assert wide.xpath("//input[@name='from']/@value") == ["2019-01-08T09:00"]
    assert wide.xpath("//form[@class='toolbar']/@action") == []
    assert not [
        name
        for name in wide.xpath("//form[@class='toolbar']//input[@type='hidden']/@name")
        if name in {"from", "to"}
    ]
    assert names(get(address)) == whole


def test_a_time_with_milliseconds_is_a_time(get: Get, address: str) -> None:
    """Old fault: a date of 23 characters made the range invalid."""
    page = get(f"{address}?from=2019-01-08 11:59:59.999&to=2019-01-08 12:00:00.001")

    assert names(page) >= {"p~"}
    assert f"p~{guid(1)}" not in names(page)


def test_wrong_arguments_are_named_and_kept(client: FlaskClient, address: str) -> None:
    answer = client.get(f"{address}?from=noon")

    page = html.fromstring(answer.data)
    assert answer.status_code == 400
    assert "'noon' is not a time" in text_of(page, "//*[@role='alert']")
    assert page.xpath("//input[@name='from']/@value") == ["noon"]
    assert client.get(f"{address}.json?from=noon").status_code == 400


def test_what_is_on_other_computers_too_stands_in_a_band_of_its_own(add: Add, get: Get) -> None:
    common = [
        process_create(
            time=NOON + timedelta(minutes=number),
            process_guid=guid(number),
            parent_process_guid=guid(200 + number),
            image=f"{SYSTEM32}common.exe",
        )
        for number in range(5)
    ]
    elsewhere = process_create(computer="other.example", image=f"{SYSTEM32}common.exe")
    rare = process_create(process_guid=guid(70), parent_process_guid=guid(71), image="C:\\rare.exe")
    add(*common, elsewhere, rare)

    page = get(links.event_correlation(rare.key))

    heads = [text_of(head) for head in page.xpath("//*[local-name()='text'][@class='band-t']")]
    assert len(heads) == 2
    assert "Everything else" in heads[1]


def test_an_event_without_a_process_has_the_graph_of_its_hour(add: Add, get: Get) -> None:
    nameless = event(4, time=NOON, state="Started")
    add(nameless, network_connect(time=NOON, process_guid=guid(1)))

    page = get(links.event_correlation(nameless.key))

    assert f"p~{guid(1)}" in names(page)


def test_an_hour_without_any_process_says_so(add: Add, get: Get) -> None:
    nameless = event(4, time=NOON, state="Started")
    add(nameless)

    assert "No node is drawn" in text_of(get(links.event_correlation(nameless.key)), "//*[@data-pane]")


@pytest.mark.parametrize(
    "time", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC) - timedelta(minutes=30)]
)
def test_the_ends_of_the_calendar_are_no_danger(add: Add, get: Get, time: datetime) -> None:
    first = process_create(time=time, utc_time=NOON, process_guid=guid(1))
    add(first)

    assert "p~" in names(get(links.event_correlation(first.key)))


def test_an_event_that_is_not_stored_is_not_found(client: FlaskClient, address: str) -> None:
    assert client.get("/events/nowhere~1~20190108T120000.000~1/correlation").status_code == 404
    assert client.get("/events/no-key/correlation").status_code == 400
    assert address


def test_another_spelling_of_the_key_leads_to_the_one_address(client: FlaskClient, address: str) -> None:
    answer = client.get(address.replace(COMPUTER, COMPUTER.upper()) + "?key=1&budget=7")

    assert answer.status_code == 308
    assert answer.headers["Location"] == f"{address}?key=1&budget=7"


def test_a_store_that_is_down_is_said_to_be(down: FlaskClient) -> None:
    assert down.get("/events/pc~1~20190108T120000.000~1/correlation").status_code == 503


def test_the_twins_hold_the_same_hour(client: FlaskClient, address: str) -> None:
    document = client.get(address + ".json").json
    assert document is not None
    found = {node["ProcessGuid"] for node in document["nodes"] if node["kind"] == "process"}
    assert {guid(1), guid(2), guid(3)} <= found
    assert not {guid(0), guid(4)} & found
    assert client.get(address + ".svg").content_type.startswith("image/svg+xml")
    assert client.get(address + ".graphml").status_code == 200


def test_the_pane_comes_alone_for_the_script(client: FlaskClient, address: str) -> None:
    answer = client.get(f"{address}?sel=p~{guid(1)}&part=pane").get_data(as_text=True)

    assert "<html" not in answer
    assert "p1.exe" in answer


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_hostile_texts_are_texts(add: Add, client: FlaskClient, text: str) -> None:
    hostile = process_create(
        process_guid=guid(1), image=text, command_line=text, user=text, parent_image=text
    )
    add(hostile)

    answer = client.get(links.event_correlation(hostile.key))

    page = html.fromstring(answer.data)
    assert answer.status_code == 200
    assert len(answer.data) < MOST_BYTES
    assert not page.xpath("//script[not(@src)]")
    assert not page.xpath("//img")
    assert "\u202e" not in answer.get_data(as_text=True)
