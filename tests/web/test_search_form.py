"""The question on the search page: query bar, classic form, range, computers, histogram."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from app.sysmon.classic import CRITERIA
from tests.builders import (
    NOON,
    dns_query,
    file_create,
    file_create_stream_hash,
    file_delete,
    image_load,
    network_connect,
    process_create,
    registry_value_set,
)
from tests.web.conftest import Add, Get, text_of
from tests.web.reading import asked, found, read, search

MINUTE = timedelta(minutes=1)


def test_the_classic_form_has_the_eight_criteria_and_is_shut_until_it_is_used(get: Get) -> None:
    unused, used = get("/search"), get(search(Port="443"))

    names = [name for name in found(unused, "//details[@class='classic']//input/@name") if name != "match"]
    assert sorted(names) == sorted(CRITERIA)
    assert found(unused, "//details[@class='classic']/@open") == []
    assert found(used, "//details[@class='classic' and @open]")
    assert found(used, "//input[@name='Port']/@value") == ["443"]


@pytest.mark.parametrize(
    ("criterion", "value"),
    [
        ("IpAddress", "192.168.1.200"),
        ("Port", "8080"),
        ("HostName", "WWW.example"),
        ("ProcessName", "CMD.exe"),
        ("FileName", "a.EXE"),
        ("RegistryKey", "currentversion\\run"),
        ("RegistryValue", "temp\\A"),
        ("Hash", "0a0A0a"),
    ],
)
def test_each_criterion_finds_its_events_in_any_case(add: Add, get: Get, criterion: str, value: str) -> None:
    add(
        process_create(hashes="MD5=" + "0A" * 16),
        process_create(image="C:\\x.exe", hashes=None, parent_image=None),
        network_connect(image="C:\\x.exe"),
        dns_query(image="C:\\x.exe"),
        file_create(image="C:\\x.exe"),
        registry_value_set(image="C:\\x.exe"),
    )

    page = get(search(**{criterion: value}))

    assert text_of(page, "//h1") == "1 event on 1 computer"


def test_criteria_know_more_events_than_the_old_form_did(add: Add, get: Get) -> None:
    add(
        network_connect(),
        image_load(image="C:\\x.exe", image_loaded="C:\\Windows\\cmd.exe.dll"),
        file_delete(target_filename="C:\\Temp\\b.exe", image="C:\\x.exe"),
        file_create_stream_hash(target_filename="C:\\Temp\\b.exe:Zone.Identifier", image="C:\\x.exe"),
    )

    assert text_of(get(search(ProcessName="cmd.exe")), "//h1").startswith("2 events")
    assert text_of(get(search(FileName="b.exe")), "//h1").startswith("2 events")


def test_criteria_are_joined_by_all_or_any(add: Add, get: Get) -> None:
    add(process_create(), network_connect(image="C:\\x.exe"), network_connect())

    assert text_of(get(search(ProcessName="cmd.exe", Port="8080")), "//h1").startswith("1 event ")
    either = get(search(ProcessName="cmd.exe", Port="8080", match="any"))
    assert text_of(either, "//h1").startswith("3 events")
    assert found(either, "//input[@name='match' and @checked]/@value") == ["any"]


def test_query_and_form_hold_together(add: Add, get: Get) -> None:
    add(process_create(), process_create(user="EXAMPLE\\bob"), network_connect(user="EXAMPLE\\bob"))

    assert text_of(get(search(q="User:*bob", ProcessName="cmd.exe")), "//h1").startswith("2 events")
    assert text_of(get(search(q="User:*bob", ProcessName="cmd.exe", Port="80")), "//h1").startswith(
        "1 event "
    )


def test_the_form_is_written_into_the_query_bar(client: FlaskClient) -> None:
    response = client.get(
        search(q="User:*bob", FileName="a.exe", Port="80", match="any", from_="2019-01-01", do="fill")
    )

    assert response.status_code == 302
    assert asked(response.location) == {
        "q": ["User:*bob and (DestinationPort:*80* or TargetFilename:*a.exe*)"],
        "from": ["2019-01-01"],
    }


def test_a_sent_form_leads_to_an_address_that_says_only_what_was_asked(client: FlaskClient) -> None:
    empty = dict.fromkeys(CRITERIA, "")

    response = client.get(search(**empty, q="a", from_="", to="", match="all", do="find", fold=["0", "1"]))

    assert (response.status_code, asked(response.location)) == (302, {"q": ["a"]})
    assert client.get(response.location).status_code == 200


def test_a_form_that_is_sent_twice_says_the_same_twice(client: FlaskClient) -> None:
    """On the old page the second question was hung behind the first."""
    first = client.get(search(q="a", from_="2019-01-08 12:00:03.123", Port="", fold="0"))

    page = read(client, first.location)
    again = {
        name: found(page, f"//form[@role='search']//input[@name='{name}' and not(@type='checkbox')]/@value")
        for name in ("q", "from", "to", "fold")
    }
    second = client.get(search(**again))

    assert asked(second.location) == asked(first.location)


@pytest.mark.parametrize(("last", "hours"), [("1h", 1), ("24h", 24), ("7d", 168)])
def test_the_last_hours_become_times_that_stay_the_same_tomorrow(
    client: FlaskClient, last: str, hours: int
) -> None:
    response = client.get(search(q="a", last=last))
    said = asked(response.location)
    start, end = (datetime.fromisoformat(said[name][0]).replace(tzinfo=UTC) for name in ("from", "to"))

    assert response.status_code == 302
    assert set(said) == {"q", "from", "to"}
    assert end - start == timedelta(hours=hours)
    assert abs(datetime.now(UTC) - end) < MINUTE


def test_a_range_after_all_that_is_stored_is_said(add: Add, get: Get) -> None:
    add(process_create())

    page = get(search(from_="2020-01-01"))

    assert "The newest event was recorded 2019-01-08 12:00:00 UTC" in text_of(page, "//*[@class='honesty']")


def test_the_range_has_its_start_and_not_its_end(add: Add, get: Get) -> None:
    add(*(process_create(time=NOON + n * MINUTE) for n in range(5)))

    page = get(search(from_="2019-01-08 12:01", to="2019-01-08T12:03:00Z"))

    assert text_of(page, "//h1").startswith("2 events")
    assert found(page, "//input[@name='from']/@value") == ["2019-01-08 12:01"]


def test_computers_are_chosen_in_any_case(add: Add, get: Get) -> None:
    add(*(process_create(computer=f"WS-{n}.example") for n in range(3)))

    page = get(search(computer=["ws-0.example", "ws-2.EXAMPLE"]))

    assert text_of(page, "//h1") == "2 events on 2 computers"
    assert found(page, "//input[@name='computer' and @checked]/@value") == ["ws-0.example", "ws-2.EXAMPLE"]
    assert found(page, "//input[@name='computer' and not(@checked)]/@value") == ["WS-1.example"]


def test_the_query_is_read_back_part_by_part(add: Add, get: Get) -> None:
    add(process_create())

    both = get(search(q="Image:*\\cmd.exe not User:bob", FileName="a"))
    either = get(search(q="EventId:1 or EventId:3 or whoami"))

    assert [text_of(tag) for tag in found(both, "//*[@id='reads']/*[@class='tag']")] == [
        "Image ends with '\\cmd.exe'",
        "User is not 'bob'",
        "TargetFilename contains 'a'",
    ]
    assert found(both, "//*[@id='reads']/*[@class='op']/text()") == ["AND", "AND"]
    assert found(either, "//*[@id='reads']/*[@class='op']/text()") == ["OR", "OR"]


def test_bars_lead_to_their_span_and_keep_the_question(add: Add, get: Get) -> None:
    add(*(process_create(time=NOON + n * MINUTE) for n in (0, 0, 30)), network_connect())

    page = get(
        search(q="EventId:1", computer="ws-01.example", from_="2019-01-08 12:00", to="2019-01-08 13:00")
    )
    bars = found(page, "//*[local-name()='svg'][@data-start]/*[local-name()='a']/@href")

    assert [asked(bar) for bar in bars] == [
        {
            "q": ["EventId:1"],
            "computer": ["ws-01.example"],
            "from": [f"2019-01-08 12:{minute}:00.000"],
            "to": [f"2019-01-08 12:{minute}:30.000"],
        }
        for minute in ("00", "30")
    ]
    assert [text_of(get(bar), "//h1") for bar in bars] == ["2 events on 1 computer", "1 event on 1 computer"]
    assert "1 bar = 30 s" in text_of(page, "//figcaption")
    assert "Process create 3" in text_of(page, "//figcaption")


def test_without_a_range_the_histogram_shows_where_something_was_found(add: Add, get: Get) -> None:
    add(*(process_create(time=NOON + n * timedelta(days=1)) for n in range(100)))
    add(network_connect(time=NOON), network_connect(time=NOON + 2 * MINUTE))

    page = get(search(q="EventId:3"))

    start, end = found(page, "//*[local-name()='svg']/@data-start | //*[local-name()='svg']/@data-end")
    assert start <= NOON.isoformat() < (NOON + 2 * MINUTE).isoformat() < end
    assert datetime.fromisoformat(end) - datetime.fromisoformat(start) <= timedelta(days=1)


def test_spans_in_which_nothing_was_received_are_said_and_hatched(add: Add, get: Get) -> None:
    add(
        process_create(time=NOON),
        network_connect(time=NOON + 20 * MINUTE),
        process_create(time=NOON + 59 * MINUTE),
    )

    page = get(search(q="EventId:1", from_="2019-01-08 12:00", to="2019-01-08 13:00"))

    assert "2 gaps, 58 m in all: nothing received (hatched)" in text_of(page, "//*[@class='honesty']")
    assert len(found(page, "//*[@class='gap']")) == 2
    assert "nothing received for 38 m 30 s" in text_of(page, "//*[local-name()='svg'][@data-start]")
    assert [text_of(row) for row in found(page, "//tr[@class='gaprow']")] == [
        "12:00:30–12:59:00: 2 gaps, 58 m in all: nothing received from any computer"
    ]


def test_what_the_store_holds_nothing_of_is_said(add: Add, get: Get) -> None:
    add(process_create())

    words = text_of(get("/search"), "//*[@class='honesty']")

    assert "Not recorded here: File time (2), Network (3)" in words
    assert "DNS (22)" in words
    assert "Registry (12–14)" in words
    assert "Process create" not in words


def test_clocks_that_differ_are_said(add: Add, get: Get) -> None:
    add(process_create(utc_time=NOON - timedelta(days=11)), process_create())

    words = text_of(get("/search"), "//*[@class='honesty']")

    assert "1 of the events shown has a UtcTime over a minute off: record time orders" in words


def test_clocks_that_are_centuries_off_do_not_stop_the_page(add: Add, get: Get) -> None:
    add(
        process_create(time=datetime(1601, 1, 1, tzinfo=UTC), utc_time=None),
        process_create(time=datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), utc_time=None),
        process_create(),
    )

    assert text_of(get("/search"), "//h1") == "3 events on 1 computer"
    assert text_of(get(search(q="EventId:1", sort="UtcTime")), "//h1") == "3 events on 1 computer"
