"""Jobs in the state database: each is run by one worker, and none is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import NotFound
from app.jobs.queue import JobName, enqueue, locks_folder
from app.settings import Settings
from app.state.database import Database, open_database
from app.state.jobs import Claim, Job, cancel, claim, jobs_about, queue_again, read_job, take_back


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    yield database
    database.close()


def queued(database: Database, *subjects: str) -> list[int]:
    with database.write() as connection:
        return [enqueue(connection, JobName.IMPORT, subject, {"of": subject}) for subject in subjects]


Take = Callable[[], Claim]


@pytest.fixture
def take(database: Database, settings: Settings) -> Iterator[Take]:
    """Return what claims the next job; all are released in the end."""
    taken: list[Claim] = []

    def claimed() -> Claim:
        found = claim(database, locks_folder(settings))
        assert found is not None
        taken.append(found)
        return found

    yield claimed
    for found in taken:
        found.release()


def job(database: Database, number: int) -> Job:
    with database.read() as connection:
        return read_job(connection, number)


def test_jobs_are_taken_in_the_order_in_which_they_were_queued(
    database: Database, settings: Settings, take: Take
) -> None:
    queued(database, "a", "b")

    first, second = take(), take()

    assert (first.job.subject, second.job.subject) == ("a", "b")
    assert first.job.arguments == {"of": "a"}
    assert claim(database, locks_folder(settings)) is None


def test_a_job_is_queued_with_what_its_transaction_writes_or_not_at_all(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            enqueue(connection, JobName.IMPORT, "a", {})
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - our own
        fail()

    with database.read() as connection:
        assert jobs_about(connection, ["a"]) == {}


def test_many_workers_at_once_run_each_job_once(database: Database, settings: Settings) -> None:
    numbers = queued(database, *map(str, range(30)))
    held: list[Claim] = []

    def work(_worker: int) -> list[int]:
        mine = []
        other = Database(database.path)
        while (found := claim(other, locks_folder(settings))) is not None:
            held.append(found)
            mine.append(found.job.id)
        other.close()
        return mine

    with ThreadPoolExecutor(4) as pool:
        found = [number for mine in pool.map(work, range(4)) for number in mine]

    assert sorted(found) == numbers
    for each in held:
        each.release()


def test_a_job_whose_worker_lives_is_not_taken_back(
    database: Database, settings: Settings, take: Take
) -> None:
    (number,) = queued(database, "a")
    claimed_job = take()

    assert take_back(database, locks_folder(settings)) == 0
    claimed_job.finish("done")
    claimed_job.release()
    assert take_back(database, locks_folder(settings)) == 0
    assert job(database, number).state == "done"


def test_a_job_whose_worker_is_dead_is_taken_back_and_knows_how_often(
    database: Database, settings: Settings, take: Take
) -> None:
    (number,) = queued(database, "a")
    for tries in range(1, 4):
        take().release()  # As the system does when a process ends.
        assert job(database, number).state == "running"
        assert take_back(database, locks_folder(settings)) == 1
        assert job(database, number).state == "queued"
        assert job(database, number).vain_claims == tries

    last = take()
    last.tell({"added": 1}, advanced=True)

    assert job(database, number).vain_claims == 0
    assert job(database, number).progress == {"added": 1}


def test_a_worker_that_lost_its_job_cannot_change_it(
    database: Database, settings: Settings, take: Take
) -> None:
    (number,) = queued(database, "a")
    lost = take()
    lost.release()
    take_back(database, locks_folder(settings))
    now = take()

    lost.finish("failed", "too late")

    assert job(database, number).state == "running"
    now.finish("done")
    assert job(database, number).state == "done"


def test_a_job_that_is_given_back_is_the_next_one(database: Database, take: Take) -> None:
    queued(database, "a", "b")
    first = take()
    first.give_back()
    first.release()

    again = take()

    assert again.job.subject == "a"
    assert again.job.vain_claims == 1


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_is_asked(database: Database, take: Take) -> None:
    waiting, running = queued(database, "a", "b")
    assert cancel(database, waiting) == "cancelled"
    held = take()

    assert cancel(database, running) == "running"
    assert held.is_cancel_asked()
    assert held.tell({}, advanced=False)
    held.finish("cancelled")
    assert cancel(database, running) == "cancelled"


def test_only_what_failed_is_queued_again(database: Database, take: Take) -> None:
    (number,) = queued(database, "a")
    with database.write() as connection:
        assert not queue_again(connection, number)
    take().finish("failed", "the disk is full")
    assert job(database, number).error == "the disk is full"

    with database.write() as connection:
        assert queue_again(connection, number)

    assert (job(database, number).state, job(database, number).error) == ("queued", None)


def test_a_job_that_is_not_there_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound):
        job(database, 9)
