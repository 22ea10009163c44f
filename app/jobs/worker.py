"""A worker: takes jobs out of the queue, one after the other, until it is told to end.

It may be killed anywhere. Its job is then queued again by whoever looks next, and runs from
its beginning, which ends the same, for tasks do nothing twice.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any, Final

from app.errors import StoreUnavailable, SysmonSearchError
from app.jobs.imports import is_upload_wanted
from app.jobs.queue import JobName, locks_folder, workers_lock
from app.jobs.tasks import TASKS, Task, Work
from app.jobs.uploads import remove_left_overs
from app.settings import Settings
from app.state.database import Database, open_database
from app.state.jobs import Claim, JobState, claim, take_back
from app.state.locks import share

LOOK_SECONDS: Final = 0.5
"""So often it is looked for jobs, and while one runs, how far it is written and whether to cancel it."""

_WAIT_SECONDS: Final = 5.0
_MOST_VAIN_CLAIMS: Final = 10

Say = Callable[[str], None]


def run_worker(settings: Settings, end: Flag, *, until_empty: bool = False, say: Say = print) -> None:
    """Run jobs until ``end`` is set, or if ``until_empty`` until none is queued.

    A job that is running then is brought to an end soon and queued again.
    """
    folder = locks_folder(settings)
    with closing(open_database(settings)) as database, share(workers_lock(settings)):
        remove_left_overs(settings, lambda token: is_upload_wanted(database, token))
        said = ""
        while not end.is_set():
            try:
                taken = take_back(database, folder)
                if taken:
                    say(f"Jobs whose worker was ended from outside, to be run again: {taken}.")
                claimed = claim(database, folder)
                if claimed is not None:
                    _run_job(settings, database, claimed, end, say)
                elif until_empty:
                    return
                else:
                    end.wait(LOOK_SECONDS)
            except StoreUnavailable as error:
                # A full disk or a busy database: time can heal both, and the jobs are kept.
                if str(error) != said:
                    said = str(error)
                    say(said)
                end.wait(_WAIT_SECONDS)


def _run_job(settings: Settings, database: Database, claimed: Claim, end: Flag, say: Say) -> None:
    job = claimed.job
    task = TASKS[JobName(job.name)]
    watch = _Watch(claimed, end, say)
    work = Work(settings, database, job, watch.stop, watch.tell)
    try:
        state, error = _outcome(task, work, watch, say)
        if state == "queued":
            task.settle(work, state, None)
            claimed.give_back()
            return
        if state == "cancelled":
            task.settle(work, state, None)
        claimed.finish(state, error)
        task.clean(work, state)
    finally:
        claimed.release()


def _outcome(task: Task, work: Work, watch: _Watch, say: Say) -> tuple[JobState, str | None]:
    """Run the task, if it is still wanted; return the state that its job has then, and what went wrong."""
    job = work.job
    if job.cancel_asked:
        return "cancelled", None
    if job.vain_claims > _MOST_VAIN_CLAIMS:
        return _failed(task, work, f"Its process was ended {_MOST_VAIN_CLAIMS} times before it got further.")
    try:
        with watch.watching():
            ended = task.run(work)
    except StoreUnavailable:
        raise  # The job stays with us and is run again.
    except SysmonSearchError as failure:
        return _failed(task, work, str(failure))
    except Exception:  # noqa: BLE001 - The edge of the process: one faulty job must not stop the others.
        say(f"Job {job.id} ({job.name}) failed:\n{traceback.format_exc()}")
        return _failed(task, work, "The program met something that it was not made for; its log has more.")
    if ended.error is not None:
        return "failed", ended.error
    if ended.is_whole:
        return "done", None
    return ("cancelled" if watch.is_cancelled else "queued"), None


def _failed(task: Task, work: Work, error: str) -> tuple[JobState, str]:
    task.settle(work, "failed", error)
    return "failed", error


class _Watch:
    """Writes down now and then how far a job is, and stops it when it shall come to an end."""

    def __init__(self, claimed: Claim, end: Flag, say: Say) -> None:
        self.stop = Flag()
        self.is_cancelled = False
        self._claim = claimed
        self._end = end
        self._say = say
        self._over = Flag()
        self._lock = Lock()
        self._progress: Mapping[str, Any] | None = None
        self._advanced = False

    def tell(self, progress: Mapping[str, Any], advanced: bool) -> None:
        """Take how far the job is; it is written with the next look."""
        with self._lock:
            self._progress = progress
            self._advanced = self._advanced or advanced

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs."""
        thread = Thread(target=self._watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            try:
                self.is_cancelled = self._look()
            except StoreUnavailable as error:
                self._say(str(error))  # The job itself will meet it too, or the next look succeeds.
            if self.is_cancelled or self._end.is_set():
                self.stop.set()

    def _look(self) -> bool:
        with self._lock:
            progress, self._progress = self._progress, None
            advanced, self._advanced = self._advanced, False
        if progress is None:
            return self._claim.is_cancel_asked()
        return self._claim.tell(progress, advanced=advanced)
