"""``sysmonsearch import`` as people and programs see it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from app.cli.main import cli
from tests.unit.ingest.logs import lines

CONTRACT = {
    "files",
    "records",
    "sysmon_events",
    "added",
    "duplicates",
    "other_channels",
    "rejected",
    "rejects",
    "seconds",
}


def run(tmp_path: Path, *arguments: str | Path) -> Result:
    environment = {"SYSMONSEARCH_DATA": str(tmp_path / "var")}
    return CliRunner().invoke(cli, ["import", *map(str, arguments)], env=environment)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a.json"
    path.write_bytes(lines([1, 2, 3]) + b"oops\n")
    return path


def test_the_report_is_one_object_for_machines(tmp_path: Path, log: Path) -> None:
    result = run(tmp_path, log, "--json")

    report = orjson.loads(result.stdout)
    assert result.exit_code == 0
    assert report.keys() >= CONTRACT
    assert (report["files"], report["added"], report["rejected"]) == (1, 3, 1)
    assert report["rejects"][0].keys() == {"file", "place", "reason"}


def test_people_read_counts_and_rejects(tmp_path: Path, log: Path) -> None:
    result = run(tmp_path, log)

    assert result.exit_code == 0
    assert "Sysmon events" in result.stdout
    assert f"{log}, line 4" in result.stdout


def test_names_of_files_are_harmless_on_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[31m\u202e.json"
    path.write_bytes(lines([1]) + b"oops\n")

    result = run(tmp_path, path)

    assert "\x1b" not in result.output
    assert "\\x1b[31m\\u202e.json" in result.stdout


def test_a_path_that_leads_nowhere_is_exit_code_1(tmp_path: Path, log: Path) -> None:
    result = run(tmp_path, log, tmp_path / "missing")

    assert result.exit_code == 1
    assert "no such file" in result.stderr
    assert not (tmp_path / "var").exists()


def test_nothing_that_can_be_read_is_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"hello")

    result = run(tmp_path, tmp_path / "notes.txt", "--json")

    assert result.exit_code == 1
    assert orjson.loads(result.stdout)["files"] == 0
    assert "No log was found" in result.stderr


def test_no_path_at_all_is_a_wrong_call(tmp_path: Path) -> None:
    assert run(tmp_path).exit_code == 2


def test_long_lists_of_rejects_are_shortened_and_say_where_all_are(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(lines([1]) + b"oops\n" * 50)

    result = run(tmp_path, path)

    assert result.stdout.count("a.json, line ") == 20
    assert "20 of 50 are shown" in result.stdout
    assert str(tmp_path / "var" / "imports" / "1" / "rejects.ndjson") in result.stdout


def test_ctrl_c_stores_what_was_read_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(lines(range(400_000)))
    code = "from app.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "import", str(path), "--json", "--jobs", "1"],
        env={"SYSMONSEARCH_DATA": str(tmp_path / "var"), "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    rejects = tmp_path / "var" / "imports"
    while not rejects.exists():
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    report = orjson.loads(out)
    assert process.returncode == 130
    assert report["partial"]
    assert report["added"] == report["sysmon_events"] < 400_000
    assert b"the same command again finishes" in err


def test_help_has_examples(tmp_path: Path) -> None:
    result = run(tmp_path, "--help")

    assert result.exit_code == 0
    assert "sysmonsearch import evidence/" in result.stdout
