"""The command ``demo``, through the real import into a real store."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from app.cli.demo import command
from app.demo.fleet import Fleet
from app.demo.folder import FOLDER, UNFINISHED, needs_demo
from app.demo.run import fill_store, make_demo
from app.demo.scenario import COMPUTERS, INFECTED
from app.errors import StoreUnavailable
from app.settings import Settings
from app.store.open import open_store
from app.sysmon.condition import Match, Operator
from app.sysmon.query import EventQuery
from tests.memory_store import MemoryStore
from tests.unit.demo.conftest import Logs

TWO = (COMPUTERS[0], COMPUTERS[6])


def run(settings: Settings, *arguments: str) -> Result:
    result = CliRunner().invoke(command, arguments, obj=settings)
    assert result.exception is None, result.output
    return result


def test_the_demo_is_imported_whole_and_only_once(settings: Settings, logs: Logs) -> None:
    assert needs_demo(settings)
    report = make_demo(settings, computers=TWO)
    assert (report.rejected, report.duplicates, report.partial) == (0, 0, False)
    assert report.added == sum(len(logs[computer.name]) for computer in TWO)
    assert not needs_demo(settings)

    again = make_demo(settings, computers=TWO)
    assert (again.added, again.duplicates) == (0, report.added)

    with open_store(settings) as store:
        query = EventQuery(condition=Match("ProcessGuid", Operator.EQUALS, INFECTED[0].process_guid))
        images = {event.image_name for event in store.search(query).events}
    assert images == {"TempNcF88.eXe"}


def test_a_demo_that_was_stopped_halfway_is_made_again(settings: Settings) -> None:
    folder = settings.data / FOLDER
    folder.mkdir(parents=True)
    (folder / "rest").touch()
    assert not needs_demo(settings)
    (folder / UNFINISHED).touch()
    assert needs_demo(settings)


def test_nothing_is_made_where_something_is_stored(settings: Settings) -> None:
    settings.data.mkdir()
    (settings.data / "state.sqlite").touch()
    assert run(settings, "--if-empty").output == ""
    assert not (settings.data / FOLDER).exists()


def test_a_fleet_is_written_where_it_was_asked_for(settings: Settings) -> None:
    folder = settings.data / "logs"
    output = run(settings, "--events", "500", "--computers", "3", "--output", str(folder)).output
    assert output.split() == [str(folder / "fleet-0001.ndjson")]
    assert len((folder / "fleet-0001.ndjson").read_bytes().splitlines()) == 500


def test_a_fleet_goes_straight_into_the_store(settings: Settings) -> None:
    assert "1,000 events of 2 computers added" in run(settings, "--events", "1000", "--computers", "2").output
    with open_store(settings) as store:
        assert store.info().events == 1000


def test_a_fleet_is_stored_in_any_store() -> None:
    with MemoryStore() as store:
        added = list(fill_store(Fleet(events=300, computers=2), store))
        assert [result.added for result in added] == [300]


def test_output_needs_a_fleet(settings: Settings) -> None:
    result = CliRunner().invoke(command, ["--output", "logs"], obj=settings)
    assert result.exit_code == 2
    assert "--events" in result.output


def test_a_folder_that_cannot_be_written_is_said(settings: Settings) -> None:
    settings.data.write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        make_demo(settings, computers=TWO)
