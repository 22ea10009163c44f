"""``sysmonsearch store copy`` as people and programs see it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from app.cli.main import cli
from app.settings import Settings
from app.store.copying import Copy
from app.store.open import open_store
from tests.builders import batch_of, file_create_time, process_create

PASSWORD = "pass-word-of-nobody"


def run(tmp_path: Path, *arguments: str) -> Result:
    environment = {"SYSMONSEARCH_DATA": str(tmp_path / "var")}
    return CliRunner().invoke(cli, ["store", "copy", *arguments], env=environment)


@pytest.fixture
def ways(tmp_path: Path) -> tuple[str, ...]:
    """The options of a copy from a store with two events to one that is empty."""
    with open_store(Settings(data=tmp_path / "var")) as store:
        store.add(batch_of(process_create(record_id=1), file_create_time(record_id=2)), "test")
    return ("--from", "embedded:", "--to", f"embedded:{tmp_path / 'second'}")


def test_people_read_what_was_copied_and_that_all_is_there(tmp_path: Path, ways: tuple[str, ...]) -> None:
    result = run(tmp_path, *ways)

    assert result.exit_code == 0
    assert "Events read                  2" in result.stdout
    assert "Every event of the source is in the target." in result.stdout


def test_programs_read_one_object(tmp_path: Path, ways: tuple[str, ...]) -> None:
    run(tmp_path, *ways)
    result = run(tmp_path, *ways, "--anew", "--json")

    said = orjson.loads(result.stdout)
    assert result.exit_code == 0
    assert (said["copied"]["read"], said["copied"]["added"], said["copied"]["duplicates"]) == (2, 0, 2)
    assert (said["compared"]["source"], said["compared"]["missing"]) == (2, 0)


def test_comparing_alone_copies_nothing_and_says_what_is_missing(
    tmp_path: Path, ways: tuple[str, ...]
) -> None:
    result = run(tmp_path, *ways, "--verify")

    assert result.exit_code == 1
    assert "Missing there                2" in result.stdout
    assert "ws-01.example, event ID 1: 1 in the source, 0 in the target, 1 missing" in result.stdout
    assert "missing: ws-01.example~2~20190108T120000.000~2" in result.stdout
    assert "Events read" not in result.stdout


def test_copying_alone_does_not_compare(tmp_path: Path, ways: tuple[str, ...]) -> None:
    said = orjson.loads(run(tmp_path, *ways, "--no-verify", "--json").stdout)

    assert said["copied"]["complete"]
    assert "compared" not in said


@pytest.mark.parametrize(
    ("options", "code", "part"),
    [
        (("--from", "embedded:", "--to", "embedded:"), 2, "the same store"),
        (("--from", "embedded:/nowhere/at/all", "--to", "embedded:"), 2, "no store below"),
        (("--from", "embedded:", "--to", "x:"), 2, "no kind of store"),
        (("--from", "embedded:", "--to", "embedded:/x", "--verify", "--anew"), 2, "--verify goes neither"),
        (("--from", "embedded:", "--to", f"elasticsearch://me:{PASSWORD}@127.0.0.1:1"), 3, "Nothing listens"),
    ],
)
def test_what_cannot_be_copied_has_its_exit_code(
    tmp_path: Path, ways: tuple[str, ...], options: tuple[str, ...], code: int, part: str
) -> None:
    assert ways
    result = run(tmp_path, *options)

    assert result.exit_code == code
    assert part in result.stderr
    assert PASSWORD not in result.output


def test_ctrl_c_ends_a_copy_whole_and_the_same_command_goes_on(
    tmp_path: Path, ways: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Copy, "_say", lambda *_: os.kill(os.getpid(), signal.SIGINT))
        stopped = run(tmp_path, *ways)
    result = run(tmp_path, *ways, "--json")

    assert stopped.exit_code == 130
    assert "Nothing is half done: the same command again goes on." in stopped.stderr
    assert "In the source" not in stopped.stdout
    said = orjson.loads(result.stdout)
    assert (said["copied"]["resumed"], said["copied"]["complete"]) == (True, True)
    assert said["compared"]["missing"] == 0
