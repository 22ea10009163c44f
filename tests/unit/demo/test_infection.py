"""The chain that the demo promises, hop by hop, as data."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from app.demo.scenario import INFECTED, Infected
from app.sysmon.events import Event
from tests.unit.demo.conftest import Logs

PAYLOAD = r"\AppData\Local\TempNcF88.eXe"


class Log:
    """Looks events of one computer up."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events

    def only(self, event_id: int, **patterns: str) -> Event:
        """Return the one event that has these columns."""
        found = self.all(event_id, **patterns)
        assert len(found) == 1, f"{len(found)} events {event_id} with {patterns}"
        return found[0]

    def all(self, event_id: int, **patterns: str) -> list[Event]:
        return [
            event
            for event in self.events
            if event.event_id == event_id
            and all(
                re.search(pattern, event.text_of(column) or "", re.IGNORECASE)
                for column, pattern in patterns.items()
            )
        ]

    def child(self, parent: Event, image: str) -> Event:
        """Return the one process that the process of ``parent`` started from this image."""
        guid = parent.process_guid
        assert guid is not None
        child = self.only(1, parent_process_guid=f"^{guid}$", image=image)
        assert child.text_of("parent_image") == parent.image
        assert child.column("parent_process_id") == parent.process_id
        assert parent.time < child.time
        return child


@pytest.fixture(params=INFECTED, ids=lambda infected: infected.computer)
def infected(request: pytest.FixtureRequest) -> Infected:
    found = request.param
    assert isinstance(found, Infected)
    return found


@pytest.fixture
def log(infected: Infected, logs: Logs) -> Log:
    return Log(logs[infected.computer])


def test_the_two_computers_and_their_users_are_the_promised_ones(logs: Logs) -> None:
    assert [infected.computer for infected in INFECTED] == ["Win7_64JP_01", "Win10_64JP_04"]
    for infected, user in zip(INFECTED, ("urawa.saitama", "chiyoda.tokyo"), strict=True):
        payload = Log(logs[infected.computer]).only(1, image=r"\\TempNcF88\.eXe$")
        assert (payload.text_of("user") or "").endswith(f"\\{user}")
        assert payload.time.date() == datetime(2019, 1, 8, tzinfo=UTC).date()
        assert payload.process_guid == infected.process_guid


def test_the_mail_client_starts_a_browser_which_connects_out_and_writes_a_zip(log: Log) -> None:
    browser = log.only(
        1, parent_image=r"(outlook|thunderbird)\.exe$", image=r"(iexplore|firefox|chrome)\.exe$"
    )
    guid = f"^{browser.process_guid}$"

    connections = log.all(3, process_guid=guid, destination_ip=r"^192\.168\.1\.200$")
    archive = log.only(11, process_guid=guid, target_filename=r"\\Downloads\\[^\\]+\.zip$")

    assert connections
    assert browser.time < connections[0].time < archive.time
    assert log.only(15, process_guid=guid, target_filename=r"\.zip:Zone\.Identifier$")


def test_explorer_writes_the_javascript_and_starts_wscript_on_it(log: Log) -> None:
    script = log.only(11, image=r"\\explorer\.exe$", target_filename=r"\.zip\\[^\\]+\.js$")
    wscript = log.only(1, image=r"\\wscript\.exe$")

    assert wscript.text_of("parent_process_guid") == script.process_guid
    assert (script.text_of("target_filename") or "?") in (wscript.text_of("command_line") or "")
    assert script.time < wscript.time


def test_wscript_starts_cmd_which_starts_powershell_with_a_download(log: Log) -> None:
    wscript = log.only(1, image=r"\\wscript\.exe$")
    powershell = log.child(log.child(wscript, r"\\cmd\.exe$"), r"\\powershell\.exe$")

    assert "DownloadFile('http://fgyt.shadidphotography.com/" in (powershell.text_of("command_line") or "")


def test_powershell_connects_to_the_proxy_and_writes_the_payload(log: Log) -> None:
    powershell = log.only(1, image=r"\\powershell\.exe$", command_line="fgyt")
    guid = f"^{powershell.process_guid}$"

    connection = log.only(3, process_guid=guid)
    payload = log.only(11, process_guid=guid, target_filename=re.escape(PAYLOAD) + "$")

    assert connection.text_of("destination_ip") == "192.168.1.200"
    assert powershell.time < connection.time < payload.time


def test_a_cmd_starts_the_payload_which_starts_cmd_and_rundll32(log: Log, infected: Infected) -> None:
    payload = log.only(1, process_guid=f"^{infected.process_guid}$")

    assert (payload.image or "").endswith(PAYLOAD)
    assert (payload.text_of("parent_image") or "").endswith(r"\cmd.exe")
    assert log.child(payload, r"\\cmd\.exe$")
    assert log.child(payload, r"\\rundll32\.exe$")


def test_the_payload_writes_files_and_sets_a_run_value(log: Log, infected: Infected) -> None:
    guid = f"^{infected.process_guid}$"

    assert len(log.all(11, process_guid=guid)) >= 2
    value = log.only(13, process_guid=guid)
    assert r"\CurrentVersion\Run" "\\" in (value.text_of("target_object") or "")
    assert value.text_of("event_type") == "SetValue"


def test_the_payload_injects_a_thread_into_explorer(log: Log, infected: Infected) -> None:
    thread = log.only(8, process_guid=f"^{infected.process_guid}$")
    script = log.only(11, image=r"\\explorer\.exe$", target_filename=r"\.js$")

    assert (thread.text_of("target_image") or "").endswith("explorer.exe")
    assert thread.text_of("target_process_guid") == script.process_guid
    assert thread.column("target_process_id") == script.process_id
    assert log.all(3, process_guid=f"^{script.process_guid}$"), "Explorer calls home afterwards"


def test_the_payload_is_the_same_file_on_both_computers(logs: Logs) -> None:
    found = {Log(logs[i.computer]).only(1, process_guid=i.process_guid).text_of("hashes") for i in INFECTED}
    assert len(found) == 1


def test_every_process_of_the_chain_that_ends_is_logged_to_end(log: Log, infected: Infected) -> None:
    for image in (r"\\wscript\.exe$", r"\\TempNcF88\.eXe$", r"\\rundll32\.exe$"):
        for created in log.all(1, image=image, user="EXAMPLE"):
            ended = log.only(5, process_guid=f"^{created.process_guid}$")
            assert created.time < ended.time


def test_explorer_and_mail_client_are_logged_on_one_and_unlogged_on_the_other(logs: Logs) -> None:
    seen = []
    for infected in INFECTED:
        log = Log(logs[infected.computer])
        browser = log.only(1, parent_image=r"(outlook|thunderbird)\.exe$", image=r"(iexplore|firefox)\.exe$")
        wscript = log.only(1, image=r"\\wscript\.exe$")
        parents = [browser.text_of("parent_process_guid"), wscript.text_of("parent_process_guid")]
        seen.append([len(log.all(1, process_guid=f"^{guid}$")) for guid in parents])
    assert seen == [[1, 1], [0, 0]]
