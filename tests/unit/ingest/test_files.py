"""What an import says of each of its files."""

from __future__ import annotations

from pathlib import Path
from threading import Event as Flag

import orjson
import pytest

from app.ingest import sources
from app.ingest.collector import REPORT_FILE
from app.ingest.kinds import Kind
from app.ingest.label import layout_of
from app.ingest.report import Counts, Progress, Report
from app.ingest.run import Known, import_into, import_paths
from app.layouts.labels import label_of
from app.settings import Settings
from tests.memory_store import MemoryStore
from tests.unit.ingest.evtx_file import CHUNK, evtx_bytes
from tests.unit.ingest.logs import LIMITS, document, lines, tar_bytes, xml_event
from tests.unit.ingest.test_import import log


def rows(report: Report) -> list[tuple[str, str, int, int, int, int]]:
    """Name, state and what became of the records, for each file."""
    return [
        (
            Path(row["file"]).name,
            row["state"],
            row["records"],
            row["added"],
            row["duplicates"],
            row["rejected"],
        )
        for row in report.by_file
    ]


def test_each_file_has_its_own_counts_though_they_are_stored_together(tmp_path: Path) -> None:
    other = orjson.dumps(document(9, Channel="Security")) + b"\n"
    paths = [
        log(tmp_path, "a.json", lines([1, 2, 3]) + b"oops\n"),
        log(tmp_path, "b.json", lines([3, 4]) + lines([2])),
        log(tmp_path, "c.tar", tar_bytes({"x": lines([5]), "y": lines([6, 1])})),
        log(tmp_path, "d.json", other),
        log(tmp_path, "e.docx", b"no log"),
        log(tmp_path, "f.json", b""),
    ]

    report = import_into(MemoryStore(), paths, LIMITS)

    assert rows(report) == [
        ("a.json", "done", 4, 3, 0, 1),
        ("b.json", "done", 3, 1, 2, 0),
        ("c.tar", "done", 3, 2, 1, 0),
        ("d.json", "no Sysmon event", 1, 0, 0, 0),
        ("e.docx", "refused", 0, 0, 0, 1),
        ("f.json", "refused", 0, 0, 0, 1),
    ]
    for name in ("files", "records", "sysmon_events", "added", "duplicates", "other_channels", "rejected"):
        assert sum(row[name] for row in report.by_file) == getattr(report, name)


def test_events_without_a_time_are_rejects_of_their_own_file(tmp_path: Path) -> None:
    spoiled = orjson.dumps(document(2, UtcTime="soon", EventTime="later")) + b"\n"
    paths = [
        log(tmp_path, "a.json", lines([1])),
        log(tmp_path, "b.json", spoiled + lines([3]) + spoiled),
        log(tmp_path, "c.json", lines([4, 1])),
    ]

    report = import_into(MemoryStore(), paths, LIMITS)

    assert rows(report) == [
        ("a.json", "done", 1, 1, 0, 0),
        ("b.json", "done", 3, 1, 0, 2),
        ("c.json", "done", 2, 1, 1, 0),
    ]


def test_each_file_has_its_own_counts_whatever_process_read_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_PART", CHUNK)
    monkeypatch.setattr(sources, "_WORTH_A_PROCESS", 1)
    paths = [
        log(tmp_path, "a.json", lines(range(4_000))),
        log(tmp_path, "b.evtx", evtx_bytes([[n, n + 1] for n in range(4_000, 4_010, 2)])),
        log(tmp_path, "c.json", lines(range(4_010, 4_020)) + b"oops\n"),
    ]

    report = import_paths(settings, paths, jobs=2)

    assert rows(report) == [
        ("a.json", "done", 4_000, 4_000, 0, 0),
        ("b.evtx", "done", 10, 10, 0, 0),
        ("c.json", "done", 11, 10, 0, 1),
    ]
    assert [row["layouts"] for row in report.by_file] == [["Azure export"], ["EVTX"], ["Azure export"]]
    assert all(row["read"] == row["size"] for row in report.by_file)


def test_files_that_were_not_reached_say_so(settings: Settings, tmp_path: Path) -> None:
    paths = [log(tmp_path, f"{n}.json", lines(range(n * 100, n * 100 + 100))) for n in range(3)]
    paths.append(log(tmp_path, "long.json", lines(range(5_000))))
    paths.append(log(tmp_path, "last.json", lines([1])))
    stop = Flag()

    def stop_soon(progress: Progress) -> None:
        if progress.file.endswith("long.json"):
            stop.set()

    report = import_paths(settings, paths, jobs=1, on_progress=stop_soon, stop=stop)

    assert [row[1] for row in rows(report)] == ["done", "done", "done", "stopped", "stopped"]


def test_a_report_knows_files_by_the_names_that_people_gave_them(settings: Settings, tmp_path: Path) -> None:
    path = log(tmp_path, "1", lines([1]) + b"oops\n")

    report = import_paths(settings, [path], known=Known(labels={path: "desk/log.json"}))

    assert report.rejects[0].file == "desk/log.json"
    assert report.by_file[0]["file"] == "desk/log.json"
    assert str(tmp_path) not in str(report.to_json() | {"rejects_file": ""})


def test_the_report_so_far_lies_beside_the_rejects(settings: Settings, tmp_path: Path) -> None:
    paths = [log(tmp_path, "a.json", lines(range(5_000))), log(tmp_path, "b.json", lines([1]))]
    seen: list[dict[str, object]] = []
    file = settings.data / "imports" / "1" / REPORT_FILE

    def look(_progress: Progress) -> None:
        if file.exists():
            seen.append(orjson.loads(file.read_bytes()))

    report = import_paths(settings, paths, on_progress=look)

    assert seen
    assert not seen[0]["ended"]
    at_last = orjson.loads(file.read_bytes())
    assert at_last["ended"]
    assert at_last["progress"]["bytes"] == at_last["progress"]["total"]
    assert at_last["by_file"] == list(report.by_file)


def test_an_import_that_goes_on_counts_what_it_added_before(settings: Settings, tmp_path: Path) -> None:
    first = log(tmp_path, "a.json", lines(range(10)))
    second = log(tmp_path, "b.json", lines(range(5, 20)))
    import_paths(settings, [first])

    report = import_paths(settings, [first, second], known=Known(number=1))

    assert (report.import_id, report.added_before) == (1, 10)
    assert (report.added, report.duplicates) == (20, 5)


@pytest.mark.parametrize(
    ("kind", "head", "label"),
    [
        (Kind.EVTX, b"ElfFile\0", "EVTX"),
        (Kind.XML, xml_event(1), "event XML"),
        (Kind.JSON_LINES, b'oops\n{"winlog": {}}\n', "Winlogbeat 7 or 8"),
        (Kind.JSON_LINES, b'{"EventID": 1, "EventReceivedTime": ""}', "NXLog"),
        (Kind.JSON_LINES, b'{"_source": {"event_data": {}}}', "Winlogbeat 6"),
        (Kind.JSON_LINES, b'{"what": "else"}', "JSON lines"),
        (Kind.JSON, b'[{"EventID": 1, "EventData": "{}"}, {"EventID"', "Sentinel"),
        (Kind.JSON, b'[\n{"Event": {}}]', "EVTX as JSON"),
        (Kind.JSON, b"[" * 60_000, "JSON"),
        (Kind.JSON, '[{"winlog": {"a": "ö"}}]'.encode("utf-16"), "Winlogbeat 7 or 8"),
    ],
)
def test_the_layout_of_a_log_is_told_by_its_first_records(kind: Kind, head: bytes, label: str) -> None:
    assert layout_of(kind, head) == label


@pytest.mark.parametrize("record", [None, 1, "text", [], {}, {"_source": 1}, {"_source": {"_source": {}}}])
def test_what_is_no_record_has_no_layout(record: object) -> None:
    assert label_of(record) is None


def test_counts_can_be_taken_off_each_other() -> None:
    assert Counts(added=3, records=5) - Counts(added=1) == Counts(added=2, records=5)
