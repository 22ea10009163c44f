"""Imports in several processes, and processes that die."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest
from sqlalchemy import select

from app.ingest import sources
from app.ingest.kinds import Kind
from app.ingest.report import Progress
from app.ingest.run import import_paths
from app.ingest.sources import Part, share_out
from app.settings import Settings
from app.state.models import BatchRow
from app.store.open import open_embedded
from app.store.verify import Fault
from tests.unit.ingest.evtx_file import CHUNK, evtx_bytes
from tests.unit.ingest.logs import lines
from tests.unit.ingest.test_import import ledger, log, stored


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a process be worth it for little, so that tests are quick."""
    monkeypatch.setattr(sources, "_PART", CHUNK)
    monkeypatch.setattr(sources, "_WORTH_A_PROCESS", 1)


@pytest.mark.usefixtures("small_parts")
def test_parts_of_json_lines_end_where_lines_end_and_lose_nothing(tmp_path: Path) -> None:
    path = log(tmp_path, "a.json", lines(range(20_000)))

    parts = list(share_out([Part(path, path.stat().st_size)]))

    data = path.read_bytes()
    assert len(parts) > 2
    assert b"".join(data[part.start : part.end] for part in parts) == data
    assert all(data[part.end - 1 : part.end] == b"\n" for part in parts)
    assert [part.first for part in parts] == [1 + data[: part.start].count(b"\n") for part in parts]


@pytest.mark.usefixtures("small_parts")
def test_parts_of_evtx_hold_whole_chunks(tmp_path: Path) -> None:
    path = log(tmp_path, "a.evtx", evtx_bytes([[1], [2], [3], [4]]))

    parts = list(share_out([Part(path, path.stat().st_size)]))

    assert [(part.kind, part.start, part.first) for part in parts] == [
        (Kind.EVTX, 0, 0),
        *((Kind.EVTX, 4096 + number * CHUNK, number) for number in (1, 2, 3)),
    ]


@pytest.mark.usefixtures("small_parts")
def test_several_processes_store_what_one_does(settings: Settings, tmp_path: Path) -> None:
    text = lines(range(8_000)).replace(b"\n", b"\noops\n", 1)
    paths = [
        log(tmp_path, "a.json", text),
        log(tmp_path, "b.evtx", evtx_bytes([[n, n + 1] for n in range(8_000, 8_010, 2)])),
        log(tmp_path, "c.json", lines(range(7_990, 8_020))),
        log(tmp_path, "d.txt", b"no log"),
    ]

    report = import_paths(settings, paths, jobs=2)

    assert stored(settings) == list(range(8_020))
    assert (report.files, report.added, report.duplicates, report.rejected) == (3, 8_020, 20, 2)
    assert {(reject.file, reject.place) for reject in report.rejects} == {
        (str(paths[0]), "line 2"),
        (str(paths[3]), ""),
    }
    assert not report.partial


@pytest.mark.usefixtures("small_parts")
def test_stopping_reaches_all_processes(settings: Settings, tmp_path: Path) -> None:
    paths = [log(tmp_path, f"{n}.json", lines(range(n * 2000, n * 2000 + 2000))) for n in range(8)]
    stop = Flag()

    def stop_soon(progress: Progress) -> None:
        if progress.counts.records:
            stop.set()

    report = import_paths(settings, paths, jobs=2, on_progress=stop_soon, stop=stop)

    assert report.partial
    assert report.error is None
    assert report.added == report.sysmon_events == len(stored(settings)) < 16_000


@pytest.mark.usefixtures("small_parts")
def test_processes_that_are_killed_are_noticed_and_the_file_named(settings: Settings, tmp_path: Path) -> None:
    paths = [log(tmp_path, f"{n}.json", lines(range(n * 3000, n * 3000 + 3000))) for n in range(6)]
    killed: list[str] = []

    def kill_all(progress: Progress) -> None:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        if progress.counts.records and not killed:
            killed.extend(workers)
            for worker in workers:
                os.kill(int(worker), signal.SIGKILL)

    report = import_paths(settings, paths, jobs=2, on_progress=kill_all)

    assert report.partial
    assert "signal 9" in str(report.error)
    assert ".json" in str(report.error)
    assert len(stored(settings)) == len(set(stored(settings)))
    assert import_paths(settings, paths, jobs=1).partial is False
    assert stored(settings) == list(range(18_000))


def test_two_imports_at_once_store_each_event_once(settings: Settings, tmp_path: Path) -> None:
    path = log(tmp_path, "a.json", lines(range(20_000)))
    reports = []
    threads = [Thread(target=lambda: reports.append(import_paths(settings, [path]))) for _ in range(2)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(report.added for report in reports) == 20_000
    assert stored(settings) == list(range(20_000))


IMPORT = """
import sys
from pathlib import Path
from app.ingest import feed, jsonlines
from app.ingest.run import import_paths
from app.settings import Settings

feed.BATCH = jsonlines._SLICE = 500
import_paths(Settings(data=Path(sys.argv[1])), [Path(sys.argv[2])])
"""


def kill_and_finish(settings: Settings, folder: Path, rolls: random.Random, kills: int) -> None:
    """Kill an import again and again at random moments, then let it finish and look."""
    path = log(folder, "a.json", lines(range(20_000)))
    for _ in range(kills):
        process = subprocess.Popen([sys.executable, "-c", IMPORT, str(settings.data), str(path)])
        time.sleep(rolls.uniform(0.5, 3.0))
        process.kill()
        process.wait()
        if settings.data.exists():
            # Batches are stored in the order of the log, and each as a whole.
            held = stored(settings)
            assert held == list(range(len(held)))
            with open_embedded(settings) as store, store.database.read() as connection:
                assert sum(connection.scalars(select(BatchRow.rows))) == len(held)
                # A kill may leave a file that nothing names; the next import removes it.
                assert {finding.fault for finding in store.verify()} <= {Fault.ORPHAN}

    report = import_paths(settings, [path])

    assert report.added + report.duplicates == 20_000
    assert stored(settings) == list(range(20_000))
    assert {row.state for row in ledger(settings)} <= {"partial", "complete"}
    with open_embedded(settings) as store:
        assert not list(store.verify())


def test_kills_at_random_moments_lose_and_double_nothing(settings: Settings, tmp_path: Path) -> None:
    kill_and_finish(settings, tmp_path, random.Random(1), kills=3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_fifty_kills_at_random_moments_lose_and_double_nothing(
    settings: Settings, tmp_path: Path, seed: int
) -> None:
    kill_and_finish(settings, tmp_path, random.Random(100 + seed), kills=5)
