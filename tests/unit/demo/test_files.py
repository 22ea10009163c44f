from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import orjson
from lxml import etree

from app.demo.files import write_fleet, write_scenario
from app.demo.fleet import Fleet
from app.demo.scenario import COMPUTERS
from app.demo.wire import event_xml, winlogbeat_lines
from app.layouts.reader import Reader
from app.sysmon.batch import EventBatch
from app.sysmon.events import Event
from tests.unit.demo.conftest import Logs

#: One computer of each of the two layouts.
TWO = (COMPUTERS[1], COMPUTERS[6])


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    write_scenario(tmp_path / "here", TWO)
    script = (
        "import sys; from pathlib import Path; from app.demo.scenario import COMPUTERS;"
        "from app.demo.files import write_scenario;"
        "write_scenario(Path(sys.argv[1]), (COMPUTERS[1], COMPUTERS[6]))"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "there")], check=True, env={"PYTHONHASHSEED": "7"}
    )
    here = {path.name: path.read_bytes() for path in (tmp_path / "here").iterdir()}
    there = {path.name: path.read_bytes() for path in (tmp_path / "there").iterdir()}
    assert len(here) == 2
    assert here == there


def test_the_scenario_is_written_in_two_layouts(tmp_path: Path) -> None:
    archive, lines = write_scenario(tmp_path, TWO)
    with ZipFile(archive) as zipped:
        assert zipped.namelist() == ["Win7_64JP_02.xml"]
        root = etree.fromstring(zipped.read("Win7_64JP_02.xml"))
    assert len(root) > 5_000
    document = orjson.loads(gzip.decompress(lines.read_bytes()).splitlines()[0])
    assert document["winlog"]["computer_name"] == "Win2016_64JP_07"


def same(events: list[Event], read: list[Event]) -> None:
    """Assert that what was read says what was written; the log's head is not compared."""
    head = {"channel", "level", "event_version"}
    assert len(events) == len(read)
    for event, again in zip(events, read, strict=True):
        assert event.key == again.key
        assert event.time == again.time
        assert not again.other
        for column in {*event.values, *again.values} - head:
            assert event.column(column) == again.column(column), (column, event)


def test_lines_are_read_as_the_events_that_they_were_made_of(logs: Logs) -> None:
    events = logs["Win2016_64JP_07"][::3] + logs["Win10_64JP_05"][::4]
    reader = Reader()
    reader.lines(winlogbeat_lines(EventBatch.from_events(events)).splitlines(), 1)
    assert not reader.rejects
    same(events, list(reader.take().events()))


def test_xml_is_read_as_the_events_that_it_was_made_of(logs: Logs) -> None:
    events = [
        *logs["Win7_64JP_01"][::4],
        *(e for e in logs["Win10_64JP_05"] if e.event_id in {16, 19, 20, 21, 255}),
    ]
    reader = Reader()
    for number, event in enumerate(events):
        reader.xml(etree.fromstring(event_xml(event)), f"event {number}")
    assert not reader.rejects
    same(events, list(reader.take().events()))


def test_a_fleet_as_lines_is_the_fleet_as_batches(tmp_path: Path) -> None:
    fleet = Fleet(events=6_000, computers=5)
    first, second = write_fleet(fleet.batches(2_000), tmp_path, per_file=4_000)
    reader = Reader()
    for path in (first, second):
        reader.lines(path.read_bytes().splitlines(), 1)
    written = EventBatch.concat(fleet.batches(2_000))
    assert not reader.rejects
    same(list(written.events()), list(reader.take().events()))


def test_a_packed_fleet_is_the_same_lines(tmp_path: Path) -> None:
    fleet = Fleet(events=3_000, computers=5)
    (plain,) = write_fleet(fleet.batches(), tmp_path)
    (packed,) = write_fleet(fleet.batches(), tmp_path, packed=True)
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
