"""Workers that are killed at random moments, and the import that ends the same all the same."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from contextlib import closing

import pytest

from app.jobs.imports import job_of_import
from app.jobs.uploads import FOLDER
from app.settings import Settings
from app.state.database import open_database
from app.store.open import open_embedded
from tests.unit.ingest.logs import lines
from tests.unit.ingest.test_import import stored
from tests.unit.jobs.test_worker import entry, upload, work

EVENTS = 10_000

WORKER = """
import sys
from pathlib import Path
from threading import Event
from app.ingest import feed, jsonlines
from app.jobs import worker
from app.settings import Settings

feed.BATCH = jsonlines._SLICE = 500
worker.LOOK_SECONDS = 0.05
worker.run_worker(Settings(data=Path(sys.argv[1])), Event(), until_empty=True, say=lambda line: None)
"""


def kill_and_finish(settings: Settings, rolls: random.Random, kills: int) -> None:
    """Kill the worker again and again at random moments, then let one finish, and look."""
    log = lines(range(EVENTS // 2)), lines(range(EVENTS // 2 - 100, EVENTS)) + b"oops\n"
    with closing(open_database(settings)) as database:
        number = upload(settings, database, *log)
        for _ in range(kills):
            process = subprocess.Popen([sys.executable, "-c", WORKER, str(settings.data)])
            time.sleep(rolls.uniform(0.3, 3.0))
            process.kill()
            process.wait()
            assert entry(database, number).state in {"queued", "running", "complete"}

        work(settings)

        found = entry(database, number)
        assert found.state == "complete"
        counts = (found.counts["added"], found.counts["duplicates"], found.counts["rejected"])
        assert counts == (EVENTS, 100, 1)
        assert job_of_import(database, number).state == "done"
    assert stored(settings) == list(range(EVENTS))
    assert list((settings.data / FOLDER).iterdir()) == []
    assert not list((settings.data / "jobs").glob("[0-9]*.lock"))
    with open_embedded(settings) as store:
        assert not list(store.verify())


def test_kills_at_random_moments_change_nothing(settings: Settings) -> None:
    kill_and_finish(settings, random.Random(1), kills=3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_kills_at_random_moments_change_nothing(settings: Settings, seed: int) -> None:
    kill_and_finish(settings, random.Random(100 + seed), kills=10)
