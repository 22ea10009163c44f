from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.output import console, safe, styled
from app.sysmon.export import json_bytes

HARMLESS = 'C:\\Windows\\System32\\cmd.exe /c "echo 100%" [bold]é 日本語 ®'


def test_what_is_harmless_stays_as_it_is() -> None:
    assert safe(HARMLESS) == HARMLESS


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("a\r\nb\tc\0", "a\\r\\nb\\tc\\x00"),
        ("\x9b31m", "\\x9b31m"),
        ("gpj\u202eexe.txt", "gpj\\u202eexe.txt"),
        ("a\u200bb\ufeff\u2028", "a\\u200bb\\ufeff\\u2028"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_made_visible(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.text())
def test_no_text_has_an_effect_on_a_terminal(text: str) -> None:
    assert not {unicodedata.category(char) for char in safe(text)} & {"Cc", "Cs", "Zl", "Zp"}
    assert safe(safe(text)) == safe(text)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_says_the_same_and_nothing_to_a_terminal(text: str) -> None:
    line = json_bytes({"CommandLine": text})

    assert orjson.loads(line) == {"CommandLine": text}
    assert safe(line.decode()) == line.decode()


def test_rich_reads_no_markup_in_log_data(capsys: pytest.CaptureFixture[str]) -> None:
    console().print(styled("[red]x[/red] :bomb: \x1b[1m"))

    assert capsys.readouterr().out == "[red]x[/red] :bomb: \\x1b[1m\n"


def test_a_reader_that_goes_away_ends_us_quietly() -> None:
    writes = (
        "from app.cli.output import careful_output, write_lines\n"
        "with careful_output():\n    write_lines(b'x' * 99 + b'\\n' for _ in range(100_000))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", writes], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("output", ["table", "json", "csv"])
def test_a_full_disk_under_the_output_is_said_in_a_sentence(tmp_path: Path, output: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from app.cli.main import main; main()", "search", "-o", output],
            env={**os.environ, "SYSMONSEARCH_DATA": str(tmp_path)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "sysmonsearch: The output ends here, for its disk is full. Free space and run it again."
    ]
