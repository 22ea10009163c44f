"""Whole imports into the embedded store: reports, the ledger, stopping, failing."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Event as Flag

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.errors import BadInput, BadSetting, StoreUnavailable
from app.ingest import feed
from app.ingest.report import MOST_REJECTS, Progress
from app.ingest.run import import_into, import_paths
from app.settings import Settings
from app.state.database import open_database
from app.state.models import ImportRow
from app.store.open import open_store
from app.store.port import Added
from app.sysmon.batch import EventBatch
from tests.memory_store import MemoryStore
from tests.unit.ingest.evtx_file import evtx_bytes
from tests.unit.ingest.logs import LIMITS, Imported, document, lines, numbers_in, tar_bytes, xml_event


def stored(settings: Settings) -> list[int]:
    """The numbers of the events in the embedded store."""
    with open_store(settings) as store:
        found = [
            number
            for chunk in store.batches(0, ["record_id"])
            for number in chunk.table["record_id"].to_pylist()
        ]
    return sorted(found)


def ledger(settings: Settings) -> list[ImportRow]:
    database = open_database(settings)
    try:
        with database.read() as connection:
            return [ImportRow(**row._mapping) for row in connection.execute(select(ImportRow.__table__))]
    finally:
        database.close()


def log(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_report_has_the_fields_that_machines_rely_on(settings: Settings, tmp_path: Path) -> None:
    other = orjson.dumps(document(9, Channel="Security"))
    path = log(tmp_path, "a.json", lines([1, 2, 1]) + other + b"\noops\n")

    report = import_paths(settings, [path])

    assert report.rejects_file is not None
    assert report.to_json() | {"seconds": 0} == {
        "files": 1,
        "records": 5,
        "sysmon_events": 3,
        "added": 2,
        "duplicates": 1,
        "other_channels": 1,
        "rejected": 1,
        "rejects": [
            {"file": str(path), "place": "line 5", "reason": report.rejects[0].reason},
        ],
        "seconds": 0,
        "partial": False,
        "error": None,
        "notes": [],
        "import_id": 1,
        "rejects_file": str(report.rejects_file),
        "added_before": 0,
        "by_file": [
            {
                "file": str(path),
                "size": path.stat().st_size,
                "read": path.stat().st_size,
                "state": "done",
                "layouts": ["Azure export"],
                "files": 1,
                "records": 5,
                "sysmon_events": 3,
                "added": 2,
                "duplicates": 1,
                "other_channels": 1,
                "rejected": 1,
            }
        ],
    }
    assert orjson.loads(report.rejects_file.read_bytes())["place"] == "line 5"


def test_a_folder_is_read_in_order_and_hidden_files_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    log(folder, "b/2.json", lines([2]))
    log(folder, "a.evtx", evtx_bytes([[1]]))
    log(folder, ".hidden", lines([3]))
    log(folder, ".git/4.json", lines([4]))
    notes = log(folder, "notes.txt", b"what we found")

    result = Imported([folder])

    assert result.numbers == [1, 2]
    assert result.report.files == 2
    assert [reject.file for reject in result.report.rejects] == [str(notes)]
    assert [Path(note.file).name for note in result.report.notes] == [".hidden"]


def test_the_data_folder_is_not_read_as_a_log(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "var")
    log(tmp_path, "a.json", lines([1]))
    import_paths(settings, [tmp_path])

    report = import_paths(settings, [tmp_path])

    assert (report.files, report.rejected) == (1, 0)
    assert "own data folder" in report.notes[0].note


def test_a_folder_that_leads_back_to_itself_is_read_once(tmp_path: Path) -> None:
    log(tmp_path / "case", "a.json", lines([1]))
    (tmp_path / "case" / "again").symlink_to(tmp_path / "case")
    (tmp_path / "case" / "nowhere").symlink_to(tmp_path / "gone")

    result = Imported([tmp_path / "case"])

    assert (result.report.files, result.report.duplicates, result.report.rejected) == (1, 0, 1)


def test_a_path_that_leads_nowhere_ends_it_before_anything_is_read(
    settings: Settings, tmp_path: Path
) -> None:
    path = log(tmp_path, "a.json", lines([1]))

    with pytest.raises(BadInput, match="no such file"):
        import_paths(settings, [path, tmp_path / "missing.json"])

    assert not settings.data.exists()


def test_what_is_no_file_is_refused(settings: Settings, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(BadInput, match="neither a file nor a folder"):
        import_paths(settings, [tmp_path / "pipe"])


def test_a_data_folder_that_cannot_be_made_is_said_at_once(tmp_path: Path) -> None:
    path = log(tmp_path, "a.json", lines([1]))

    for data in (path, path / "var"):
        with pytest.raises((BadSetting, StoreUnavailable), match="data folder"):
            import_paths(Settings(data=data), [path])


def test_nothing_but_foreign_files_is_a_failed_import(settings: Settings, tmp_path: Path) -> None:
    report = import_paths(settings, [log(tmp_path, "a.txt", b"hello"), log(tmp_path, "b", b"")])

    assert (report.files, report.rejected) == (0, 2)
    assert [row.state for row in ledger(settings)] == ["failed"]


def test_the_ledger_says_what_was_imported(settings: Settings, tmp_path: Path) -> None:
    path = log(tmp_path, "a.json", lines([1, 2]))
    import_paths(settings, [path])

    (row,) = ledger(settings)

    assert (row.state, row.paths, row.error) == ("complete", [str(path)], None)
    assert row.counts["added"] == 2
    assert row.finished is not None
    assert row.finished >= row.started


def test_an_import_whose_process_died_is_marked_partial(settings: Settings, tmp_path: Path) -> None:
    path = log(tmp_path, "a.json", lines([1]))
    import_paths(settings, [path])
    database = open_database(settings)
    with database.write() as connection:
        connection.execute(ImportRow.__table__.update().values(state="running", finished=None))  # type: ignore[attr-defined]
    database.close()

    import_paths(settings, [path])

    assert [row.state for row in ledger(settings)] == ["partial", "complete"]
    assert "same command again" in str(ledger(settings)[0].error)


def test_an_import_that_still_runs_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    inner = log(tmp_path, "inner.json", lines([1]))

    def meanwhile(_progress: Progress) -> None:
        if len(states) < 1:
            states.append("")
            import_paths(settings, [inner])
            states[0] = ledger(settings)[0].state

    states: list[str] = []
    import_paths(settings, [log(tmp_path, "outer.json", lines([2]))], on_progress=meanwhile)

    assert states == ["running"]
    assert [row.state for row in ledger(settings)] == ["complete", "complete"]


def test_the_same_event_from_another_layout_is_a_duplicate(settings: Settings, tmp_path: Path) -> None:
    first = import_paths(settings, [log(tmp_path, "a.json", lines([1, 2, 3]))])
    second = import_paths(
        settings,
        [
            log(tmp_path, "b.evtx", evtx_bytes([[1, 2], [4]])),
            log(tmp_path, "c.xml", xml_event(3) + xml_event(5)),
        ],
    )

    assert (first.added, second.added, second.duplicates) == (3, 2, 3)
    assert stored(settings) == [1, 2, 3, 4, 5]


def test_small_files_are_stored_together(tmp_path: Path) -> None:
    for number in range(30):
        log(tmp_path, f"case/{number}.json", lines([number]))

    result = Imported([tmp_path / "case"])

    assert result.report.files == 30
    assert result.store.info().newest_batch == 1


def test_a_large_file_is_stored_batch_by_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "BATCH", 500)

    result = Imported([log(tmp_path, "a.json", lines(range(10_000)))])

    assert result.store.info().newest_batch >= 2
    assert result.numbers == list(range(10_000))


def test_progress_comes_up_to_the_whole(settings: Settings, tmp_path: Path) -> None:
    paths = [log(tmp_path, "a.json", lines(range(5000))), log(tmp_path, "b.json", lines(range(50)))]
    seen: list[Progress] = []

    import_paths(settings, paths, on_progress=seen.append)

    done = [progress.bytes for progress in seen]
    assert done == sorted(done)
    assert done[-1] == seen[-1].total == sum(path.stat().st_size for path in paths)


def test_stopping_stores_what_was_read_and_the_same_call_finishes(settings: Settings, tmp_path: Path) -> None:
    paths = [
        log(tmp_path, f"{number}.json", lines(range(number * 100, number * 100 + 100))) for number in range(4)
    ]
    stop = Flag()

    def stop_soon(progress: Progress) -> None:
        if progress.counts.sysmon_events >= 200:
            stop.set()

    report = import_paths(settings, paths, on_progress=stop_soon, stop=stop)

    assert report.partial
    assert report.error is None
    assert report.added == report.sysmon_events == len(stored(settings)) == 200
    assert ledger(settings)[0].state == "partial"

    again = import_paths(settings, paths)

    assert (again.partial, again.added, again.duplicates) == (False, 200, 200)
    assert stored(settings) == list(range(400))


class FullStore(MemoryStore):
    """A store whose disk is full after one batch."""

    def add(self, batch: EventBatch, source: str) -> Added:
        if self.info().newest_batch:
            raise OSError(28, "No space left on device")
        return super().add(batch, source)


def test_a_full_disk_ends_the_import_in_a_clear_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "BATCH", 500)
    store = FullStore()
    path = log(tmp_path, "a.json", lines(range(10_000)))

    report = import_into(store, [path], LIMITS)

    assert report.partial
    assert 0 < report.added < 10_000
    assert report.added == len(numbers_in(store))
    assert "No space left" in str(report.error)
    assert f"{report.added:,} events were added" in str(report.error)


def test_rejects_that_a_report_has_no_room_for_are_in_the_file(settings: Settings, tmp_path: Path) -> None:
    report = import_paths(settings, [log(tmp_path, "a.json", lines([1]) + b"oops\n" * 1500)])

    assert report.rejected == 1500
    assert len(report.rejects) == MOST_REJECTS
    assert report.rejects_file is not None
    assert len(report.rejects_file.read_bytes().splitlines()) == 1500


def test_names_and_lines_that_are_no_text_do_not_end_the_report(settings: Settings, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b[31m.json"))
    path.write_bytes(b'{"a":"\xff\xfe"}\n')

    report = import_paths(settings, [path])

    assert report.rejected == 1


def test_a_time_that_cannot_be_read_is_named_with_its_file(tmp_path: Path) -> None:
    spoiled = orjson.dumps(document(2, UtcTime="soon", EventTime="later"))
    first = log(tmp_path, "a.json", lines([1]))
    second = log(tmp_path, "b.json", spoiled + b"\n")
    third = log(tmp_path, "c.json", lines([3]))

    result = Imported([first, second, third])

    assert result.numbers == [1, 3]
    assert [(reject.file, reject.place) for reject in result.report.rejects] == [(str(second), "line 1")]


PIECES = {
    "a.json": lines([1, 2, 3]),
    "b.evtx": evtx_bytes([[3, 4], [5]]),
    "c.xml": xml_event(5) + xml_event(6),
    "d.tar": tar_bytes({"x": lines([6, 7]), "y": lines([1, 8])}),
    "e.json": lines([2, 9]) + b"oops\n",
}


@given(st.permutations(sorted(PIECES)), st.sets(st.integers(1, 4)))
def test_any_split_in_any_order_ends_in_the_same_store(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], cuts: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    paths = [log(folder, name, PIECES[name]) for name in order]
    store = MemoryStore()

    bounds = [0, *sorted(cuts), len(paths)]
    for start, end in pairwise(bounds):
        import_into(store, paths[start:end], LIMITS)

    assert numbers_in(store) == list(range(1, 10))


def test_real_logs_have_the_counts_of_their_manifest(real_data: Path) -> None:
    store = MemoryStore()
    store.add = lambda batch, source: Added(len(batch), 0, 1)  # type: ignore[method-assign]
    rows = [line.split("\t") for line in (real_data / "MANIFEST.tsv").read_text().splitlines()[1:]]
    wrong = {}
    for row in rows:
        path = real_data / row[0]
        if row[0].startswith(("json/", "evtx")):
            report = import_into(store, [path], replace(LIMITS, line=32 << 20, unpacked=8 << 30))
            if report.sysmon_events != int(row[8]):
                wrong[row[0]] = (report.sysmon_events, row[8])
    assert not wrong
