"""What other processes do in these tests: they are started fresh and may be killed."""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from app.errors import SysmonSearchError
from app.settings import Settings
from app.store.compaction import Effort
from app.store.embedded import EmbeddedStore
from app.store.open import open_embedded
from app.sysmon.batch import EventBatch
from tests.builders import NOON, batch_of, process_create

ROWS = 20
"""Events of each batch."""

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.unit.store.writers"])


def numbered(number: int) -> EventBatch:
    """Return a batch of events over two months, the same in each process."""
    first = number * ROWS
    return batch_of(
        *(
            process_create(
                record_id=record,
                time=NOON + timedelta(minutes=record, days=30 * (record % 2)),
                process_guid=f"{record:032x}",
            )
            for record in range(first, first + ROWS)
        )
    )


def start(work: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Start another process that does ``work``."""
    process = _PROCESSES.Process(target=work, args=arguments, daemon=True)
    process.start()
    return process


def add_numbered(data: Path, numbers: Sequence[int], progress: Path) -> None:
    """Store batches, and note in a file how many ``add`` has returned from."""
    with open_embedded(Settings(data=data)) as store, progress.open("ab", buffering=0) as file:
        file.write(b"o")
        for number in numbers:
            store.add(numbered(number), f"batch {number}")
            file.write(b".")


def compact_all(data: Path, progress: Path) -> None:
    """Merge all that is small."""
    with open_embedded(Settings(data=data)) as store:
        progress.write_bytes(b"o")
        store.compact(Effort.EVERYTHING)


def add_with_a_small_limit(data: Path, progress: Path) -> None:
    """Store a batch, fail with one whose file the system refuses, and store it after that."""
    with open_embedded(Settings(data=data)) as store:
        store.add(numbered(0), "before")
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, hard))
        said = _failure(store)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        _tell(store, said, progress)


def add_on_a_full_disk(data: Path, progress: Path) -> None:
    """Store a batch, fail with one for which there is no room, and store it when there is."""
    with open_embedded(Settings(data=data)) as store:
        store.add(numbered(0), "before")
        filler = data / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        said = _failure(store)
        filler.unlink()
        _tell(store, said, progress)


def _failure(store: EmbeddedStore) -> str:
    try:
        store.add(numbered(1), "too large")
    except SysmonSearchError as error:
        return f"{type(error).__name__}: {error}"
    return "stored"


def _tell(store: EmbeddedStore, said: str, progress: Path) -> None:
    """Note what was said, what lay about then, what is stored then and after another try."""
    left = sorted(path.name for path in (store.catalogue.folder / "tmp").iterdir())
    orphans = [finding.fault.value for finding in store.verify()]
    before = store.info().events
    store.add(numbered(1), "after")
    told = {"said": said, "left": left, "orphans": orphans, "before": before, "after": store.info().events}
    progress.write_text(json.dumps(told))


if __name__ == "__main__":
    add_on_a_full_disk(Path(sys.argv[1]), Path(sys.argv[2]))
