"""The page of one event, where a log is there to harm its reader."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from lxml import html

from app.sysmon.events import Event
from app.web import links
from tests import builders
from tests.builders import event, process_create
from tests.web import hostile
from tests.web.conftest import Add, Get, embedded_only, text_of
from tests.web.test_event_page import fields, found_by


def hostile_event(event_id: int, text: str) -> Event:
    """Return an event whose every text is ``text``."""
    texts: dict[str, builders.Said] = dict.fromkeys(
        (
            *("rule_name", "image", "command_line", "parent_image", "parent_command_line", "user"),
            *("current_directory", "hashes", "sha256", "md5", "target_filename", "target_object"),
            *("details", "image_loaded", "target_image", "call_trace", "query_name", "query_results"),
            *("pipe_name", "destination_hostname", "destination_ip", "event_type", "contents", "channel"),
        ),
        text,
    )
    guids = {"process_guid": builders.new_guid(), "parent_process_guid": builders.new_guid()}
    return event(event_id, computer=text, other={text: text, "x": text}, **texts, **guids)


@pytest.mark.parametrize("text", [text for text in hostile.TEXTS if text != hostile.LONG])
def test_hostile_texts_are_texts_and_visible(add: Add, client: FlaskClient, text: str) -> None:
    hidden = set("\x00\x07\x1b\x7f\x9b\u202e\u200b\u2066")
    made = [hostile_event(event_id, text) for event_id in (1, 3, 7, 8, 10, 11, 13, 22, 77)]
    add(*made)
    for one in made:
        answer = client.get(links.event(one.key))
        assert answer.status_code == 200
        assert len(answer.data) < hostile.MOST_BYTES
        page = html.fromstring(answer.data)
        assert not found_by(page, "//main//script | //main//img | //main//*[@onerror or @style]")
        assert not hidden & set(answer.get_data(as_text=True))
        assert client.get(links.event(one.key, ".json")).get_json()["event"] == one.named()


# As JSON each such character takes six bytes, so that this event takes more than the server's limit of
# a request (http.max_content_length), and is refused.
huge_controls = pytest.param(
    "\x00" * 1_000_000, marks=embedded_only("no request to Elasticsearch is so large")
)


@pytest.mark.parametrize("text", [hostile.LONG, hostile.HUGE, huge_controls, '\u202e"<' * 300_000])
def test_huge_values_stay_within_a_page_and_say_how_much_is_left_out(
    add: Add, client: FlaskClient, text: str
) -> None:
    made = replace(hostile_event(1, text), computer="ws-01")
    add(made)
    answer = client.get(links.event(made.key))
    assert answer.status_code == 200
    assert len(answer.data) < hostile.MOST_BYTES
    page = html.fromstring(answer.data)
    if len(text) > 100_000:
        said = text_of(page, "//section[@id='command-line']//a[contains(., 'characters')]")
        left_out = int(said.split()[0].strip("+").replace(",", ""))
        assert 0 < left_out < len(text)
        if text == hostile.HUGE:
            shown = found_by(page, "//section[@id='command-line']//*[@class='all']")
            assert left_out + sum(len(one.text or "") for one in shown) == len(text)


def test_the_twin_has_all_of_a_huge_value(add: Add, client: FlaskClient) -> None:
    made = process_create(command_line=hostile.HUGE)
    add(made)
    assert client.get(links.event(made.key, ".json")).get_json()["event"]["CommandLine"] == hostile.HUGE


def test_thousands_of_fields_of_a_log_are_counted_not_shown(add: Add, client: FlaskClient) -> None:
    made = process_create(other={f"Field{number}": "x" * 50 for number in range(5_000)})
    add(made)
    answer = client.get(links.event(made.key))
    assert len(answer.data) < hostile.MOST_BYTES
    page = html.fromstring(answer.data)
    foot = text_of(page, "//p[contains(., 'more fields are not shown')]")
    rows = [name for name in fields(page) if name.startswith("Field")]
    assert f"{5_000 - len(rows):,} more fields are not shown." in foot
    assert len(rows) > 50


def test_a_name_too_long_for_an_address_still_has_its_page(add: Add, client: FlaskClient) -> None:
    made = process_create(computer="c" * 30_000)
    add(made)
    answer = client.get(links.event(made.key))
    assert answer.status_code == 200
    assert len(answer.data) < hostile.MOST_BYTES
    assert not html.fromstring(answer.data).xpath("//nav[@class='links']/a[contains(@href, 'cccc')]")


def test_a_command_line_of_the_longest_kind_is_shown_whole(add: Add, get: Get) -> None:
    line = "powershell " + "-x '1' " * 4_600
    made = process_create(command_line=line)
    add(made)
    page = get(links.event(made.key))
    assert page.xpath("string(//section[@id='command-line']//*[@class='all'])") == line
