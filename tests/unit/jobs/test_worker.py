"""Workers and imports: done, stopped, cancelled, failed, interrupted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from time import monotonic, sleep

import pytest

from app.errors import BadInput, StoreUnavailable
from app.ingest import feed, jsonlines
from app.ingest.run import import_paths
from app.jobs import tasks, worker
from app.jobs.imports import cancel_import, enqueue_import, has_files, import_again, job_of_import
from app.jobs.queue import is_worker_alive, locks_folder
from app.jobs.tasks import Ended, Work
from app.jobs.uploads import FOLDER, UploadedFile, new_upload
from app.jobs.worker import run_worker
from app.settings import Settings
from app.state.database import Database, open_database
from app.state.imports import ImportEntry, import_entry, set_import
from app.state.jobs import claim
from tests.unit.ingest.logs import lines
from tests.unit.ingest.test_import import stored


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    yield database
    database.close()


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(worker, "_WAIT_SECONDS", 0.05)


def upload(settings: Settings, database: Database, *logs: bytes) -> int:
    """Queue the import of logs as the pages do; return its number."""
    with new_upload(settings) as folder:
        for number, data in enumerate(logs, 1):
            folder.path(number).write_bytes(data)
        files = [
            UploadedFile(number, f"log {number}.json", len(data), "") for number, data in enumerate(logs, 1)
        ]
        return enqueue_import(database, folder, files)


def entry(database: Database, number: int) -> ImportEntry:
    with database.read() as connection:
        return import_entry(connection, number)


def uploads(settings: Settings) -> Sequence[Path]:
    return list((settings.data / FOLDER).iterdir())


def work(settings: Settings) -> None:
    run_worker(settings, Flag(), until_empty=True, say=lambda _line: None)


def slow_logs(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Make imports store 100 events at once and look about after each; return a log that takes a while."""
    monkeypatch.setattr(feed, "BATCH", 100)
    monkeypatch.setattr(jsonlines, "_SLICE", 100)
    return lines(range(4_000))


def test_an_upload_is_imported_and_its_files_removed(settings: Settings, database: Database) -> None:
    number = upload(settings, database, lines([1, 2]) + b"oops\n", lines([2, 3]))
    assert entry(database, number).state == "queued"

    work(settings)

    assert stored(settings) == [1, 2, 3]
    found = entry(database, number)
    assert (found.state, found.error, list(found.paths)) == ("complete", None, ["log 1.json", "log 2.json"])
    assert (found.counts["added"], found.counts["duplicates"], found.counts["rejected"]) == (3, 1, 1)
    assert job_of_import(database, number).state == "done"
    assert uploads(settings) == []


def test_two_imports_at_once_are_run_one_after_the_other(settings: Settings, database: Database) -> None:
    first = upload(settings, database, lines([1, 2]))
    second = upload(settings, database, lines([2, 3]))

    work(settings)

    assert entry(database, first).counts["added"] == 2
    assert (entry(database, second).counts["added"], entry(database, second).counts["duplicates"]) == (1, 1)


def test_an_import_that_is_cancelled_before_it_begins_never_begins(
    settings: Settings, database: Database
) -> None:
    number = upload(settings, database, lines([1]))

    assert cancel_import(settings, database, number) == "cancelled"
    work(settings)

    assert entry(database, number).state == "cancelled"
    assert uploads(settings) == []
    assert stored(settings) == []


def test_an_import_that_is_cancelled_while_it_runs_keeps_what_it_stored(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = upload(settings, database, slow_logs(monkeypatch))
    thread = Thread(target=work, args=(settings,))
    thread.start()
    wait_for_events(settings, database, number)

    cancel_import(settings, database, number)
    thread.join()

    found = entry(database, number)
    assert (found.state, found.error) == ("cancelled", None)
    assert 0 < len(stored(settings)) == found.counts["added"] < 4_000
    assert job_of_import(database, number).state == "cancelled"
    assert uploads(settings) == []


def wait_for_events(settings: Settings, database: Database, number: int) -> None:
    ends = monotonic() + 60
    while not job_of_import(database, number).progress.get("added"):
        assert monotonic() < ends
        sleep(0.01)


def test_a_worker_that_is_told_to_end_stores_what_it_read_and_the_next_goes_on(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = upload(settings, database, slow_logs(monkeypatch))
    end = Flag()
    thread = Thread(target=run_worker, args=(settings, end), kwargs={"say": lambda _line: None})
    thread.start()
    wait_for_events(settings, database, number)
    assert is_worker_alive(settings)

    end.set()
    thread.join()

    before = len(stored(settings))
    assert 0 < before < 4_000
    assert entry(database, number).state == "queued"
    assert job_of_import(database, number).state == "queued"
    assert not is_worker_alive(settings)

    work(settings)

    found = entry(database, number)
    assert found.state == "complete"
    assert (found.counts["added"], found.counts["duplicates"]) == (4_000, 0)
    assert stored(settings) == list(range(4_000))


def test_files_that_are_no_logs_end_as_a_failed_import_without_files(
    settings: Settings, database: Database
) -> None:
    number = upload(settings, database, b"hello", b"")

    work(settings)

    assert entry(database, number).state == "failed"
    assert entry(database, number).error is None
    assert uploads(settings) == []


def test_an_import_that_an_error_ends_keeps_its_files_and_can_be_run_again(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = upload(settings, database, lines([1, 2]))
    with monkeypatch.context() as full:
        full.setattr(feed.Feed, "flush", _no_space)
        work(settings)

    found = entry(database, number)
    assert found.state == "partial"
    assert "No space left" in str(found.error)
    assert "import the files again" in str(found.error)
    job = job_of_import(database, number)
    assert job.state == "failed"
    assert has_files(settings, job)

    assert import_again(settings, database, number)
    work(settings)

    assert (entry(database, number).state, entry(database, number).error) == ("complete", None)
    assert stored(settings) == [1, 2]
    assert uploads(settings) == []
    assert not import_again(settings, database, number)


def _no_space(_feed: feed.Feed) -> None:
    raise StoreUnavailable("The store cannot be written: No space left on device.")


def test_a_failed_import_that_is_given_up_loses_its_files(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = upload(settings, database, lines([1]))
    monkeypatch.setattr(feed.Feed, "flush", _no_space)
    work(settings)

    assert cancel_import(settings, database, number) == "failed"

    assert uploads(settings) == []
    assert not import_again(settings, database, number)


def test_files_that_are_gone_are_said(settings: Settings, database: Database) -> None:
    number = upload(settings, database, lines([1]))
    for folder in uploads(settings):
        shutil.rmtree(folder)

    work(settings)

    assert entry(database, number).state == "failed"
    assert "no such file" in str(entry(database, number).error)


class Broken:
    """A task with a fault."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.tries = 0

    def run(self, work: Work) -> Ended:
        self.tries += 1
        raise self.error

    def settle(self, work: Work, state: str, error: str | None) -> None:
        tasks.ImportTask().settle(work, state, error)

    def clean(self, work: Work, state: str) -> None:
        tasks.ImportTask().clean(work, state)


def test_a_fault_of_the_program_fails_the_job_and_not_the_worker(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = upload(settings, database, lines([1])), upload(settings, database, lines([2]))
    task = Broken(ZeroDivisionError("oops"))
    said: list[str] = []
    monkeypatch.setattr(worker, "TASKS", dict.fromkeys(tasks.TASKS, task))

    run_worker(settings, Flag(), until_empty=True, say=said.append)

    assert task.tries == 2
    assert any("ZeroDivisionError" in line for line in said)
    for number in (first, second):
        assert entry(database, number).state == "failed"
        assert "oops" not in str(entry(database, number).error)


def test_a_database_that_does_not_answer_for_a_while_loses_no_job(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = upload(settings, database, lines([1]))
    task = Broken(StoreUnavailable("The disk is full."))
    with monkeypatch.context() as full:
        full.setattr(worker, "TASKS", dict.fromkeys(tasks.TASKS, task))
        end = Flag()
        thread = Thread(target=run_worker, args=(settings, end), kwargs={"say": lambda _line: None})
        thread.start()
        while task.tries < 3:
            sleep(0.01)
        end.set()
        thread.join()

    work(settings)

    assert entry(database, number).state == "complete"


def test_what_ends_its_process_each_time_is_given_up(settings: Settings, database: Database) -> None:
    number = upload(settings, database, lines([1]))
    said: list[str] = []
    for _ in range(10):
        died = claim(database, locks_folder(settings))
        assert died is not None
        died.release()
        with database.write() as connection:
            connection.exec_driver_sql("UPDATE jobs SET state = 'queued'")

    run_worker(settings, Flag(), until_empty=True, say=said.append)

    assert entry(database, number).state == "failed"
    assert "ended 10 times" in str(entry(database, number).error)
    assert import_again(settings, database, number)
    work(settings)
    assert entry(database, number).state == "complete"


def test_left_overs_of_uploads_are_removed_when_a_worker_starts(
    settings: Settings, database: Database
) -> None:
    with new_upload(settings) as orphan:
        orphan.path(1).write_bytes(b"x")
    number = upload(settings, database, lines([1]))

    work(settings)

    assert entry(database, number).state == "complete"
    assert uploads(settings) == []


def test_bad_input_of_a_task_is_said_in_its_words(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = upload(settings, database, lines([1]))
    monkeypatch.setattr(
        worker, "TASKS", {name: Broken(BadInput("It is odd.", file="a")) for name in tasks.TASKS}
    )

    work(settings)

    assert entry(database, number).error == "a: It is odd."


def test_an_import_that_a_worker_will_go_on_with_is_not_marked_as_ended(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    number = upload(settings, database, lines([1]))
    died = claim(database, locks_folder(settings))
    assert died is not None
    with database.write() as connection:
        set_import(connection, number, state="running")
    died.release()
    path = tmp_path / "other.json"
    path.write_bytes(lines([2]))

    import_paths(settings, [path])

    assert entry(database, number).state == "running"
    work(settings)
    assert entry(database, number).state == "complete"
