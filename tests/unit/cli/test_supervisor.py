"""The worker beside the server: started again when it dies, ended with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from app.cli.supervisor import Supervisor


def wait_until(condition: Callable[[], bool]) -> None:
    ends = monotonic() + 30
    while not condition():
        assert monotonic() < ends
        sleep(0.01)


def python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


def test_a_child_that_dies_is_started_again_and_waited_for_longer_each_time(tmp_path: Path) -> None:
    said: list[str] = []
    starts = tmp_path / "starts"
    code = "import sys; open(sys.argv[1], 'a').write('.'); sys.exit(3)"
    supervisor = Supervisor(python(code, starts), said.append, first_wait=0.01)

    supervisor.start()
    wait_until(lambda: starts.exists() and len(starts.read_text()) >= 4)
    supervisor.end()

    assert "with code 3" in said[0]
    assert [line.partition("again in ")[2].partition(" s")[0] for line in said[:3]] == [
        "0.01",
        "0.02",
        "0.04",
    ]


def test_a_child_that_is_killed_is_named_by_its_signal() -> None:
    said: list[str] = []
    supervisor = Supervisor(python("import time; time.sleep(60)"), said.append, first_wait=0.01)
    supervisor.start()
    wait_until(lambda: supervisor.child is not None)
    first = supervisor.child
    assert first is not None

    first.kill()
    wait_until(lambda: supervisor.child is not first)
    supervisor.end()

    assert "by signal 9" in said[0]
    assert supervisor.child is not None
    assert supervisor.child.returncode == -signal.SIGTERM


def test_a_child_that_does_not_end_is_ended() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    supervisor = Supervisor(python(code), lambda _line: None)
    supervisor.start()
    wait_until(lambda: supervisor.child is not None)
    sleep(0.3)

    supervisor.end(patience=0.1)

    assert supervisor.child is not None
    assert supervisor.child.returncode is not None


def test_a_worker_ends_when_its_server_is_killed(tmp_path: Path) -> None:
    code = """
import sys, time
from app.cli.supervisor import WORKER, Supervisor

supervisor = Supervisor(WORKER, print)
supervisor.start()
while supervisor.child is None:
    time.sleep(0.01)
print(supervisor.child.pid, flush=True)
time.sleep(60)
"""
    environ = {**os.environ, "SYSMONSEARCH_DATA": str(tmp_path / "var")}
    with subprocess.Popen(python(code), stdout=subprocess.PIPE, text=True, env=environ) as server:
        assert server.stdout is not None
        worker = Path("/proc") / server.stdout.readline().strip()
        wait_until((tmp_path / "var" / "jobs" / "workers.lock").exists)

        server.kill()

        wait_until(lambda: not worker.exists() or "Z (" in (worker / "status").read_text())
