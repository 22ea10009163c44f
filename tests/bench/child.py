"""One measurement in a process of its own, so that time and memory are its own.

``python -m tests.bench.child ONE_CORE WHAT ARGUMENTS…`` prints a JSON object.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from time import perf_counter
from typing import Any, Final

import orjson


def run_import(data: str, jobs: str, *paths: str) -> dict[str, Any]:
    """Import into a new store; loading the program counts as little as the baseline's loading."""
    from app.ingest.run import import_paths
    from app.settings import Settings
    from app.store.open import open_embedded

    settings = Settings(data=Path(data))
    with open_embedded(settings) as store:
        store.info()
    clock = Clock()
    report = import_paths(settings, [Path(path) for path in paths], jobs=int(jobs))
    return clock.stop(report.records) | {"added": report.added, "rejected": report.rejected}


def decode_evtx(*paths: str) -> dict[str, Any]:
    """Decode all records with the evtx package and orjson, and do nothing with them."""
    from evtx import PyEvtxParser

    clock, records = Clock(), 0
    for path in paths:
        stream: Iterator[Any] = iter(PyEvtxParser(path).records_json())
        while True:
            try:
                record = next(stream)
            except StopIteration:
                break
            except RuntimeError:
                continue
            orjson.loads(record["data"])
            records += 1
    return clock.stop(records)


def decode_lines(*paths: str) -> dict[str, Any]:
    """Decode all lines with orjson, and do nothing with them."""
    clock, records = Clock(), 0
    for path in paths:
        with Path(path).open("rb") as lines:
            for line in lines:
                if line.isspace():
                    continue
                # A line that is no JSON costs its attempt too.
                with suppress(orjson.JSONDecodeError):
                    orjson.loads(line)
                records += 1
    return clock.stop(records)


def run_compact(data: str) -> dict[str, Any]:
    """Merge the segments of a store."""
    from app.settings import Settings
    from app.store.open import open_embedded

    clock = Clock()
    with open_embedded(Settings(data=Path(data))) as store:
        done = store.compact()
    return clock.stop(done.rows) | {"merged": done.merged, "into": done.into}


def run_export(data: str, address: str) -> dict[str, Any]:
    """Fetch an export piece by piece, and keep nothing of it."""
    from app.settings import Settings
    from app.web.app import create_app

    client = create_app(Settings(data=Path(data))).test_client()
    clock, size, lines = Clock(), 0, 0
    with client.get(address, buffered=False) as answer:
        assert answer.status_code == 200, answer.status
        for piece in answer.iter_encoded():
            size += len(piece)
            lines += piece.count(b'"event_key":') or piece.count(b"\n")
    return clock.stop(lines) | {"bytes": size}


class Clock:
    """Time, processor time and memory from now on; of child processes too."""

    def __init__(self) -> None:
        self._wall = perf_counter()
        self._cpu = self._seconds()
        self._memory = Memory()

    @staticmethod
    def _seconds() -> float:
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    def stop(self, records: int) -> dict[str, Any]:
        own, children = self._memory.stop()
        return {
            "records": records,
            "wall": perf_counter() - self._wall,
            "cpu": self._seconds() - self._cpu,
            "rss_mb": own,
            "workers_mb": children,
        }


class Memory(Thread):
    """Peaks of memory in MB: of this process, and of the worst moment of its children together.

    ``getrusage`` is no help: a child begins with its parent's peak.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._ended = Event()
        self._children = 0.0
        self.start()

    def run(self) -> None:
        while not self._ended.wait(0.1):
            children = Path(f"/proc/self/task/{os.getpid()}/children")
            if not children.exists():
                return
            now = sum(_megabytes(number, "VmRSS") for number in children.read_text().split())
            self._children = max(self._children, now)

    def stop(self) -> tuple[float, float]:
        self._ended.set()
        self.join()
        return _megabytes("self", "VmHWM"), self._children


def _megabytes(process: str, name: str) -> float:
    """Return a number of ``/proc``; 0 where there is none, or the process has just ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), 0.0)


WORK: Final[dict[str, Callable[..., dict[str, Any]]]] = {
    "import": run_import,
    "decode-evtx": decode_evtx,
    "decode-lines": decode_lines,
    "compact": run_compact,
    "export": run_export,
}


def main() -> None:
    one_core, what, *arguments = sys.argv[1:]
    if one_core == "1" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})
    sys.stdout.buffer.write(orjson.dumps(WORK[what](*arguments)))


if __name__ == "__main__":
    main()
