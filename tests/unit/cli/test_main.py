"""The command's frame: help, errors, exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.main import COMMANDS, cli, exit_code, shown
from app.errors import (
    BadInput,
    BadQuery,
    BadSetting,
    NotFound,
    QueryTooSlow,
    StoreUnavailable,
    SysmonSearchError,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadQuery("x"), 2),
        (BadSetting("x"), 2),
        (StoreUnavailable("x"), 3),
        (QueryTooSlow("x"), 3),
        (NotFound("x"), 1),
        (BadInput("x"), 1),
    ],
)
def test_each_error_has_its_exit_code(error: SysmonSearchError, code: int) -> None:
    assert exit_code(error) == code


def test_a_bad_query_is_shown_with_a_caret_under_the_character() -> None:
    lines = shown(BadQuery("Unknown field.", text="a Imge:x", position=2)).splitlines()

    assert lines[1].index("I") == lines[2].index("^")


def test_the_caret_stands_under_the_character_where_others_are_wide() -> None:
    lines = shown(BadQuery("Unknown field.", text="\u65e5\u672c\u8a9e Imge:x", position=4)).splitlines()

    assert lines[2] == " " * (2 + 6 + 1) + "^"


def test_a_long_query_is_shown_in_one_line_around_the_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    lines = shown(
        BadQuery("Unknown field.", text="a" * 9_000 + "!" + "b" * 9_000, position=9_000)
    ).splitlines()

    assert lines[1].index("!") == lines[2].index("^")
    assert len(lines[1]) <= 80


def test_ctrl_c_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.store.open.open_store", interrupted)

    result = CliRunner().invoke(cli, ["search", "x"])

    assert result.exit_code == 130
    assert result.stderr.strip() == "sysmonsearch: Stopped."


def test_terminal_escapes_in_a_message_are_harmless() -> None:
    assert "\x1b" not in shown(NotFound("no \x1b[2Jsuch"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_with_an_example(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])

    assert result.exit_code == 0
    assert "sysmonsearch " + name in result.output


def test_a_wrong_setting_is_said_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSMONSEARCH_PORT", "x")

    result = CliRunner().invoke(cli, ["serve"])

    assert result.exit_code == 2
    assert "SYSMONSEARCH_PORT" in result.output


def test_serve_listens_on_this_machine_only() -> None:
    result = CliRunner().invoke(cli, ["serve", "--host", "0.0.0.0"])

    assert result.exit_code == 2
    assert "loopback" in result.output


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from app.cli.main import cli\n"
        "try: cli(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'pyarrow', 'duckdb', 'numpy', 'sqlalchemy', 'flask', 'lark', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )

    assert run.stdout.splitlines()[-1] == "[]"
