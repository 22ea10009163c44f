"""Import against bare decoding, in the same run and on the same files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import orjson

from app.demo.files import write_fleet
from app.demo.fleet import Fleet
from tests.bench.big_evtx import make_big_evtx
from tests.bench.measure import Measurement, Target

GROUP: Final = "Import"
MEMORY_MB: Final = 400
_EVTX_SOURCES: Final = (
    "PanacheSysmon_vs_AtomicRedTeam01.evtx",
    "Sysmon_UACME_64.evtx",
    "persistence_sysmon_11_13_1_shime_appfix.evtx",
)


def child(what: str, *arguments: str, one_core: bool = True) -> dict[str, Any]:
    """Measure something in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.child", "1" if one_core else "0", what, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    result: dict[str, Any] = orjson.loads(done.stdout)
    return result


def measure_imports(folder: Path, *, records: int, rounds: int) -> Iterator[Measurement]:
    """Measure EVTX, made JSON lines, real JSON lines, and two processes."""
    real = os.environ.get("SYSMONSEARCH_TEST_DATA")
    if real:
        big = folder / "big.evtx"
        found = [next((Path(real) / "evtx").rglob(name)) for name in _EVTX_SOURCES]
        number = make_big_evtx(found, big, min(records, 90_000))
        note = f"{number:,} records: {len(found)} real files, repeated under other computers' names"
        yield from _against(folder, "EVTX", "decode-evtx", [big], Target(0.4, at_least=True), note, rounds)
        big.unlink()
    (folder / "lines").mkdir(exist_ok=True)
    lines = list(write_fleet(Fleet(events=records).batches(), folder / "lines", per_file=-(-records // 8)))
    note = f"{records:,} lines of the generated fleet"
    yield from _against(folder, "JSON lines", "decode-lines", lines, Target(0.2, at_least=True), note, rounds)
    yield from _two_processes(folder, lines, rounds)
    if real:
        own = _unpacked(Path(real) / "json", folder / "real")
        note = f"{len(own)} real archives, unpacked"
        yield from _against(folder, "Real JSON lines", "decode-lines", own, None, note, rounds)
        shutil.rmtree(folder / "real")
    shutil.rmtree(folder / "lines")


def _against(
    folder: Path, name: str, decode: str, paths: Sequence[Path], target: Target | None, note: str, rounds: int
) -> Iterator[Measurement]:
    """Compare processor time on one core: other work on the machine counts less there."""
    best: dict[str, dict[str, Any]] = {}
    for _ in range(rounds):
        for what, result in (
            ("decode", child(decode, *map(str, paths))),
            ("import", _import(folder, paths, jobs=1, one_core=True)),
        ):
            if what not in best or result["cpu"] < best[what]["cpu"]:
                best[what] = result
    bare, imported = best["decode"], best["import"]
    assert imported["records"] == bare["records"], f"{name}: {imported} but {bare}"
    ratio = bare["cpu"] / imported["cpu"]
    yield Measurement(GROUP, f"{name}, decoded only", bare["records"] / bare["cpu"], "records/s", note=note)
    yield Measurement(
        GROUP,
        f"{name}, imported",
        imported["records"] / imported["cpu"],
        "records/s",
        note=f"{imported['added']:,} added, {imported['rejected']:,} rejected; per second of one core",
    )
    yield Measurement(GROUP, f"{name}, import against decoding", ratio, "", target)
    yield Measurement(GROUP, f"{name}, peak memory", imported["rss_mb"], "MB", Target(MEMORY_MB))


def _two_processes(folder: Path, paths: Sequence[Path], rounds: int) -> Iterator[Measurement]:
    walls = {
        jobs: [_import(folder, paths, jobs=jobs, one_core=False) for _ in range(rounds)] for jobs in (1, 2)
    }
    one, two = (min(result["wall"] for result in walls[jobs]) for jobs in (1, 2))
    yield Measurement(
        GROUP,
        "JSON lines, two processes against one",
        one / two,
        "times",
        Target(1.2, at_least=True),
        f"{one:.1f} s and {two:.1f} s on two cores",
    )
    own, workers = (max(result[name] for result in walls[2]) for name in ("rss_mb", "workers_mb"))
    note = f"{own:.0f} MB of the first, {workers:.0f} MB of its workers together"
    yield Measurement(
        GROUP, "Two processes, peak memory of both", own + workers, "MB", Target(2 * MEMORY_MB), note
    )


def _import(folder: Path, paths: Sequence[Path], *, jobs: int, one_core: bool) -> dict[str, Any]:
    data = folder / "import"
    shutil.rmtree(data, ignore_errors=True)
    result = child("import", str(data), str(jobs), *map(str, paths), one_core=one_core)
    shutil.rmtree(data)
    return result


def _unpacked(archives: Path, folder: Path) -> list[Path]:
    """Unpack the lines of real archives."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (name, data) in enumerate(_members(sorted(archives.rglob("*.*")))):
        if name.startswith("._"):  # A Mac's notes about the file.
            continue
        path = folder / f"{number:03}-{name}"
        path.write_bytes(data)
        paths.append(path)
    return paths


def _members(archives: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    for archive in archives:
        if archive.suffix == ".zip":
            with ZipFile(archive) as zipped:
                for name in zipped.namelist():
                    yield Path(name).name, zipped.read(name)
        elif archive.name.endswith(".tar.gz"):
            with tarfile.open(archive) as tar:
                for member in tar:
                    file = tar.extractfile(member)
                    if file is not None:
                        yield Path(member.name).name, file.read()
