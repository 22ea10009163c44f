"""``sysmonsearch worker``, and what ``serve`` says when it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import pytest
from click.testing import CliRunner

from app.cli.main import cli
from app.cli.serve import _greet
from app.demo.scenario import INFECTED
from app.settings import Settings
from app.state.database import open_database
from tests.unit.ingest.logs import lines
from tests.unit.jobs.test_worker import entry, upload


def test_it_runs_what_is_queued_and_ends(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSMONSEARCH_DATA", str(settings.data))
    with closing(open_database(settings)) as database:
        number = upload(settings, database, lines([1, 2]))

        result = CliRunner().invoke(cli, ["worker", "--until-empty"])

        assert result.exit_code == 0, result.output
        assert entry(database, number).state == "complete"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told_to(tmp_path: Path, how: signal.Signals) -> None:
    code = "from app.cli.main import main; main()"
    environ = {**os.environ, "SYSMONSEARCH_DATA": str(tmp_path / "var")}
    process = subprocess.Popen([sys.executable, "-c", code, "worker"], env=environ)
    ends = monotonic() + 60
    while not (tmp_path / "var" / "jobs" / "workers.lock").exists():
        assert monotonic() < ends
        sleep(0.05)

    process.send_signal(how)

    assert process.wait(60) == 0


def test_a_server_names_the_infected_processes_of_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    _greet("http://127.0.0.1:8000", {INFECTED[0].computer})

    address = f"http://127.0.0.1:8000/processes/{INFECTED[0].computer.lower()}/{INFECTED[0].process_guid}"
    said = capsys.readouterr().out
    assert address in said
    assert INFECTED[1].computer not in said
