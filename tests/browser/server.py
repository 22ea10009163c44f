"""A real server of the program, over data of its own or over the demo."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

COMMAND: Final = str(Path(sys.executable).with_name("sysmonsearch"))
ROOT: Final = Path(__file__).parents[2]


def make_demo(folder: Path) -> Path:
    """Make the demo's data once for all workers of a run; return its data folder."""
    data = folder / "demo-of-browser-tests"
    data.mkdir(parents=True, exist_ok=True)
    with (folder / "demo-of-browser-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (data / "made").exists():
            done = subprocess.run(
                [COMMAND, "demo"],
                env=_environment(data),
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            (data / "made").touch()
    return data


@contextmanager
def serve(data: Path) -> Iterator[str]:
    """Serve a data folder on a free port; give the address without a slash at its end."""
    log = data / "server.log"
    with (
        log.open("a") as errors,
        subprocess.Popen(
            [COMMAND, "serve", "--port", "0"],
            env=_environment(data),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield _address(process, log)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _address(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        found = re.search(r"is at (http://[\d.]+:\d+)", line)
        if found:
            return found.group(1)
    raise AssertionError(f"the server ended: {''.join(said)}{log.read_text()}")


def _environment(data: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SYSMONSEARCH_")}
    return ours | {"SYSMONSEARCH_DATA": str(data), "PYTHONUNBUFFERED": "1"}
